"""What if the fan-out had another predicate, asked from the console."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import console_sample as sample
from console_fakes import FakeClient
from console_page import Console, console
from dialog_page import DialogPage

from syncropel.api.schema.explain import JoinMoment, WhatIf, WhatIfBar
from syncropel.errors import DaemonUnreachable, RemoteError, SyncropelError
from tui.dialogs.what_if import PAUSE_SECS
from tui.model.glyphs import ASCII, UNICODE
from tui.model.what_if import MOST_BARS, failed_lines, what_if_lines

REAL = JoinMoment(
    record="aa" * 32, index=1, at=1010.0, elapsed_secs=10.0, cost_usd=0.5, accepted=2, finished=2
)
THEN = JoinMoment(
    record="bb" * 32, index=0, at=1005.0, elapsed_secs=5.0, cost_usd=0.2, accepted=1, finished=1
)


def answer(bars: int = 2) -> WhatIf:
    return WhatIf(
        thread=sample.join().thread,
        alias="TUT-001",
        join="all",
        supposed="any",
        outcome="sooner",
        explanation="it would have joined 5.0 s sooner, with $0.30 less spent by then",
        started_at=1000.0,
        real=REAL,
        then=THEN,
        subtasks=[
            WhatIfBar(
                index=index,
                goal="work",
                state="accept",
                spawned_at=1000.0,
                finished_at=1005.0 + 5 * index,
                cost_usd=0.2,
            )
            for index in range(bars)
        ],
    )


def test_the_two_timelines_stand_on_one_axis() -> None:
    """[1] ends with the real join; it has run half of its time when the supposed one comes."""
    words = [line for line, _ in what_if_lines(answer(), 31, UNICODE)]
    assert words[0].startswith("it would have joined 5.0 s sooner")
    bars = [line[10:] for line in words if "[1]" in line and "━" in line]
    assert bars == ["━" * 20, "━" * 10 + "·" * 10]
    assert [line.index("▲") - 10 for line in words if "▲" in line] == [19, 10]
    assert any("joined after 5.0s at $0.20 · 1 accepted, 1 ended · [0] tips it" in line for line in words)


def test_many_subtasks_are_counted_and_ascii_is_ascii() -> None:
    lines = what_if_lines(answer(bars=MOST_BARS + 3), 60, ASCII)
    assert sum("+3 more" in line for line, _ in lines) == 2
    assert all(ASCII.text(line).isascii() for line, _ in lines)


def test_without_an_answer_the_reason_stands_there() -> None:
    told = failed_lines(SyncropelError("T is not fanned out", "fan it out"))
    assert told == [("T is not fanned out", "bad"), ("fan it out", "plain")]


@asynccontextmanager
async def opened(told: WhatIf | SyncropelError) -> AsyncIterator[tuple[Console, DialogPage]]:
    client = FakeClient()
    client.tasks(sample.tasks())
    client.join(sample.join())
    client.answers["/v1/tasks/DOCS-11/what-if"] = told
    async with console(client=client, status=sample.status()) as page:
        await page.press("2")
        await page.passes(1)
        await page.press("w")
        yield page, DialogPage(page)


def asked(page: Console) -> list[str]:
    return [str(call.query["join"]) for call in page.client.sent if call.path.endswith("/what-if")]


async def test_it_begins_with_the_predicate_that_there_is_and_follows_what_is_typed() -> None:
    async with opened(answer()) as (page, dialog):
        assert dialog.focused == "join"
        assert dialog.value("join") == "all"
        await page.passes(PAUSE_SECS)
        assert "5.0 s sooner" in dialog.part("after-fields")
        await dialog.fill("join", "any")
        assert "sooner" not in dialog.part("after-fields"), "that was said of another predicate"
        await page.passes(PAUSE_SECS)
        assert asked(page) == ["all", "any"], "what was overtaken while typing is not asked"
        assert "supposed: any" in dialog.part("after-fields")
        assert dialog.part("command") == "$ spl task what-if DOCS-11 --join any"


async def test_a_mistake_stands_under_its_column_and_the_dialog_stays() -> None:
    source = "k_of_n > (2"
    wrong = RemoteError(
        422,
        "invalid",
        "INVALID_EXPRESSION",
        "unexpected end",
        f"{source}\n{' ' * 11}^\nclose it",
        place=(1, 12),
    )
    async with opened(wrong) as (page, dialog):
        await page.passes(PAUSE_SECS)
        assert dialog.part("after-fields").splitlines() == [
            source, " " * 11 + "^", "unexpected end", "close it",
        ]  # fmt: skip
        await dialog.press("escape")
        assert not dialog.is_open


async def test_a_daemon_that_is_gone_is_said() -> None:
    async with opened(DaemonUnreachable("no daemon answers", "start it: spl serve")) as (page, dialog):
        await page.passes(PAUSE_SECS)
        assert dialog.part("after-fields").splitlines() == ["no daemon answers", "start it: spl serve"]
