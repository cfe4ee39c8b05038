"""What is kept of a running fan-out, record by record, against a fresh fold of the same records."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncropel.engine.ingest.live import LiveFolds
from syncropel.folds.fanout.join import decide, parse_join
from syncropel.folds.fanout.progress import ROUND_ROBIN, progress_of
from syncropel.folds.fanout.reassignments import BUDGET_EXCEEDED
from syncropel.folds.fanout.state import FanOut
from syncropel.folds.fanout.subtasks import fan_out_children, own_state
from syncropel.folds.fanout.tally import Counted
from syncropel.folds.tasks.state import fold_task
from syncropel.record.model import Record
from syncropel.store.base import Appended
from syncropel.store.memory import MemoryStore
from tests.engine.test_live import at_once
from tests.folds.build import (
    THREAD,
    WORKER_A,
    WORKER_B,
    done,
    fold,
    parent,
    record,
    retry,
    running_fan_outs,
    spawned,
    store,
    subtask,
    threads,
)


def assert_like(kept: FanOut, fresh: FanOut) -> None:
    """The kept progress says of this fan-out what all its subtasks, folded afresh, say."""
    kept_up, children = progress_of(kept), fan_out_children(fresh)
    counted = Counted(children)
    assert kept_up.children() == children
    assert kept_up.cel_children() == counted.cel_children()
    for name in ("total", "accepted", "unfinished", "failed", "blocked"):
        assert getattr(kept_up, name) == getattr(counted, name), name
    assert kept_up.ready() == [one for one in children if one.state == "pending" and not one.waits_for]
    running = {one.index: one.spawn for one in children if one.state == "in_progress"}
    assert {at: spawn for there in kept_up.running.values() for at, spawn in there.items()} == running
    assert set(running) <= set(kept_up.started)
    for text in ("all", "any", "size(children) > 99"):
        rule = parse_join(text, len(children))
        assert decide(rule, kept_up, False) == decide(rule, children, False)


def naive_load(live: LiveFolds) -> Counter[str]:
    fanouts = [state.fanout for state in live.active.values() if state.fanout is not None]
    children = [child for fanout in fanouts for child in fan_out_children(fanout)]
    return Counter(one.spawn.instance for one in children if one.state == "in_progress" and one.spawn)


@given(
    st.one_of(running_fan_outs(), running_fan_outs(), threads()),
    st.randoms(use_true_random=False),
    st.integers(1, 3),
)
def test_progress_follows_records_in_whatever_order_they_come(
    made: list[Record], random: Random, batch: int
) -> None:
    """After each group of records that arrives, it is that of a fresh fold of all that are in the log."""
    shuffled = made[1:]
    random.shuffle(shuffled)
    shuffled.insert(random.choice([0, 0, 0, len(shuffled)]), made[0])  # else most examples wait for it

    async def check() -> None:
        log, live = MemoryStore(clock=lambda: 0.0), LiveFolds()
        for start in range(0, len(shuffled), batch):
            for outcome in await log.append(shuffled[start : start + batch]):
                if isinstance(outcome, Appended) and outcome.created:
                    live.apply(outcome.stored)
            await live.refold(log)
            assert live.active.load() == naive_load(live)
            state = live.active.get(THREAD)
            if state is not None and state.fanout is not None:
                fresh = fold_task(THREAD, await log.thread(THREAD)).fanout
                assert fresh is not None
                assert_like(state.fanout, fresh)

    at_once(check())


def test_a_change_reaches_all_that_wait_for_it_once() -> None:
    """In a ladder, where the ways from the first to the last double at each step."""
    steps = 40
    graph = [[], [], *([at - at % 2 - 2, at - at % 2 - 1] for at in range(2, 2 * steps))]
    state = fold(parent([subtask(*befores) for befores in graph]))
    fanout = state.fanout
    assert fanout is not None
    assert progress_of(fanout).blocked == []
    for stored in store([spawned(0, 1), done(0, 3, "failed")]):
        state.apply(stored)
    assert progress_of(fanout).blocked == list(range(2, 2 * steps))
    state.apply(store([retry(0, 4)])[0])
    assert progress_of(fanout).blocked == []
    assert [child.index for child in progress_of(fanout).ready()] == [0, 1]


@pytest.mark.parametrize("targets", [[ROUND_ROBIN] * 3, [ROUND_ROBIN, "worker-a", ROUND_ROBIN]])
def test_turns_count_every_attempt_that_was_routed_in_turn(targets: list[str]) -> None:
    state = fold(parent([subtask(target=target) for target in targets]))
    assert state.fanout is not None
    assert progress_of(state.fanout).turn == 0
    records = [spawned(0, 1), spawned(1, 2), done(0, 9, "failed"), retry(0, 10), spawned(0, 11, attempt=2)]
    for stored in store(records):
        state.apply(stored)
    assert progress_of(state.fanout).turn == (3 if targets[1] == ROUND_ROBIN else 2)


def test_what_waits_is_ready_once_the_last_of_its_predecessors_was_accepted() -> None:
    state = fold(parent([subtask(), subtask(), subtask(0, 1)]))
    assert state.fanout is not None
    ready = []
    for one in ([], [done(0, 3)], [done(1, 4)]):
        for stored in store(one):
            state.apply(stored)
        ready.append([child.index for child in progress_of(state.fanout).ready()])
    assert ready == [[0, 1], [1], [2]]


def test_an_attempt_begins_once_and_again_after_a_retry() -> None:
    state = fold(parent([subtask(), subtask()]))
    assert state.fanout is not None
    kept_up = progress_of(state.fanout)
    for stored in store([spawned(1, 1), spawned(0, 2), done(1, 5, "failed"), retry(1, 6)]):
        state.apply(stored)
        progress_of(state.fanout)
    assert kept_up.started == [1, 0]
    for stored in store([spawned(1, 7, attempt=2, instance=WORKER_B)]):
        state.apply(stored)
    assert progress_of(state.fanout).started == [1, 0, 1]
    assert {did: set(there) for did, there in kept_up.running.items() if there} == {
        WORKER_A: {0},
        WORKER_B: {1},
    }


def test_a_spent_budget_blocks_whatever_has_not_begun() -> None:
    state = fold(parent([subtask(), subtask(), subtask(0)]))
    assert state.fanout is not None
    assert len(progress_of(state.fanout).ready()) == 2
    for stored in store([spawned(0, 1), record("LEARN", 2, {"topic": BUDGET_EXCEEDED})]):
        state.apply(stored)
    assert progress_of(state.fanout).blocked == [1, 2]
    assert progress_of(state.fanout).ready() == []


def test_a_look_takes_only_what_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many subtasks there are: else a fan-out costs its size times its size."""
    state = fold(parent([subtask() for _ in range(500)]), *(spawned(at, 1 + at) for at in range(500)))
    assert state.fanout is not None
    progress_of(state.fanout)
    looked: list[int] = []
    real = own_state
    monkeypatch.setattr(
        "syncropel.folds.fanout.progress.own_state", lambda fanout, at: looked.append(at) or real(fanout, at)
    )
    for at in (7, 499):
        state.apply(store([done(at, 600 + at)])[0])
        assert progress_of(state.fanout).accepted == len(looked)
    assert looked == [7, 499]


