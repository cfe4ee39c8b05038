"""Replay with checkpoints: what the log held until a position folds to one state, however it is reached."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncropel.errors import InvalidFanOut
from syncropel.folds.base.order import fold_order, rank
from syncropel.folds.fanout.join import JoinDecision, JoinRule, decide, parse_join
from syncropel.folds.fanout.subtasks import Child, fan_out_children
from syncropel.folds.replay.facts import changed, facts_of
from syncropel.folds.replay.fork import fork
from syncropel.folds.replay.thread_state import ThreadState
from syncropel.folds.replay.walk import Change, Replay
from syncropel.folds.tasks.state import TaskState, fold_task
from syncropel.record.model import Record, StoredRecord
from syncropel.record.threads import FLEET_CONTROL
from tests.folds.build import THREAD, done, parent, record, spawned, store, subtask, threads


def judge(task: TaskState, children: Sequence[Child], exact: bool) -> JoinDecision:
    assert task.fanout is not None
    try:
        rule = parse_join(task.fanout.join, len(children))
    except InvalidFanOut:
        rule = JoinRule(task.fanout.join, len(children) + 1)
    return decide(rule, children)


def fresh(records: Iterable[StoredRecord]) -> ThreadState:
    """All these records folded from the start, with no replay in sight."""
    state = ThreadState.empty(THREAD)
    for stored in fold_order(records):
        state.apply(stored)
    return state


def status_from_scratch(records: Iterable[StoredRecord]) -> str:
    return fresh(records).status(judge)


def told(state: ThreadState) -> tuple[ThreadState, dict[str, object]]:
    """The state, and what is said of it, but for the record that was applied last."""
    copy = fork(state)
    copy.line.last_sequence, copy.line.last_activity = 0, 0.0
    return copy, dict(facts_of(state, judge, {}))


SEEKS = st.lists(st.floats(0, 1), max_size=12)


@given(threads(most=20), SEEKS, st.integers(1, 7), st.integers(1, 4))
def test_any_seeks_give_what_a_fresh_fold_gives(
    made: list[Record], seeks: list[float], spacing: int, most: int
) -> None:
    replay = Replay(THREAD, store(made), judge, spacing=spacing, max_checkpoints=most)
    ordered = store(made)
    for share in seeks:
        position = round(share * len(ordered))
        assert told(replay.state(position)) == told(fresh(ordered[:position]))
        assert replay.status(position) == status_from_scratch(ordered[:position])
    assert len(replay.checkpoints) <= most


@given(threads(most=20), st.data(), st.integers(1, 7))
def test_a_replay_that_grows_is_the_replay_of_all(
    made: list[Record], data: st.DataObject, spacing: int
) -> None:
    stored = store(made)
    cut = data.draw(st.integers(0, len(stored)))
    replay = Replay(THREAD, stored[:cut], judge, spacing=spacing)
    replay.state(data.draw(st.integers(0, cut)))
    replay.extend(stored[data.draw(st.integers(0, cut)) :])
    whole = Replay(THREAD, stored, judge)
    assert replay.records == whole.records
    assert replay.changes == whole.changes
    assert replay.revision == whole.revision
    for position in range(replay.total, -1, -1):
        assert told(replay.state(position)) == told(whole.state(position))


@st.composite
def judged(draw: st.DrawFn) -> list[Record]:
    """A thread with many verdicts at few clocks, in any order: with parents and remarks among them, and few
    records that decide anything else."""
    made: list[Record] = []
    for at in range(draw(st.integers(1, 14))):
        act, body = draw(_JUDGING)
        actor = f"did:sync:user:{draw(st.integers(0, 4))}"
        clock = draw(st.integers(0, 3))
        if any((other.actor, other.clock) == (actor, clock) for other in made):
            actor = f"did:sync:user:more-{at}"
        above = [other.id for other in made]
        parents = draw(st.sets(st.sampled_from(above), max_size=1)) if above else set()
        made.append(record(act, clock, {**body, "n": draw(st.integers(0, 9))}, actor=actor, parents=parents))
    return draw(st.permutations(made))


_VERDICT: st.SearchStrategy[tuple[str, dict[str, Any]]] = st.tuples(
    st.just("KNOW"), st.fixed_dictionaries({"verdict": st.sampled_from(["accept", "reject", "failed", 7])})
)
_JUDGING: st.SearchStrategy[tuple[str, dict[str, Any]]] = st.one_of(
    _VERDICT,
    _VERDICT,
    _VERDICT,
    st.sampled_from(
        [
            ("KNOW", {"topic": "note"}),
            ("DO", {"topic": "note", "verdict": "reject"}),
            ("DO", {"topic": "task_started"}),
            ("KNOW", {"topic": "task_failed", "reason": "no"}),
            ("DO", {"cancels": True}),
            ("INTEND", {"task": True, "goal": "g", "alias": "T-1"}),
            ("INTEND", {"task": True, "alias": "T-1", "subtasks": [subtask()], "join": "all"}),
            ("LEARN", {"topic": "fanout_retry_subtask", "index": 0}),
            ("KNOW", {"fulfills": "f" * 64, "verdict": "accept"}),
            ("KNOW", {"verdict": "accept", "goal": "a title"}),
        ]
    ),
)


@given(judged(), SEEKS, st.integers(1, 5))
def test_verdicts_in_any_order_give_what_a_fresh_fold_gives(
    made: list[Record], seeks: list[float], spacing: int
) -> None:
    ordered = store(made)
    replay = Replay(THREAD, ordered, judge, spacing=spacing)
    for position in [*range(len(made) + 1), *(round(share * len(made)) for share in seeks)]:
        assert told(replay.state(position)) == told(fresh(ordered[:position]))
        assert replay.status(position) == status_from_scratch(ordered[:position])


@pytest.mark.parametrize("opening", [{"goal": "g"}, {"task": True, "goal": "g", "alias": "T-1"}])
def test_thousands_of_verdicts_at_one_clock_are_folded_once(
    opening: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    count, applied = 2_000, 0
    made = [record("INTEND", 0, opening), record("KNOW", 9, {"topic": "note"})]
    made += [
        record("KNOW", 5, {"verdict": "accept" if at % 3 else "reject"}, actor=f"did:sync:user:{at}")
        for at in range(count)
    ]
    apply = ThreadState.apply

    def counted(state: ThreadState, one: StoredRecord) -> None:
        nonlocal applied
        applied += 1
        apply(state, one)

    monkeypatch.setattr(ThreadState, "apply", counted)
    replay = Replay(THREAD, store(made), judge)
    assert applied <= 2 * len(made)
    monkeypatch.undo()
    assert told(replay.state(replay.total)) == told(fresh(store(made)))


@given(threads())
def test_the_last_state_is_the_tasks_own_fold(made: list[Record]) -> None:
    replay = Replay(THREAD, store(made), judge)
    assert replay.state(replay.total).folded == fold_task(THREAD, store(made))


@given(threads(most=20), st.integers(1, 7))
def test_positions_are_those_of_the_log(made: list[Record], spacing: int) -> None:
    replay = Replay(THREAD, store(made), judge, spacing=spacing)
    assert [stored.record for stored in replay.records] == made
    assert replay.highest_clock == max(-1, *map(rank, made))


def test_a_late_record_is_folded_from_the_last_checkpoint_below_it(monkeypatch: pytest.MonkeyPatch) -> None:
    count, applied = 2_000, 0
    # every second record comes after the one that it precedes
    clocks = [at + 1 if at % 2 == 0 else at - 1 for at in range(count)]
    stored = store(record("KNOW", clock, {"topic": "note"}) for clock in clocks)
    apply = ThreadState.apply

    def counted(state: ThreadState, one: StoredRecord) -> None:
        nonlocal applied
        applied += 1
        apply(state, one)

    monkeypatch.setattr(ThreadState, "apply", counted)
    Replay(THREAD, stored, judge, spacing=16)
    assert applied <= 64 * count


@given(threads())
def test_changes_are_where_the_status_differs(made: list[Record]) -> None:
    replay = Replay(THREAD, store(made), judge)
    statuses = [status_from_scratch(replay.records[:position]) for position in range(replay.total + 1)]
    assert replay.changes == [
        Change(position, statuses[position - 1], statuses[position])
        for position in range(1, replay.total + 1)
        if statuses[position - 1] != statuses[position]
    ]
    for position in range(replay.total + 1):
        above = [change.position for change in replay.changes if change.position > position]
        below = [change.position for change in replay.changes if change.position < position]
        assert replay.next_change(position) == (above[0] if above else None)
        assert replay.previous_change(position) == (below[-1] if below else None)


@given(threads())
def test_a_copy_goes_its_own_way(made: list[Record]) -> None:
    ordered = fold_order(store(made))
    state = fresh(ordered[:-1])
    copy = fork(state)
    assert copy == state
    copy.apply(ordered[-1])
    assert state == fresh(ordered[:-1])
    assert copy == fresh(ordered)


def fan_out() -> list[Record]:
    return [
        parent([subtask(), subtask()], join="all", clock=0),
        spawned(0, 1),
        spawned(1, 2),
        done(0, 3),
        done(1, 4, "failed"),
    ]


def test_a_fan_out_that_fails_is_blocked() -> None:
    replay = Replay(THREAD, store(fan_out()), judge)
    assert replay.changes == [Change(1, "open", "in_progress"), Change(5, "in_progress", "blocked")]


def test_facts_say_what_a_record_changed() -> None:
    replay = Replay(THREAD, store(fan_out()), judge)
    before = facts_of(replay.state(3), judge, {})
    after = facts_of(replay.state(4), judge, {})
    assert changed(before, after) == ["join_why", "running", "completed", "accepted", "cost_usd"]
    assert (after["accepted"], after["cost_usd"], after["join_state"]) == (1, 0.25, "waiting")
    last = facts_of(replay.state(5), judge, {})
    assert last["join_state"] == "out of reach"


def test_a_fact_that_goes_is_a_change() -> None:
    assert changed({"a": 1, "b": 2}, {"b": 2, "c": None}) == ["c", "a"]


def test_freezes_come_and_go_on_the_control_thread() -> None:
    bodies = [
        {"topic": "freeze", "level": "hard", "namespace": "docs", "reason": "leak"},
        {"topic": "freeze", "level": "emergency", "reason": "fire"},
        {"topic": "unfreeze", "level": "emergency"},
        {"topic": "unfreeze", "namespace": "docs"},
    ]
    records = [record("LEARN", at, body, thread=FLEET_CONTROL) for at, body in enumerate(bodies)]
    replay = Replay(FLEET_CONTROL, store(records), judge)
    assert [replay.status(at) for at in range(5)] == ["clear", "frozen", "emergency", "frozen", "clear"]
    assert facts_of(replay.state(1), judge, {}) == {"status": "frozen", "freeze docs": "hard: leak"}


def test_no_position_beyond_the_ends() -> None:
    replay = Replay(THREAD, store(fan_out()), judge)
    for position in (-1, 6):
        with pytest.raises(IndexError, match=f"position {position} is not from 0 to 5"):
            replay.state(position)


def test_steps_backwards_fold_no_more_than_one_spacing(monkeypatch: pytest.MonkeyPatch) -> None:
    count = 3_000
    records = [record("KNOW", at, {"topic": "note"}) for at in range(count)]
    replay = Replay(THREAD, store(records), judge)
    assert len(replay.checkpoints) <= 64
    applied = 0
    apply = ThreadState.apply

    def counted(state: ThreadState, stored: StoredRecord) -> None:
        nonlocal applied
        applied += 1
        apply(state, stored)

    monkeypatch.setattr(ThreadState, "apply", counted)
    for position in range(count, count - 100, -1):
        replay.state(position)
    assert applied <= 100 * count / 32


def test_the_status_of_a_wide_fan_out_is_not_looked_for_at_every_subtask() -> None:
    """A look costs as much as there are subtasks; one look a record would make the replay quadratic."""
    count, looks = 200, 0

    def counted(task: TaskState, children: Sequence[Child], exact: bool) -> JoinDecision:
        nonlocal looks
        looks += 1
        return judge(task, children, exact)

    records = [parent([subtask()] * count, join="all")]
    records += [spawned(at, at + 1) for at in range(count)]
    records += [done(at, count + at + 1, "accept" if at < 100 else "failed") for at in range(count)]
    replay = Replay(THREAD, store(records), counted)
    assert looks < 10
    assert replay.status(replay.total) == "blocked"
    fanout = replay.state(replay.total).folded.fanout
    assert fanout is not None
    assert sum(child.finished for child in fan_out_children(fanout)) == count
