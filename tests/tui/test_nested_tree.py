"""A fan-out inside a fan-out: shown beneath its subtask, fetched when looked at, and acted on exactly."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncropel.wire import JoinStatus, TaskSummary
from tests.tui import console_sample as sample
from tests.tui.console_fakes import FakeClient
from tests.tui.console_page import Console, console
from tests.tui.console_snapshots import Pictured
from tui.model import branches, tree
from tui.model.glyphs import ASCII
from tui.model.moment import Moment
from tui.model.rows import fit
from tui.model.subject import Subject, subject_of
from tui.widgets.table import GUTTER, HEAD

NOW = Moment(sample.AT, sample.AT)
INNER = sample.task(7).thread
PATH = f"/v1/tasks/{INNER}/join"
PART = f"task {INNER}"
SIZES = [(80, 24), (200, 50)]


def inner(**changes: object) -> JoinStatus:
    failed = sample.child(1, state="failed", verdict="failed", summary="exit status 3", goal="draw the axes")
    running = sample.child(
        2, state="in_progress", verdict=None, wall_time_secs=None, finished_at=None, goal="colour them",
        attempt=3, spawned_at=sample.AT - 60,
    )  # fmt: skip
    facts: dict[str, object] = {
        "thread": INNER, "alias": "PART-7", "goal": "Draw the figures", "critical_path": [2], "blame": [1],
        "subtasks": [sample.child(0, goal="collect the numbers"), failed, running],
    }  # fmt: skip
    return sample.join(**facts | changes)


def part(**changes: object) -> TaskSummary:
    return sample.task(7, alias="PART-7", goal="Draw the figures", subtasks=3, accepted=1, **changes)


@asynccontextmanager
async def opened(size: tuple[int, int] = (120, 40)) -> AsyncIterator[Console]:
    """The tasks, with the cursor on the nested task."""
    client = FakeClient()
    client.tasks([sample.task(), part()])
    client.join(sample.nested())
    client.join(inner())
    async with console(size, sample.status(), client, screen="tasks") as page:
        await page.press("tab", "down")
        yield page


def test_the_subtasks_of_a_nested_task_stand_beneath_it_with_identities_of_their_own() -> None:
    rows = tree.subtask_rows(sample.nested(), NOW, ASCII, 20, {PART}, {INNER: inner()})
    assert rows.keys[:5] == ("0", PART, f"{INNER}/0", f"{INNER}/1", f"{INNER}/2")
    assert [rows[n].cells["index"].text for n in range(5)] == [
        "|-[0]", "  `--", "    |-[0]", "    |-[1]", "    `-[2]",
    ]  # fmt: skip
    assert rows[3].cells["index"].tone == "bad", "blamed in its own fan-out"
    laid = branches.lay(sample.nested(), {PART}, {INNER: inner()})
    assert tree.longest(sample.nested(), laid, ASCII)["index"] == len("    |-[0]")


def test_a_row_is_about_the_subtask_of_its_own_task() -> None:
    for key, thread, index in (
        ("3", sample.THREAD, 3), ("+accept", sample.THREAD, None), (PART, INNER, None),
        (f"{INNER}/3", INNER, 3), (f"{INNER}/+accept", INNER, None),
    ):  # fmt: skip
        assert subject_of("subtasks", key, sample.THREAD) == Subject(thread=thread, index=index)


def test_sorted_or_filtered_nothing_nested_is_unfolded() -> None:
    rows = tree.subtask_rows(sample.nested(), NOW, ASCII, 20, None, {INNER: inner()})
    assert f"{INNER}/0" not in rows.keys


def test_a_task_that_claims_to_be_inside_itself_is_shown_once() -> None:
    first, *others = inner().subtasks
    itself = inner(subtasks=[first.model_copy(update={"parts": [sample.task()]}), *others])
    whole = {INNER: itself, sample.THREAD: sample.nested()}
    keys = [one.key for one in branches.lay(sample.nested(), {PART, f"task {sample.THREAD}"}, whole)]
    assert keys.count(PART) == 1
    assert len(keys) == len(set(keys))


@given(st.integers(0, 90), st.frozensets(st.sampled_from([PART, "+accept", f"{INNER}/+accept"])))
def test_identities_are_never_shared(count: int, unfolded: frozenset[str]) -> None:
    crowd = inner(subtasks=[sample.child(n) for n in range(count)])
    keys = [one.key for one in branches.lay(sample.nested(), unfolded, {INNER: crowd})]
    assert len(keys) == len(set(keys))
    shown = sum(key.startswith(INNER) and not branches.is_group(key) for key in keys)
    folded = count > 40 and f"{INNER}/+accept" not in unfolded
    assert shown == (count if PART in unfolded and not folded else 0)


def test_where_a_line_hangs_is_never_cut() -> None:
    laid = branches.lay(sample.nested(), {PART}, {INNER: inner()})
    longest = tree.longest(sample.nested(), laid, ASCII)
    for width in (78, 118, 198):
        rooms = {one.key: room for one, room in fit(tree.SUBTASKS, width, longest)}
        assert (rooms["index"], rooms["cost"]) == (9, len("$0.21/$0.50"))


async def test_space_unfolds_and_folds_and_the_cursor_stays() -> None:
    async with opened() as page:
        assert "PART-7" in page.table("subtasks").text()
        assert page.client.asked[PATH] == 0, "nobody looks inside yet"
        await page.press("space")
        await page.passes(1)
        assert page.client.asked[PATH] == 1
        assert "draw the axes" in page.table("subtasks").text()
        assert page.table("subtasks").chosen == PART
        await page.press("space")
        assert "draw the axes" not in page.table("subtasks").text()


async def test_a_click_on_the_sign_unfolds_and_one_beside_it_only_selects() -> None:
    async with opened() as page:
        table = page.table("subtasks")
        row = HEAD + page.rows("subtasks").index(PART)
        await page.pilot.click(table, offset=(GUTTER + 30, row))
        await page.passes(1)
        assert page.client.asked[PATH] == 0
        await page.pilot.click(table, offset=(GUTTER + 2, row))
        await page.passes(1)
        assert f"{INNER}/1" in page.rows("subtasks")


async def test_what_was_unfolded_is_so_when_one_comes_back() -> None:
    async with opened() as page:
        await page.press("space")
        await page.passes(1)
        await page.press("enter")
        await page.passes(1)
        assert "PART-7  Draw the figures" in page.part("summary")
        await page.press("escape")
        await page.passes(1)
        assert f"{INNER}/1" in page.rows("subtasks")


async def test_a_nested_join_is_read_again_only_when_its_task_has_changed() -> None:
    async with opened() as page:
        await page.press("space")
        await page.passes(1)
        for revision in (18, 19, 20):
            await page.hears(sample.status(tasks_revision=revision))
            await page.passes(1)
        assert page.client.asked[PATH] == 1
        page.client.tasks([sample.task(), part(revision=21, completed=3)])
        page.client.join(inner(blame=[]))
        await page.hears(sample.status(tasks_revision=21))
        await page.passes(1)
        assert page.client.asked[PATH] == 2


@pytest.mark.parametrize(("key", "verb"), [("R", "retry"), ("T", "stop")])
async def test_keys_act_on_the_child_under_the_cursor(key: str, verb: str) -> None:
    async with opened() as page:
        await page.press("space")
        await page.passes(1)
        await page.press("down", "down", "down")
        assert page.table("subtasks").chosen == f"{INNER}/2"
        await page.press(key)
        assert f"spl task {verb} PART-7 --subtask 2" in page.drawn
        assert "attempt 3" in page.drawn
        assert "colour them" in page.drawn


async def test_enter_on_a_nested_child_shows_that_child() -> None:
    async with opened() as page:
        await page.press("space")
        await page.passes(1)
        await page.press("down", "down", "enter")
        await page.passes(1)
        assert "draw the axes" in page.part("facts")
        assert "exit status 3" in page.part("facts")


async def test_a_row_that_stands_for_nothing_says_so() -> None:
    async with opened() as page:
        await page.press("up", "space")
        (told,) = page.app._notifications
        assert told.message == "this row has nothing to unfold"


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_unfolded(size: tuple[int, int], picture: Callable[[Pictured], None]) -> None:
    async with opened(size) as page:
        await page.press("space")
        await page.passes(1)
        assert "    ├─[1]" in page.drawn
        assert "✗ failed" in page.drawn
        picture(page)
