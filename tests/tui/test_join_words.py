"""What is said above a fan-out's tree, and how a long tree is folded."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncropel.wire import JoinStatus
from tests.tui import console_sample as sample
from tests.tui.console_fakes import FakeClient
from tests.tui.console_page import console
from tui.model import branches, folding, join_words, tree
from tui.model.glyphs import ASCII
from tui.model.moment import Moment
from tui.model.subject import Subject
from tui.model.world import World
from tui.screens.base import ConsoleScreen

NOW = Moment(sample.AT, sample.AT)
STATES = ("accept", "pending", "blocked", "in_progress", "failed", "terminated")


def text(join: JoinStatus, **how: object) -> list[str]:
    return [line.text for line in join_words.summary_lines(join, NOW, ASCII, **how)]  # type: ignore[arg-type]


def test_a_stuck_join_names_the_subtask_and_what_to_type() -> None:
    assert text(sample.failed_join())[1:4] == [
        "x all = false · it cannot join any more: 2/3 accepted; [1] failed after 2 attempts",
        "  [1] exit status 3 …",
        "  -> try it again: spl task retry DOCS-11 1",
    ]


def test_no_path_is_called_critical_while_something_beside_it_runs() -> None:
    join = sample.join(critical_path=[0])
    assert not any(one in text(join)[-1] for one in ("speedup", "critical path"))
    on_it = sample.join(critical_path=[1, 2])
    assert "critical path █ 1→2" in text(on_it)[-1]
    assert "speedup" not in text(on_it)[-1], "it has not joined"


def test_the_speedup_is_the_one_that_was_measured() -> None:
    """170 seconds of work along a critical path of 87: it took 115 all the same."""
    assert "measured speedup ×1.5" in text(sample.joined(speedup=170 / 115))[-1]


def test_what_ended_badly_is_not_counted_as_done() -> None:
    assert "2/5 accepted · 1 not accepted · 3 spawned" in text(sample.join(completed=3))[-1]
    assert "not accepted" not in text(sample.join())[-1]


def test_what_a_subtask_said_at_the_end_is_not_said_twice() -> None:
    join = sample.failed_join().model_copy(update={"explanation": "[1] failed (exit status 3 …)"})
    assert text(join)[1:3] == [
        "x all = false · it cannot join any more: [1] failed (exit status 3 …)",
        "  -> try it again: spl task retry DOCS-11 1",
    ]


def test_the_explanation_takes_the_place_of_the_joins_own_words_and_names_its_proofs() -> None:
    join = sample.joined()
    assert text(join)[1] == "+ all = true · joined: 4/4 accepted"
    lines = text(join, why=sample.why(join), proofs=True)
    assert lines[1] == "+ all = true · joined 115.0 s after the fan-out: 4/4 accepted; [3] tipped it"
    assert lines[2] == (
        "  proved by 010101010101 [0] ended with accept on worker-a · "
        "020202020202 [1] ended with accept on worker-b · +3 more"
    )
    assert text(join, why=sample.why(join))[2] == lines[3], "without room the proofs go first"


def test_a_status_that_somebody_gave_has_its_own_line() -> None:
    judged = sample.why(sample.joined()).model_copy(
        update={"of_join": False, "status": "rejected", "sentence": "rejected by alice: wrong prices"}
    )
    assert text(sample.joined(), why=judged)[1:3] == [
        "+ all = true · joined: 4/4 accepted",
        "x rejected by alice: wrong prices",
    ]


def test_the_daemon_is_asked_again_only_when_the_grounds_have_changed() -> None:
    world = replace(World(), chosen=sample.THREAD, tasks=tuple(sample.tasks())).joined(sample.join())
    spent = world.joined(sample.join(cost_usd=0.9))
    assert spent.grounds() == world.grounds()
    assert world.joined(sample.join(explanation="3/5 accepted")).grounds() != world.grounds()
    other = sample.why(sample.join()).model_copy(update={"thread": "th_other"})
    assert world.explained(other).why is None, "an answer that came late is not shown under another name"


async def test_the_explanation_is_read_once_for_each_change() -> None:
    client = FakeClient()
    client.tasks(sample.tasks())
    client.join(sample.join())
    client.explain(sample.why(sample.join()))
    path = f"/v1/tasks/{sample.THREAD}/why"
    async with console((120, 40), sample.status(), client, screen="tasks") as page:
        assert client.asked[path] == 1
        assert "proved by 010101010101" in page.part("summary")
        await page.hears(sample.status(tasks_revision=18))
        await page.passes(1)
        assert client.asked[path] == 1, "the join is as it was"
        client.join(sample.join(explanation="3/5 accepted", revision=18))
        client.explain(sample.why(sample.join(explanation="3/5 accepted")))
        await page.hears(sample.status(tasks_revision=19))
        await page.passes(1)
        assert client.asked[path] == 2
        assert "3/5 accepted" in page.part("summary")


def children(states: list[str]) -> JoinStatus:
    return sample.join(subtasks=[sample.child(n, state=state) for n, state in enumerate(states)], blame=[])


@given(st.lists(st.sampled_from(STATES), max_size=120), st.frozensets(st.sampled_from(STATES)))
def test_folding_loses_nothing_and_hides_only_what_is_quiet(
    states: list[str], unfolded: frozenset[str]
) -> None:
    subtasks = children(states).subtasks
    shown = folding.fold(subtasks, unfolded)
    singles = [one for one in shown if not isinstance(one, folding.Group)]
    folded = [one for one in shown if isinstance(one, folding.Group) and one.folded]
    there = [one.index for one in singles] + [one.index for group in folded for one in group.children]
    assert sorted(there) == list(range(len(states)))
    assert not {group.state for group in folded} & (unfolded | {"in_progress", "failed", "terminated"})
    if len(states) <= folding.MOST_SHOWN:
        assert singles == subtasks


def test_a_group_has_its_own_row() -> None:
    join = children(["accept"] * 50 + ["failed", "in_progress"])
    found = tree.subtask_rows(join, NOW, ASCII, 20, unfolded=())
    assert found.keys == ("50", "51", "+accept")
    cells = found[2].cells
    assert (cells["index"].text, cells["goal"].text) == ("`-+50", "enter shows them")
    assert cells["cost"].text == "$10.50"
    assert len(tree.subtask_rows(join, NOW, ASCII, 20, unfolded={"+accept"})) == 53
    assert len(tree.subtask_rows(join, NOW, ASCII, 20)) == 52, "filtered or sorted: every one by itself"


def test_no_group_hides_an_altered_record() -> None:
    join = children(["accept"] * 50)
    of_part = sample.task(900)
    join.subtasks[9].parts.append(of_part)
    assert join.subtasks[7].child_thread
    altered = frozenset({join.subtasks[7].child_thread, of_part.thread})
    found = tree.subtask_rows(join, NOW, ASCII, 20, unfolded=(), altered=altered)
    assert [(row.key, row.cells["state"].text) for row in found] == [
        ("7", "x altered"),
        ("9", "+ accept"),
        (f"task {of_part.thread}", "x altered"),
        ("+accept", "+ accept"),
    ]
    assert found[3].cells["index"].text == "`-+48"
    unfolded = tree.subtask_rows(join, NOW, ASCII, 20, unfolded={"+accept"}, altered=altered)
    assert [row.key for row in unfolded].count("7") == 1


async def test_a_cost_is_never_cut() -> None:
    """`$10.04/$12…` would read as another budget."""
    spent: dict[str, Any] = {"cost_usd": 10.04, "budget_usd": 120.5}
    shown = "  $10.04/$120.50"
    client = FakeClient()
    client.tasks(sample.tasks())
    client.join(sample.join(subtasks=[sample.child(0, **spent)]))
    status = sample.status(dispatches=[sample.dispatch(0, **spent)], fanouts=[sample.fanout(**spent)])
    async with console((120, 40), status, client) as page:
        assert shown in page.table("dispatches").text()
        assert shown in page.table("fanouts").text()
        await page.press("2", "enter")
        assert shown in page.table("subtasks").text()
        await page.resize((80, 24))
        assert shown in page.table("subtasks").text()
        await page.press("1")
        assert shown in page.table("dispatches").text()


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_long_tree_is_unfolded_and_folded_by_enter(size: tuple[int, int]) -> None:
    join = sample.folded()
    client = FakeClient()
    client.tasks(sample.tasks())
    client.join(join)
    async with console(size, sample.status(), client, screen="tasks") as page:
        await page.press("tab", "end")
        assert "SUBTASKS 1000" in page.table("subtasks").text()
        assert "─+997" in page.table("subtasks").text()
        await page.press("enter")
        assert page.table("subtasks").chosen == "+accept", "the cursor stays on the group"
        await page.press("down")
        assert page.table("subtasks").chosen == "0"
        await page.press("up", "enter")
        assert page.table("subtasks").last == "+accept"
        assert isinstance(page.app.screen, ConsoleScreen)
        assert page.app.screen.subject() == Subject(thread=sample.THREAD), "a group is no subtask"


def test_a_nested_task_stands_beneath_its_subtask() -> None:
    found = tree.subtask_rows(sample.nested(), NOW, ASCII, 20, unfolded=())
    part, whole = found[1], found[6]
    assert [part.cells[key].text for key in ("index", "state", "goal")] == [
        "  `-+", "> in progress", "PART-7  1/3 Draw the figures",
    ]  # fmt: skip
    assert [whole.cells[key].text for key in ("index", "state", "goal")] == [
        "`-", ". open", "PART-8  Tell the press",
    ]  # fmt: skip
    join = sample.nested()
    longest = tree.longest(join, branches.lay(join, (), {}), ASCII)
    assert longest["goal"] == len("PART-7  1/3 Draw the figures")
    assert [found[place].cells["index"].text for place in (0, 2, 5)] == ["|-[0]", "|-[1]", "|-[4]"]


async def test_enter_goes_into_a_nested_task_and_esc_comes_back() -> None:
    client = FakeClient()
    client.tasks([sample.task(), sample.task(7, alias="PART-7", goal="Draw the figures")])
    client.join(sample.nested())
    client.join(sample.join(thread=sample.task(7).thread, alias="PART-7", goal="Draw the figures"))
    async with console((120, 40), sample.status(), client, screen="tasks") as page:
        await page.press("tab", "down")
        assert isinstance(page.app.screen, ConsoleScreen)
        assert page.app.screen.subject() == Subject(thread=sample.task(7).thread)
        await page.press("enter")
        await page.passes(1)
        assert "PART-7  Draw the figures" in page.part("summary")
        await page.press("escape")
        await page.passes(1)
        assert "DOCS-11  Ship the 0.11 docs" in page.part("summary")
