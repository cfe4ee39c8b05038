"""What the console holds, and lets go: every object that is held makes the collector's rounds longer."""

from __future__ import annotations

import gc
import weakref

import pytest
from textual.strip import Strip

from syncropel.wire.replay import Fact, ReplayFrame, StatusChange
from tests.tui import console_sample as sample
from tests.tui import sample_threads
from tests.tui.console_fakes import TARGET, Clock, FakeClient
from tests.tui.console_page import Console, console
from tests.tui.sample_threads import OTHER, THREAD, ThreadClient, fan_out, talk
from tui.app import launch as door
from tui.app.console_app import ConsoleApp
from tui.connection.session import Outside
from tui.model.frames import lean
from tui.model.setup import Setup
from tui.model.turns import Turns
from tui.screens.replay import ReplayScreen


def change(position: int, status: str) -> StatusChange:
    return StatusChange(
        position=position, status_before="", status_after=status, record="", act="", topic="", actor=""
    )


def frames(count: int = 50) -> list[ReplayFrame]:
    client = ThreadClient()
    client.hold(THREAD, talk(count))
    page: list[ReplayFrame] = client._look(THREAD, ["replay"], {}).data
    # As they come from the wire: nothing is shared.
    return [ReplayFrame.model_validate_json(one.model_dump_json()) for one in page]


def test_facts_that_are_the_same_in_many_frames_are_held_once() -> None:
    read = frames()
    held = list(lean(read))
    assert held == read

    def facts(some: list[ReplayFrame]) -> int:
        return len({id(fact) for one in some for fact in (*one.before, *one.after)})

    different = {(f.name, type(f.value), f.value) for one in read for f in (*one.before, *one.after)}
    assert facts(held) == len(different) < facts(read) / 4


def test_facts_that_are_only_equal_stay_apart() -> None:
    (frame, *_) = frames()
    values = (1, 1.0, True, None)
    told = [
        frame.model_copy(update={"before": [], "after": [Fact(name="depth", value=value)]})
        for value in values
    ]
    assert [repr(one.after[0].value) for one in lean(told)] == ["1", "1.0", "True", "None"]


def test_changes_of_status_cost_the_collector_nothing() -> None:
    turns = Turns(change(at, "blocked" if at % 2 else "open") for at in range(1, 5001))
    gc.collect()  # a tuple of plain values is no longer looked at once it was seen
    assert not gc.is_tracked(turns._positions)
    assert not gc.is_tracked(turns._statuses)
    assert len({id(status) for status in turns._statuses}) == 2


def test_the_nearest_change_lies_before_or_behind() -> None:
    turns = Turns([change(5, "blocked"), change(2, "in_progress")])
    assert [turns.next(at, 1) for at in (0, 1, 2, 4, 5, 9)] == [2, 2, 5, 5, None, None]
    assert [turns.next(at, -1) for at in (0, 1, 2, 3, 5, 9)] == [None, None, None, 2, 2, 5]
    assert Turns().next(3, 1) is None


def test_the_marks_of_a_bar_are_found_once() -> None:
    turns = Turns([change(1, "in_progress"), change(9, "done"), change(12, "open")])
    marks = turns.marks(9, 17)
    assert marks == {0: "in_progress", 16: "done"}
    assert turns.marks(9, 17) is marks
    assert turns.marks(12, 17) == {0: "in_progress", 12: "done", 16: "open"}


async def test_a_closed_replay_holds_no_record() -> None:
    client = ThreadClient(sample_threads.some())
    for thread in (THREAD, OTHER):
        client.hold(thread, fan_out(thread))
    client.tasks(sample.tasks())
    client.join(sample.join())
    async with console((120, 40), sample.status(), client, screen="threads") as page:
        await page.press("enter")
        screen, table = page.app.screen, page.table("records")
        assert isinstance(screen, ReplayScreen)
        assert screen.reader.frames.total == len(table._rows) == 9
        await page.press("escape")
        assert (screen.reader.frames.total, len(table._rows), table._drawn) == (0, 0, [])
        assert screen.reader.turns.next(0, 1) is None
        await page.press("enter")
        assert page.rows("records") == [str(at) for at in range(1, 10)]


@pytest.mark.parametrize("key", ["enter", "F", "question_mark"])
async def test_closed_screens_leave_no_drawn_line_behind(key: str) -> None:
    client = ThreadClient(sample_threads.some())
    client.hold(THREAD, fan_out())
    client.tasks(sample.tasks())
    client.join(sample.join())
    async with console((120, 40), sample.status(), client, screen="threads") as page:

        async def left() -> int:
            depth = len(page.app.screen_stack)
            await page.press(key)
            assert len(page.app.screen_stack) == depth + 1
            await page.press("escape")
            assert len(page.app.screen_stack) == depth
            gc.collect()
            return sum(isinstance(one, Strip) for one in gc.get_objects())

        first = await left()
        rest = [await left() for _ in range(3)]
        assert max(rest) < first + 40


async def test_it_is_told_once_that_a_screen_stands() -> None:
    client, clock, told = FakeClient(), Clock(), list[str]()
    outside = Outside(lambda _: client, clock, clock.sleep, lambda: 1.0)

    def painted() -> None:
        told.append("".join(strip.text for strip in app.screen._compositor.render_strips()))

    app = ConsoleApp(Setup.single(TARGET), outside=outside, painted=painted)
    async with app.run_test() as pilot:
        page = Console(app, pilot, client, clock)
        await page.settle()
        await page.press("3", "1", "3")
    first, second = told
    assert "INSTANCES" in first
    assert "THREADS" in second


def test_what_the_first_paint_made_is_left_alone_and_its_garbage_is_gone() -> None:
    class Ring:
        def __init__(self) -> None:
            self.me = self

    gone: list[int] = []
    ring = Ring()
    kept = [Ring()]
    weakref.finalize(ring, gone.append, 1)
    del ring
    before = gc.get_freeze_count()
    try:
        door.set_screen_aside()
        assert gone == [1]
        assert gc.get_freeze_count() > before
        assert not any(one is kept for one in gc.get_objects())
    finally:
        gc.unfreeze()
