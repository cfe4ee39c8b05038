"""Threads and their replay: read in windows, moved by keys, true to the position, and never behind it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from syncropel.client.verify import computed_id
from syncropel.wire.records import RecordOut
from syncropel.wire.replay import ComparedFact, ReplayMoment, StatusChange, ThreadDiff
from syncropel.wire.threads import ThreadSummary
from tests.tui import console_sample as sample
from tests.tui import sample_threads
from tests.tui.console_page import Console, console
from tests.tui.sample_threads import OTHER, THREAD, ThreadClient, fan_out, record, stored, summary, talk
from tui.connection.replay_reader import ReplayReader
from tui.model import replay
from tui.model.compare import different_facts
from tui.model.frames import KEPT, WINDOW, Frames
from tui.model.glyphs import ASCII, UNICODE
from tui.model.turns import Turns
from tui.screens.replay import ReplayScreen
from tui.screens.threads import PAGE
from tui.widgets import pager


def opened(client: ThreadClient) -> AbstractAsyncContextManager[Console]:
    return console((120, 40), sample.status(), client, screen="threads")


@pytest.fixture
def client() -> ThreadClient:
    client = ThreadClient(sample_threads.some())
    client.hold(THREAD, fan_out())
    client.hold(OTHER, fan_out(OTHER, "SITE-4", "failed"))
    client.tasks(sample.tasks())
    client.join(sample.join())
    return client


def replayed(page: Console) -> ReplayScreen:
    assert isinstance(page.app.screen, ReplayScreen)
    return page.app.screen


def position(page: Console) -> int:
    return replayed(page).reader.position


async def grows(page: Console, records: Sequence[Any], total: int) -> None:
    """The daemon says that its log grew, and the replay reads what is new."""
    assert isinstance(page.client, ThreadClient)
    page.client.hold(THREAD, records)
    await page.hears(sample.status(ingested_total=total))
    await page.passes(1)
    await page.passes(1)


# the list


def each_phase() -> list[ThreadSummary]:
    ids = (f"th_{n:064x}" for n in range(9))
    made = [
        summary(next(ids), 3, n, kind="other", status=status, title="", starts_with_intend=n < 4)
        for n, status in enumerate(("open", "active", "observed", "closed", "observed", "in_progress"))
    ]
    run = summary(next(ids), 2, 6, kind="dispatch", status="closed", title="", starts_with_intend=False)
    return [*made, run, summary("th_fleet_control", 2, 7, kind="reserved", title="", status="clear")]


@pytest.mark.parametrize("size", [(80, 24), (200, 50)])
@pytest.mark.parametrize("ascii_only", [False, True])
async def test_each_thread_says_where_it_stands_and_which_does_not_start_with_an_intend(
    size: tuple[int, int], ascii_only: bool
) -> None:
    client, glyphs = ThreadClient(each_phase()), ASCII if ascii_only else UNICODE
    async with console(size, sample.status(), client, screen="threads", ascii_only=ascii_only) as page:
        await page.passes(5)
        for status in ("open", "active", "observed", "closed", "clear"):
            assert f"{glyphs.sign(status)} {status}" in page.drawn
        for marked in ("! observed", "! in progress", "! closed"):
            assert marked in page.drawn
        await page.press("p")
        await page.passes(1)
        assert page.rows("threads") == [one.id for one in each_phase()[4:6]], "nothing is wrong with old runs"
        assert size[0] < 200 or "does not start with an INTEND" in page.drawn


async def test_threads_beyond_one_page_are_read_on_and_afterwards_only_what_is_new() -> None:
    ids = [f"th_{n:064x}" for n in range(1200)]
    client = ThreadClient([summary(one, 3, n) for n, one in enumerate(ids)])
    async with opened(client) as page:
        assert page.rows("threads") == ids
        asked = client.asked["/v1/threads"]
        assert -(-1200 // PAGE) <= asked <= -(-1200 // PAGE) + 1, "the daemon's first word asks once more"
        client.listed = [summary(ids[700], 4, -1), *client.listed[:700], *client.listed[701:]]
        await page.hears(sample.status(ingested_total=4821))
        await page.passes(1)
        assert page.rows("threads")[0] == ids[700]
        assert client.asked["/v1/threads"] == asked + 1
        assert page.table("threads").chosen == ids[0], "the selection stays on its thread"


async def test_a_list_that_nobody_looks_at_is_not_read(client: ThreadClient) -> None:
    async with opened(client) as page:
        await page.press("1")
        asked = client.asked["/v1/threads"]
        await page.hears(sample.status(ingested_total=5000))
        await page.passes(10)
        assert client.asked["/v1/threads"] == asked
        await page.press("3")
        await page.passes(1)
        assert client.asked["/v1/threads"] > asked


async def test_t_replays_the_thread_of_a_task_and_esc_comes_back(client: ThreadClient) -> None:
    async with opened(client) as page:
        await page.press("2", "t")
        assert (replayed(page).thread, position(page)) == (THREAD, 9)
        assert "Tasks › DOCS-11" in page.part("header")
        await page.press("escape")
        assert page.rows("tasks")


# moving


async def test_keys_step_jump_to_changes_of_status_and_to_both_ends(client: ThreadClient) -> None:
    async with opened(client) as page:
        await page.press("enter")
        assert position(page) == 9
        for key, expected in (
            ("left", 8), ("left_square_bracket", 2), ("left_square_bracket", 2), ("right", 3),
            ("right_square_bracket", 9), ("right", 9), ("home", 1), ("left", 1), ("end", 9), ("up", 8),
        ):  # fmt: skip
            await page.press(key)
            assert position(page) == expected, key
        assert page.table("records").chosen == "8"
        await page.press("y")
        assert page.app.clipboard == fan_out()[7].id


async def test_a_long_thread_is_read_in_windows_around_where_one_looks(client: ThreadClient) -> None:
    client.hold(THREAD, talk(10_000))
    async with opened(client) as page:
        client.pages.clear()  # what the list of threads tells of it
        await page.press("enter")
        assert position(page) == 10_000
        assert {since for _, since in client.pages} == {9900}
        await page.press("home")
        await page.passes(0.5)
        assert {since for _, since in client.pages} == {9900, 0}
        pages = len(client.pages)
        for _ in range(40):
            await page.press("right")
        assert (position(page), len(client.pages)) == (41, pages), "no step waits for the daemon"
        await page.press("right_square_bracket")
        await page.passes(0.5)
        assert (position(page), "task_started" in page.table("records").text()) == (5001, True)


async def test_playing_goes_on_at_its_speed_and_rests_at_the_end(client: ThreadClient) -> None:
    async with opened(client) as page:
        await page.press("enter", "space")
        assert position(page) == 1, "from the end it begins anew"
        await page.passes(1)
        assert position(page) == 2
        await page.press("space")
        await page.passes(1)
        await page.passes(0.25)
        assert (position(page), "playing ×4" in page.part("scrub")) == (4, True)
        await page.press("left")
        await page.passes(5)
        assert (position(page), "at rest" in page.part("scrub")) == (3, True)
        await page.press("end", "left", "space")
        await page.passes(1)
        await page.passes(1)
        assert (position(page), "at rest" in page.part("scrub")) == (9, True)


# a thread that lives


async def test_at_the_end_it_follows_and_elsewhere_it_stays(client: ThreadClient) -> None:
    records = fan_out()
    client.hold(THREAD, records[:6])
    async with opened(client) as page:
        await page.press("enter")
        await grows(page, records[:7], 5001)
        assert (position(page), replayed(page).reader.frames.total) == (7, 7)
        await page.press("left", "left")
        await grows(page, records, 5002)
        assert (position(page), replayed(page).reader.frames.total) == (5, 9)
        assert "5 of 9" in page.part("scrub")


async def test_a_record_with_an_earlier_clock_stands_where_the_log_took_it(client: ThreadClient) -> None:
    records = fan_out()
    client.hold(THREAD, records)
    async with opened(client) as page:
        await page.press("enter", "home")
        late = record(THREAD, 3, "LEARN", {"note": "came late"}, "did:sync:user:bob")
        await grows(page, [*records, late], 5001)
        shown = page.table("records").text()
        assert "came late" in shown
        assert shown.index("came late") > shown.rindex("fanout_child_done")


# truth


async def test_the_join_stands_as_it_was_at_that_record(client: ThreadClient) -> None:
    async with opened(client) as page:
        await page.press("enter", "v")
        await page.passes(0.5)
        assert "3/3 accepted" in page.part("summary")
        for _ in range(3):
            await page.press("left")
        await page.passes(0.5)
        await page.passes(0.5)
        assert "1/3 accepted" in page.part("summary")
        states = [row.cells["state"].text for row in page.table("subtasks")._rows]
        assert states == ["✓ accept", "… in progress", "… in progress"]


@pytest.mark.parametrize("altered", [False, True])
async def test_the_hash_is_computed_here_whatever_the_daemon_says(
    client: ThreadClient, altered: bool
) -> None:
    client.altered = {9} if altered else set()
    async with opened(client) as page:
        await page.press("enter")
        frame = replayed(page).frame()
        assert frame is not None
        assert frame.hash_ok
        assert replay.is_true(frame) == (not altered)
        assert ("altered: the content" in page.part("record")) == altered


def test_the_id_computed_here_is_that_of_the_engine() -> None:
    (one,) = stored(fan_out()[1:2])
    wire = RecordOut(**one.flat())
    assert computed_id(wire) == one.record.id
    assert computed_id(wire.model_copy(update={"clock": 2})) != one.record.id


class Slow:
    """Answers moments when told to, everything else at once."""

    def __init__(self, client: ThreadClient) -> None:
        self.client = client
        self.held: dict[int, asyncio.Future[None]] = {}
        self._came = asyncio.Condition()

    async def holding(self, position: int) -> None:
        """Until this position was asked for."""
        async with self._came:
            await self._came.wait_for(lambda: position in self.held)

    async def send(self, call: Any) -> Any:
        if (last := call.path.rpartition("/")[2]).isdigit():
            gate = asyncio.get_running_loop().create_future()
            async with self._came:
                self.held[int(last)] = gate
                self._came.notify_all()
            await gate
        return await self.client.send(call)


async def test_a_late_answer_never_stands_for_another_position(client: ThreadClient) -> None:
    slow = Slow(client)
    seen: list[ReplayMoment] = []
    news = asyncio.Event()

    def hear() -> None:
        if reader.moment is not None:
            seen.append(reader.moment)
            news.set()

    reader = ReplayReader(slow, THREAD, hear, lambda _: asyncio.sleep(0))
    reader.see_state(True)
    work = asyncio.create_task(reader.run())
    await slow.holding(9)
    reader.seek(3)
    slow.held[9].set_result(None)
    await slow.holding(3)
    assert seen == []
    slow.held[3].set_result(None)
    await news.wait()
    assert reader.moment is not None
    assert (reader.moment.position, reader.position) == (3, 3)
    work.cancel()


# comparing


async def test_two_threads_are_compared_from_their_first_difference_on(client: ThreadClient) -> None:
    async with opened(client) as page:
        await page.press("d")
        assert "compare DOCS-11 with which thread?" in page.part("threads-state")
        await page.press("down", "enter")
        kinds = [row.fields["kind"] for row in page.table("compared")._rows]
        assert kinds == ["differs", "differs", "same", "same", "same", "same", "same", "differs", "left"]
        assert "they diverge at “task”: 5 same · 3 differ · 1 left only · 0 right only" in page.part(
            "compare-state"
        )
        await page.press("right_square_bracket", "right_square_bracket")
        assert page.table("compared").chosen == "7"
        await page.press("left_square_bracket")
        assert page.table("compared").chosen == "1"
        await page.press("enter")
        assert (replayed(page).thread, position(page)) == (THREAD, 2)
        await page.press("escape", "escape")
        assert page.rows("threads")


# the models


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
def test_the_bar_is_as_wide_as_asked_and_marks_changes(glyphs: Any) -> None:
    turns = Turns([StatusChange(position=5, status_before="open", status_after="blocked", record="", act="",
                                topic="", actor="")])  # fmt: skip
    for at in (1, 5, 9):
        text = "".join(words for words, _ in replay.bar(at, 9, turns, 17, glyphs))
        assert len(text) == 17
        assert text.index(glyphs.full) == 2 * (at - 1)
        assert (glyphs.sign("blocked") in text) == (at != 5)
    assert replay.bar(1, 0, turns, 17, glyphs) == []


def test_speeds_come_round() -> None:
    speeds = [0]
    for _ in range(4):
        speeds.append(replay.faster(speeds[-1]))
    assert speeds == [0, 1, 4, 16, 0]


def test_frames_let_the_windows_go_that_were_not_used() -> None:
    client = ThreadClient()
    client.hold(THREAD, fan_out())
    (first, *_) = client._look(THREAD, ["replay"], {}).data
    frames = Frames()
    frames.grow((KEPT + 5) * WINDOW)
    for window in range(KEPT + 5):
        frames.take([first.model_copy(update={"position": window * WINDOW + 1})])
    assert frames.at(1) is None
    assert frames.at((KEPT + 4) * WINDOW + 1) is not None
    assert frames.missing(1) == 0


def test_the_pager_gets_the_text_and_trouble_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = tmp_path / "kept"
    script = f"import shutil, sys; shutil.copy(sys.argv[1], {str(kept)!r})"
    monkeypatch.setenv("PAGER", f'{sys.executable} -c "{script}"')
    assert pager.page("née\n", "a.json", nullcontext) == ""
    assert kept.read_text() == "née\n"
    assert pager.page("a\x1b]0;owned\x07b\u202ec\td\n", "a.json", nullcontext) == ""
    assert kept.read_text() == "a ]0;owned b c    d\n"
    monkeypatch.setenv("PAGER", str(tmp_path / "none"))
    assert "cannot be run: No such file" in pager.page("", "a.json", nullcontext)


async def test_e_says_when_this_terminal_cannot_be_left(client: ThreadClient) -> None:
    async with opened(client) as page:
        await page.press("enter", "e")
        assert [one.message for one in page.app._notifications] == [
            "this terminal cannot be left for a pager"
        ]


def test_what_is_nothing_on_both_sides_is_no_difference() -> None:
    facts = [
        ComparedFact(name="verdict", left="", right=None, same=False),
        ComparedFact(name="status", left="blocked", right="open", same=False),
        ComparedFact(name="priority", left="medium", right="medium", same=True),
    ]
    diff = ThreadDiff.model_construct(facts=facts)
    assert [name for name, _, _ in different_facts(diff)] == ["status"]