def test_what_was_read_from_progress_does_not_change_later() -> None:
    """A join that takes long reads it in another thread."""
    state = fold(parent([subtask(), subtask()]), spawned(0, 1))
    assert state.fanout is not None
    kept_up = progress_of(state.fanout)
    told, children = kept_up.cel_children(), kept_up.children()
    state.apply(store([done(0, 9)])[0])
    progress_of(state.fanout)
    assert (told[0]["verdict"], children[0].report) == ("", None)
    assert kept_up.cel_children()[0]["verdict"] == "accept"


def test_a_fan_out_that_is_over_keeps_no_progress() -> None:
    async def check() -> None:
        log, live = MemoryStore(clock=lambda: 0.0), LiveFolds()
        opening = parent([subtask()])
        records = [opening, spawned(0, 1)]
        for outcome in await log.append(records):
            assert isinstance(outcome, Appended)
            live.apply(outcome.stored)
        fanout = live.active[THREAD].fanout
        assert fanout is not None
        assert live.active.load() == {WORKER_A: 1}
        assert fanout.progress is not None
        joined = record("KNOW", 9, {"fulfills": opening.id, "verdict": "accept"})
        for outcome in await log.append([joined]):
            assert isinstance(outcome, Appended)
            live.apply(outcome.stored)
        assert live.active.load() == {}
        assert fanout.progress is None

    at_once(check())
