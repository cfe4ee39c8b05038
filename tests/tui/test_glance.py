"""The last lines of a subtask's output, in the details of the row under the cursor: bounded, safe, and free
while nobody looks at them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from syncropel.errors import SyncropelError
from syncropel.wire import JoinStatus, OutputPage
from tests.tui import console_sample as sample
from tests.tui.console_fakes import FakeClient
from tests.tui.console_page import Console, console
from tests.tui.test_output import page_of
from tui.connection.glance import BYTES, LINES, LOOK_SECS, LOOKS

OUTPUTS = f"/v1/tasks/{sample.THREAD}/subtasks/"
SIZES = [(120, 40), (200, 50)]


def output(index: int) -> str:
    return f"{OUTPUTS}{index}/output"


def running() -> JoinStatus:
    return sample.join(subtasks=[sample.child(number, state="in_progress") for number in range(3)])


def asked(page: Console) -> list[str]:
    return [call.path for call in page.client.sent if call.path.endswith("/output")]


@asynccontextmanager
async def opened(
    size: tuple[int, int] = (120, 40),
    screen: str = "tasks",
    join: JoinStatus | None = None,
    **outputs: OutputPage | BaseException,
) -> AsyncIterator[Console]:
    client = FakeClient()
    client.tasks(sample.tasks())
    client.join(join or running())
    client.answers |= {output(int(index[1:])): said for index, said in outputs.items()}
    async with console(size, sample.status(), client, screen="tasks") as page:
        await page.passes(1)
        await page.press("enter" if screen == "join" else "tab")
        yield page


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("screen", ["tasks", "join"])
async def test_a_running_subtask_shows_what_it_writes(size: tuple[int, int], screen: str) -> None:
    async with opened(size, screen, _0=page_of("compiling\n3 tests failed\n")) as page:
        await page.passes(LOOK_SECS)
        assert "last lines  compiling" in page.drawn
        assert "3 tests failed" in page.drawn
        call = next(one for one in page.client.sent if one.path == output(0))
        assert call.query == {"attempt": 1, "offset": 0, "limit": BYTES, "tail": LINES}
        page.client.answers[output(0)] = page_of("all tests passed\n", 100)
        for _ in range(LOOKS + 1):
            await page.passes(LOOK_SECS)
        assert "all tests passed" in page.drawn
        assert "compiling" not in page.drawn


async def test_it_is_read_seldom_and_only_while_it_is_seen() -> None:
    async with opened(_0=page_of("one\n"), _1=page_of("two\n"), _2=page_of("three\n")) as page:
        await page.passes(LOOK_SECS)
        before = len(asked(page))
        for _ in range(20):
            await page.passes(LOOK_SECS)
        assert 3 <= len(asked(page)) - before <= 20 // LOOKS + 1, "it does not grow"
        await page.press("down", "down")
        await page.passes(LOOK_SECS)
        assert "three" in page.drawn
        assert output(1) not in asked(page), "the cursor only passed over it"
        await page.press("1")
        before = len(asked(page))
        for _ in range(20):
            await page.passes(LOOK_SECS)
        assert len(asked(page)) == before, "another screen is in front"


async def test_where_there_is_no_room_nothing_is_read() -> None:
    async with opened((80, 24), _0=page_of("one\n")) as page:
        await page.passes(5)
        assert asked(page) == []


async def test_one_that_has_ended_is_read_once() -> None:
    ended = sample.join(subtasks=[sample.child(0, state="accept", verdict="accept")])
    async with opened(join=ended, _0=page_of("done\n", state="accept", ended=True)) as page:
        for _ in range(20):
            await page.passes(LOOK_SECS)
        assert "done" in page.drawn
        assert asked(page) == [output(0)]


async def test_why_nothing_is_known_and_that_there_is_nothing() -> None:
    trouble = SyncropelError("worker-a does not answer (last heard 15:02:11)")
    async with opened(_0=trouble) as page:
        await page.passes(LOOK_SECS)
        assert "not known: worker-a does not answer" in page.drawn
        page.client.answers[output(0)] = page_of("back\n")
        for _ in range(LOOKS + 1):
            await page.passes(LOOK_SECS)
        assert "back" in page.drawn
        await page.press("down")
        await page.passes(LOOK_SECS)
        assert "last lines" not in page.drawn, "its adapter writes none"


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("\x1b[2J\x1b[31mred\x1b[0m \x1b]0;title\x07", r"\x1b[2Jred \x1b]0;title\x07"),
        ("abc\u202egnp.exe", r"abc\u202egnp.exe"),
        ("a\u200bb\u2066c", r"a\u200bb\u2066c"),
        ("[bold red]markup[/] [link=file:///etc]x[/link]", "[bold red]markup[/] [link=file:///etc]x[/link]"),
        ("over\rwritten", "written"),
    ],
)
async def test_what_a_terminal_would_obey_or_hide_is_drawn_as_it_is(text: str, drawn: str) -> None:
    async with opened(_0=page_of(f"{text}\n")) as page:
        await page.passes(LOOK_SECS)
        assert drawn in page.drawn


async def test_a_line_of_a_megabyte_takes_one_line() -> None:
    async with opened(_0=page_of("x" * 65_536)) as page:
        await page.passes(LOOK_SECS)
        assert sum("xxxx" in line for line in page.drawn.splitlines()) <= LINES
        assert "worker" in page.drawn


def events(*said: str) -> dict[str, Any]:
    return {"format": "events", "data": "".join(f"{one}\n" for one in said)}


async def test_of_an_agent_it_shows_what_it_does() -> None:
    said = events(
        '{"kind": "tool_call", "name": "Bash", "argument": "make test"}', '{"kind": "nonsense"', "[]"
    )
    async with opened(_0=page_of("", **said)) as page:
        await page.passes(LOOK_SECS)
        assert "→ Bash make test" in page.drawn
