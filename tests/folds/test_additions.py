"""Subtasks that agents ask for: the fold takes each once, and moves no clock that was promised."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncropel.engine.fanout.spawn import child_intend
from syncropel.engine.ingest.live import LiveFolds
from syncropel.folds.fanout import additions
from syncropel.folds.fanout.additions import MOST_GOAL, Decided, addition_id, read_wanted
from syncropel.folds.fanout.progress import progress_of
from syncropel.folds.fanout.state import FanOut
from syncropel.folds.fanout.subtasks import fan_out_children
from syncropel.folds.tasks.state import fold_task
from syncropel.policy import adding
from syncropel.policy.adding import decision, refusal
from syncropel.record.model import Record

from .adding import INTENDS, added, asked, refused
from .build import COORDINATOR, THREAD, done, fold_fan_out, parent, record, spawned, store, subtask

HEAD = parent([subtask(), subtask()], may_add=3)


def test_a_subtask_is_added_after_those_that_there_are() -> None:
    fanout = fold_fan_out(
        HEAD, spawned(0, 1), asked("a", 2), added("a", 3, 2), added("b", 4, 3, by=2, depth=2)
    )
    assert [one.goal for one in fanout.spec.subtasks] == ["work", "work", "do a", "do b"]
    assert (fanout.requested, fanout.additions.depth(0), fanout.additions.depth(3)) == (2, 0, 2)
    assert fanout.additions.added[2].by == (0, 1)
    assert fanout.additions.decided[addition_id(INTENDS[0], "a")] == Decided(2, at=3.0)
    assert not fanout.additions.waiting()


@pytest.mark.parametrize(
    "wrong",
    [
        added("b", 4, 4),  # it leaves a gap
        added("b", 4, 1),  # the operator's
        added("b", 4, 3, by=3),  # by itself
        added("b", 4, 3, depth=0),
        added("b", 4, 3, target="nowhere"),
        added("b", 4, 3, goal=""),
        added("a", 4, 3),  # it is decided already
        refused("a", 4),
    ],
)
def test_what_makes_no_sense_or_comes_late_adds_nothing(wrong: Record) -> None:
    before = fold_fan_out(HEAD, spawned(0, 1), asked("a", 2), added("a", 3, 2))
    assert fold_fan_out(HEAD, spawned(0, 1), asked("a", 2), added("a", 3, 2), wrong).spec == before.spec


def test_a_join_stands_and_what_was_refused_stays_refused() -> None:
    joined = record("KNOW", 5, {"fulfills": HEAD.id, "verdict": "accept"}, actor=COORDINATOR)
    over = fold_fan_out(HEAD, spawned(0, 1), asked("a", 2), joined, added("a", 6, 2))
    assert len(over.spec.subtasks) == 2
    assert fold_fan_out(HEAD, asked("a", 2), refused("a", 3), added("a", 4, 2)).requested == 2
    assert len(fold_fan_out(HEAD, asked("a", 2), refused("a", 3), added("a", 4, 2)).spec.subtasks) == 2


def test_two_logs_that_added_at_the_same_place_added_one_subtask() -> None:
    """As after a restore: who asked for the other one is not told that it is this one."""
    fanout = fold_fan_out(
        HEAD, spawned(0, 1), asked("a", 2), asked("b", 3), added("a", 4, 2), added("b", 5, 2)
    )
    assert [one.goal for one in fanout.spec.subtasks[2:]] == ["do a"]
    assert [one.wanted.goal for one in fanout.additions.waiting()] == ["do b"]


def test_a_full_fan_out_still_says_what_was_added_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the coordinator would decide the same again without end."""
    for module in (additions, adding):
        monkeypatch.setattr(module, "MAX_SUBTASKS", 3)
    again = asked("b", 4, goal="do a")
    records = [HEAD, spawned(0, 1), asked("a", 2), added("a", 3, 2), again, asked("c", 5)]
    full = fold_fan_out(*records)
    said = [decision(full, one, refusal(full, one)) for one in full.additions.waiting()]
    assert [one.get("index", one.get("reason")) for one in said] == [
        2,
        "the fan-out has 3 subtasks, which is the most",
    ]
    decided = [record("LEARN", 6 + at, one, actor=COORDINATOR) for at, one in enumerate(said)]
    after = fold_fan_out(*records, *decided, added("d", 9, 3))
    assert not after.additions.waiting()
    assert len(after.spec.subtasks) == 3


