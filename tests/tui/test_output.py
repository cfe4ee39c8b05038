"""What a subtask writes, on its screen and in its detail: true, bounded, searchable, and never in the way."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from syncropel.client import Event
from syncropel.errors import RemoteError
from syncropel.wire import OutputPage
from tests.tui import console_sample as sample
from tests.tui.console_fakes import FakeClient
from tests.tui.console_page import Console, console, without_colour
from tests.tui.console_snapshots import unpictured
from tui.connection import output_follower
from tui.model.output import OutputRing
from tui.screens.output import OutputScreen

PATH = f"/v1/tasks/{sample.THREAD}/subtasks/0/output"
Picture = Callable[[Console], None]
SIZES = [(80, 24), (200, 50)]


def page_of(text: str = "", offset: int = 0, **changes: Any) -> OutputPage:
    end = offset + len(text.encode())
    facts: dict[str, Any] = {
        "child_thread": f"th_{0:064x}", "index": 0, "attempt": 1, "instance": "did:sync:instance:" + "0" * 16,
        "alias": "worker-a", "state": "in_progress", "ended": False,
        "offset": offset, "next_offset": end, "size": end, "data": text,
    }  # fmt: skip
    return OutputPage(**facts | changes)


def numbered(first: int, last: int) -> str:
    return "".join(f"line {number}\n" for number in range(first, last + 1))


def lost(message: str = "worker-a does not answer (last heard 2026-11-30 15:02:11 UTC)") -> Event:
    return Event("output.lost", {"code": "OUTPUT_UNREACHABLE", "message": message, "hint": ""})


@asynccontextmanager
async def opened(
    *said: OutputPage | Event | BaseException | None, size: tuple[int, int] = (80, 24), **how: Any
) -> AsyncIterator[Console]:
    """The output of the first subtask of a task, opened by its key."""
    client = FakeClient()
    client.tasks(sample.tasks())
    client.join(sample.join())
    client.writes(*said)
    async with console(size, sample.status(), client, screen="tasks", **how) as page:
        await page.press("enter", "l")
        assert isinstance(page.app.screen, OutputScreen)
        yield page


def view(page: Console) -> str:
    assert isinstance(page.app.screen, OutputScreen)
    return page.app.screen.view.text


def said(page: Console) -> list[str]:
    return [one.message for one in page.app._notifications]


def shown(page: Console) -> list[str]:
    return view(page).splitlines()


@pytest.mark.parametrize("size", [SIZES[0], pytest.param(SIZES[1], marks=unpictured)])
async def test_it_follows_and_says_whose_output_it_is(size: tuple[int, int], picture: Picture) -> None:
    async with opened(page_of(numbered(1, 100)), size=size) as page:
        assert page.client.outputs == [f"{PATH}?offset=0&tail=1000&follow=true"]
        assert "DOCS-11 › [0] output" in page.part("header")
        assert page.part("about") == " attempt 1 · worker-a · in progress · 792B · followed"
        assert shown(page)[-1] == "line 100"
        page.client.writes(page_of(numbered(101, 103), 792))
        await page.settle()
        assert shown(page)[-1] == "line 103"
        if size == (80, 24):
            picture(page)


async def test_looking_back_holds_still_until_f_or_the_end() -> None:
    async with opened(page_of(numbered(1, 100))) as page:
        await page.press("k")
        before = shown(page)
        assert before[-1] == "line 99"
        page.client.writes(page_of(numbered(101, 150), 792))
        await page.settle()
        assert shown(page) == before
        assert "held: f follows again" in page.part("about")
        await page.press("f")
        assert shown(page)[-1] == "line 150"
        await page.press("g")
        assert shown(page)[0] == "line 1"
        await page.press("G")
        assert "followed" in page.part("about")


async def test_nothing_yet_nothing_at_all_and_one_line() -> None:
    async with opened() as page:
        assert view(page) == "reading …"
        page.client.writes(page_of())
        await page.settle()
        assert view(page) == "it has not written anything yet"
        page.client.writes(page_of(state="accept", ended=True))
        await page.settle()
        assert view(page) == "it wrote nothing"
        assert page.part("about") == " attempt 1 · worker-a · accept · 0B · ended"
    async with opened(page_of("one line without an end", state="accept", ended=True)) as page:
        assert view(page) == "one line without an end"


async def test_what_a_terminal_would_obey_is_drawn_as_escapes() -> None:
    async with opened(
        page_of("\x1b[31mred\x1b[0m \x1b[2J\x07 \u202egnp.exe \x9bx [bold]as it is[/]\n")
    ) as page:
        assert view(page) == r"red \x1b[2J\x07 \u202egnp.exe \x9bx [bold]as it is[/]"
        assert view(page) in page.drawn


async def test_a_lost_worker_is_said_and_what_was_read_stays(picture: Picture) -> None:
    async with opened(page_of(numbered(1, 3)), lost()) as page:
        assert "not known what comes: worker-a does not answer (last heard 2026-11-30" in page.part("about")
        assert shown(page)[:3] == ["line 1", "line 2", "line 3"]
        picture(page)
        page.client.writes(page_of("line 4\n", 21))
        await page.settle()
        assert "not known" not in page.part("about")
        assert shown(page)[3] == "line 4"


async def test_output_that_cannot_be_had_says_why_and_is_asked_for_again() -> None:
    lacks = RemoteError(403, "auth_error", "FORBIDDEN", "sa-1 lacks the scope output:read", "")
    async with opened(lacks) as page:
        assert view(page) == "not known: sa-1 lacks the scope output:read"
        page.client.writes(page_of(numbered(1, 2)))
        await page.passes(5)
        assert shown(page) == ["line 1", "line 2"]
        assert len(page.client.outputs) == 2


async def test_without_a_daemon_the_lines_stay_and_go_on_where_they_were() -> None:
    async with opened(page_of(numbered(1, 3))) as page:
        page.client.refuse = ConnectionError("gone")
        page.client.writes(ConnectionError("gone"))
        await page.settle()
        assert "not known what comes: unexpected ConnectionError" in page.part("about")
        assert shown(page)[:3] == ["line 1", "line 2", "line 3"]
        page.client.refuse = None
        page.client.writes(page_of("line 4\n", 21))
        await page.passes(5)
        assert page.client.outputs[-1] == f"{PATH}?attempt=1&offset=21&follow=true"
        assert shown(page)[3] == "line 4"


async def test_a_hundred_thousand_lines_keep_to_their_room() -> None:
    async with opened(page_of(numbered(1, 100_000), 5_000)) as page:
        screen = page.app.screen
        assert isinstance(screen, OutputScreen)
        assert len(screen.follower.ring) == 10_000
        assert len(screen.view._rows) == 10_000
        assert shown(page)[-1] == "line 100000"
        await page.press("g")
        assert shown(page)[0] == "line 90001"


async def test_from_the_start_as_much_as_there_is_room_for() -> None:
    whole = numbered(1, 20_000)
    async with opened(page_of("the end\n", 999_992, size=1_000_000)) as page:
        assert shown(page)[0] == "… 1000.0kB before this: o opens it from the start"
        page.client.answers[PATH] = page_of(whole, size=1_000_000)
        await page.press("0")
        assert shown(page)[0] == "line 1"
        assert "the first 10,000 lines · f: the end" in page.part("about")
        await page.press("G")
        assert shown(page)[-1] == "line 10000"
        page.client.writes(page_of("the end\n", 999_992, size=1_000_000))
        await page.press("f")
        assert shown(page)[-1] == "the end"
        assert page.client.outputs[-1].endswith("tail=1000&follow=true")


async def test_far_behind_it_goes_on_with_the_last_lines() -> None:
    far = output_follower.BEHIND_BYTES + 100
    async with opened(page_of(numbered(1, 3), size=21 + far), page_of("the newest\n", far)) as page:
        await page.passes(1)
        assert len(page.client.outputs) == 2
        assert shown(page)[0].startswith("… ")
        assert shown(page)[-1] == "the newest"


async def test_words_are_found_forwards_and_back() -> None:
    async with opened(page_of(numbered(1, 100) + "An Error\n" + numbered(102, 200))) as page:
        await page.filter("error")
        assert "An Error" in shown(page)
        assert ">An Error" in page.drawn
        await page.press("n")
        assert ">An Error" in page.drawn
        await page.press("escape")
        await page.filter("line 5")
        assert ">line 5 " in page.drawn
        await page.press("N")
        assert ">line 59 " in page.drawn
        await page.press("n")
        assert ">line 5 " in page.drawn
        await page.press("escape")
        await page.filter("nowhere")
        assert said(page) == ["no line here has “nowhere”"]


async def test_long_lines_are_broken_or_cut() -> None:
    async with opened(page_of("x" * 100 + "\n" + "日本" * 30 + "\n")) as page:
        assert shown(page) == ["x" * 78, "x" * 22, "日本" * 19 + "日", "本" + "日本" * 10]
        await page.press("w")
        assert shown(page) == ["x" * 100, "日本" * 30]
        assert "…" in page.drawn
        await page.press("w")
        await page.resize((200, 50))
        assert shown(page) == ["x" * 100, "日本" * 30]


async def test_an_agent_is_shown_as_what_it_says_and_does() -> None:
    said = {"kind": "text", "text": "I look."}, {"kind": "tool_call", "name": "Bash", "argument": "ls"}
    events = "".join(f"{json.dumps(one)}\n" for one in said)
    async with opened(page_of(events, format="events")) as page:
        assert shown(page) == ["I look.", "→ Bash ls"]
        final = '{"kind": "final", "ok": true}\n'
        page.client.writes(page_of(final, len(events), format="events"))
        await page.settle()
        assert shown(page)[-1] == "✓ done"


async def test_the_next_attempt_is_taken_up_when_this_one_has_ended() -> None:
    async with opened(page_of("first\n", state="failed", ended=True)) as page:
        kids = sample.join().subtasks
        kids[0] = kids[0].model_copy(update={"attempt": 2})
        page.client.join(sample.join(subtasks=kids))
        page.client.writes(page_of("second\n", attempt=2))
        await page.hears(sample.status(tasks_revision=99))
        await page.passes(1)
        assert shown(page) == ["second"]
        assert "attempt 2" in page.part("about")


async def test_the_detail_of_a_subtask_has_the_last_lines_at_once() -> None:
    client = FakeClient()
    client.tasks(sample.tasks())
    client.join(sample.join())
    client.writes(page_of(numbered(8, 12), 50))
    async with console((120, 40), sample.status(), client, screen="tasks") as page:
        await page.press("enter", "enter")
        assert page.client.outputs == [f"{PATH}?offset=0&tail=5&follow=true"]
        facts = page.part("facts")
        assert "last lines  line 8" in facts
        assert "line 12" in facts
        page.client.writes(lost("worker-a does not answer"))
        await page.settle()
        assert "last lines  not known: worker-a does not answer" in page.part("facts")
        assert "line 12" in page.part("facts")


async def test_a_row_without_a_subtask_says_so() -> None:
    client = FakeClient()
    client.tasks(sample.tasks())
    client.join(sample.join())
    async with console((80, 24), sample.status(), client, screen="tasks") as page:
        await page.press("l")
        assert said(page) == ["this row is not a subtask: tab to the subtasks, then press l"]


async def test_without_colour_the_words_say_it(monkeypatch: pytest.MonkeyPatch) -> None:
    without_colour(monkeypatch)
    async with opened(page_of(numbered(1, 3)), lost()) as page:
        await page.filter("line 2")
        assert ">line 2" in page.drawn
        assert "not known what comes" in page.drawn


def test_a_ring_is_bounded_by_lines_and_by_characters() -> None:
    ring = OutputRing(max_lines=3, max_chars=100)
    assert ring.add(["a", "b", "c", "d"]) == 1
    assert (list(ring.lines), ring.first) == (["b", "c", "d"], 1)
    ring.add(["x" * 99])
    assert (list(ring.lines), ring.first) == (["d", "x" * 99], 3)
    ring.add(["y" * 500])
    assert (list(ring.lines), ring.first) == (["y" * 500], 5)
    ring.clear()
    assert ring.fill(["1", "2"])
    assert not ring.fill(["3", "4"])
    assert list(ring.lines) == ["1", "2", "3"]