def test_facts_about_a_subtask_hold_from_its_addition_on() -> None:
    fanout = fold_fan_out(HEAD, spawned(2, 1), done(2, 2), added("a", 3, 2))
    assert not fanout.spawns
    assert not fanout.reports
    assert (2, 1) in fold_fan_out(HEAD, added("a", 3, 2), spawned(2, 4)).spawns


RECORDS = st.lists(
    st.one_of(
        st.builds(asked, st.sampled_from("abc"), st.integers(1, 30), st.integers(0, 2)),
        st.builds(added, st.sampled_from("abc"), st.integers(1, 30), st.integers(2, 4), st.integers(0, 2)),
        st.builds(refused, st.sampled_from("abc"), st.integers(1, 30)),
        st.builds(spawned, st.integers(0, 4), st.integers(1, 30)),
        st.builds(done, st.integers(0, 4), st.integers(1, 30)),
    ),
    max_size=14,
    unique_by=lambda one: (one.actor, one.clock),
)


@given(RECORDS, st.data())
def test_what_is_live_is_what_the_log_says_in_whatever_order_it_came(
    records: list[Record], data: st.DataObject
) -> None:
    arrived = store([HEAD, *data.draw(st.permutations(records))])
    live = LiveFolds()
    for count, stored in enumerate(arrived, start=1):
        live.apply(stored)
        if live.stale:  # as `refold` does
            live.tasks[THREAD] = fold_task(THREAD, arrived[:count])
            live.stale.clear()
        fanout = live.tasks[THREAD].fanout
        assert fanout is not None
        assert fanout == fold_task(THREAD, arrived[:count]).fanout
        assert fanout.additions.undecided == fanout.additions.asked.keys() - fanout.additions.decided.keys()
        assert progress_of(fanout).children() == fan_out_children(fanout)


@given(RECORDS)
def test_no_addition_changes_what_was_sent_before_it(records: list[Record]) -> None:
    """A child INTEND is sent again after a restart, and must be the same record; and no two attempts have one
    clock for their reports."""
    ordered = sorted(records, key=lambda one: (one.clock, one.id))
    sent: dict[tuple[int, int], str] = {}
    for count in range(len(ordered) + 1):
        fanout = fold_fan_out(HEAD, *ordered[:count])
        now = {(child.index, child.attempt): intend(fanout, child) for child in fan_out_children(fanout)}
        for slot, was in sent.items():
            assert now.get(slot) == was
        sent |= {slot: made for slot, made in now.items() if made}
        clocks = [fanout.reserved(spawn.key[0]) for spawn in fanout.spawns.values()]
        assert len(set(clocks)) == len({spawn.key[0] for spawn in fanout.spawns.values()})
        assert all(clock > spawn.key[0] for clock, spawn in zip(clocks, fanout.spawns.values(), strict=True))


def intend(fanout: FanOut, child: Any) -> str:
    return child_intend(fanout, child, child.spawn.key[0], COORDINATOR).id if child.spawn else ""


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        {},
        {"goal": "g"},
        {"goal": " ", "adapter": "a"},
        {"goal": "g" * (MOST_GOAL + 1), "adapter": "a"},
        {"goal": "g", "adapter": 1},
        {"goal": "g", "adapter": "a", "target": 1},
        *({"goal": "g", "adapter": "a", key: "x" * 201} for key in ("adapter", "target", "repo")),
        {"goal": "g", "adapter": "a", "depends_on": [True]},
        {"goal": "g", "adapter": "a", "depends_on": [-1]},
        {"goal": "g", "adapter": "a", "depends_on": list(range(101))},
    ],
)
def test_what_is_no_request_is_none(wrong: Any) -> None:
    assert read_wanted(wrong) is None


def test_a_request_reads_back_as_it_was_written() -> None:
    wanted = read_wanted({"goal": "g", "adapter": "a", "target": "worker-a", "depends_on": [1, 0, 1]})
    assert wanted is not None
    assert wanted.depends_on == (0, 1)
    assert read_wanted(wanted.as_body("r")) == wanted
