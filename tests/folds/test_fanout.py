"""The fan-out fold: a set of facts about attempts, from which every subtask's state follows."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncropel.folds.fanout.state import CHILD_DONE
from syncropel.folds.fanout.subtasks import Child, fan_out_children
from syncropel.folds.tasks.state import fold_task
from syncropel.record.model import Record
from tests.folds.build import (
    THREAD,
    VERDICTS,
    WORKER_A,
    WORKER_B,
    done,
    fold_fan_out,
    graphs,
    parent,
    record,
    retry,
    spawned,
    store,
    subtask,
)


def states(*records: Record) -> list[str]:
    return [child.state for child in fan_out_children(fold_fan_out(*records))]


def ready_indexes(children: list[Child]) -> list[int]:
    return [child.index for child in children if child.state == "pending" and not child.waits_for]


TWO = parent([subtask(), subtask()])


def test_a_subtask_is_pending_then_in_progress_then_what_its_report_says() -> None:
    assert states(TWO) == ["pending", "pending"]
    assert states(TWO, spawned(0, 1)) == ["in_progress", "pending"]
    for verdict in VERDICTS:
        assert states(TWO, spawned(0, 1), done(0, 3, verdict)) == [verdict, "pending"]


@st.composite
def runs(draw: st.DrawFn) -> tuple[list[Record], list[Record]]:
    """A parent with retries, and facts about any of its attempts."""
    graph = draw(graphs())
    head = [parent([subtask(*depends) for depends in graph])]
    indexes = st.integers(0, len(graph) - 1)
    head += [retry(index, 1 + n) for n, index in enumerate(draw(st.lists(indexes, max_size=3)))]
    facts: list[Record] = []
    for n, (index, attempt) in enumerate(draw(st.lists(st.tuples(indexes, st.integers(1, 3)), max_size=10))):
        clock = 10 + n
        if draw(st.booleans()):
            where = draw(st.sampled_from([WORKER_A, WORKER_B]))
            facts.append(spawned(index, clock, attempt=attempt, instance=where))
        else:
            facts.append(done(index, clock, draw(st.sampled_from(VERDICTS)), attempt=attempt))
    return head, facts


@given(runs(), st.randoms(), st.data())
def test_facts_come_in_any_order_and_any_number(
    run: tuple[list[Record], list[Record]], random: Any, data: st.DataObject
) -> None:
    """Applied in place, shuffled and with second copies, they give the children of a fresh fold."""
    head, facts = run
    fresh = fold_task(THREAD, store([*head, *facts]))
    copies = data.draw(st.lists(st.sampled_from(facts), max_size=4)) if facts else []
    shuffled = [*facts, *copies]
    random.shuffle(shuffled)
    state = fold_task(THREAD, store(head))
    for stored in store(shuffled):
        state.apply(stored)
    assert state.fanout is not None
    assert fresh.fanout is not None
    assert fan_out_children(state.fanout) == fan_out_children(fresh.fanout)
    assert state.fanout.cost_usd == fresh.fanout.cost_usd


def test_of_two_facts_about_one_attempt_the_first_in_fold_order_counts() -> None:
    fanout = fold_fan_out(
        TWO, spawned(0, 4, instance=WORKER_B), spawned(0, 2), done(0, 9, "failed"), done(0, 7)
    )
    spawn, report = fanout.spawn(0), fanout.report(0)
    assert spawn is not None
    assert report is not None
    assert (spawn.instance, report.verdict) == (WORKER_A, "accept")


def test_a_fact_at_or_before_its_parent_is_none() -> None:
    """Its place must not depend on which of them arrived first."""
    late_parent = parent([subtask(), subtask()], clock=5)
    assert states(late_parent, done(0, 3), done(1, 5)) == ["pending", "pending"]


def test_a_retry_begins_the_next_attempt_and_the_old_result_no_longer_counts() -> None:
    records = [TWO, spawned(0, 1), done(0, 3, "failed"), retry(0, 4, "use the cache")]
    fanout = fold_fan_out(*records)
    assert (fanout.attempt(0), fanout.hint(0), fanout.attempt(1)) == (2, "use the cache", 1)
    assert states(*records) == ["pending", "pending"]
    assert states(*records, spawned(0, 5, attempt=2)) == ["in_progress", "pending"]
    assert states(*records, spawned(0, 5, attempt=2), done(0, 7, attempt=2)) == ["accept", "pending"]


@pytest.mark.parametrize("verdict", VERDICTS)
def test_the_late_result_of_a_superseded_attempt_is_ignored(verdict: str) -> None:
    records = [TWO, spawned(0, 1), retry(0, 2), spawned(0, 3, attempt=2), done(0, 9, verdict, attempt=1)]
    assert states(*records) == ["in_progress", "pending"]
    assert fold_fan_out(*records).cost_usd == 0.25, "money that was spent is spent"


@pytest.mark.parametrize(
    "body",
    [
        {"index": 2},
        {"index": -1},
        {"index": True},
        {"index": "0"},
        {"attempt": 0},
        {"attempt": "1"},
        {"verdict": "splendid"},
        {"verdict": None},
        {"verdict": ["accept"]},
        {"verdict": {"accept": 1}},
    ],
)
def test_a_report_that_makes_no_sense_changes_nothing(body: dict[str, Any]) -> None:
    whole = {"topic": CHILD_DONE, "index": 0, "attempt": 1, "verdict": "accept", **body}
    assert states(TWO, record("DO", 3, whole)) == ["pending", "pending"]


@pytest.mark.parametrize("index", [-1, 2, "0", None, True, 0.5])
def test_a_retry_of_nothing_changes_nothing(index: Any) -> None:
    assert fold_fan_out(TWO, retry(index, 1)).retries == {}


def test_numbers_beyond_a_float_count_nothing() -> None:
    """JSON has integers of any size; one of them in the log must not stop every fold after it."""
    fanout = fold_fan_out(TWO, done(0, 3, cost_usd=10**400, wall_time_secs=-(10**400), at=10**400))
    report = fanout.report(0)
    assert report is not None
    assert (report.cost_usd, report.wall_time_secs, fanout.cost_usd) == (0.0, 0.0, 0.0)


CHAIN = parent([subtask(), subtask(0), subtask(1), subtask()])


def test_dependents_are_ready_when_their_predecessors_accept() -> None:
    children = fan_out_children(fold_fan_out(CHAIN))
    assert ready_indexes(children) == [0, 3]
    assert [child.waits_for for child in children] == [(), (0,), (1,), ()]
    children = fan_out_children(fold_fan_out(CHAIN, spawned(0, 1), done(0, 5)))
    assert ready_indexes(children) == [1, 3]


def test_edge_by_edge_not_wave_by_wave() -> None:
    """[2] needs only [0]; that [1], of the same wave as [0], still runs does not hold it up."""
    fan_out = parent([subtask(), subtask(), subtask(0), subtask(1), subtask(2, 3)])
    children = fan_out_children(fold_fan_out(fan_out, spawned(0, 1), spawned(1, 2), done(0, 6)))
    assert ready_indexes(children) == [2]


def test_blocked_goes_down_the_whole_chain_and_a_retry_lifts_it() -> None:
    failed = [CHAIN, spawned(0, 1), done(0, 5, "failed")]
    children = fan_out_children(fold_fan_out(*failed))
    assert [child.state for child in children] == ["failed", "blocked", "blocked", "pending"]
    assert [child.blocked_by for child in children] == [(), (0,), (1,), ()]
    assert states(*failed, retry(0, 6)) == ["pending"] * 4


@given(graphs(), st.data())
def test_readiness_against_a_plain_definition(graph: list[list[int]], data: st.DataObject) -> None:
    """Ready: not given to anyone, all predecessors accepted. Blocked: something above it will not accept."""
    verdicts = data.draw(
        st.lists(st.sampled_from([None, *VERDICTS]), min_size=len(graph), max_size=len(graph))
    )
    facts = [done(index, 20 + index, verdict) for index, verdict in enumerate(verdicts) if verdict]
    children = fan_out_children(fold_fan_out(parent([subtask(*depends) for depends in graph]), *facts))

    def doomed(index: int) -> bool:
        if verdicts[index] is not None:
            return verdicts[index] != "accept"
        return any(doomed(other) for other in graph[index])

    for child in children:
        if verdicts[child.index] is None:
            assert (child.state == "blocked") == doomed(child.index)
            accepted = all(verdicts[other] == "accept" for other in graph[child.index])
            assert (child.index in ready_indexes(children)) == (accepted and not doomed(child.index))
        else:
            assert child.state == verdicts[child.index]


def test_a_deep_chain_and_a_dense_graph_are_folded_without_recursion() -> None:
    chain = [subtask(*([index - 1] if index else [])) for index in range(5000)]
    assert states(parent(chain), done(0, 9000, "failed")) == ["failed", *["blocked"] * 4999]
    dense = [subtask(*range(index)) for index in range(200)]
    assert len(states(parent(dense))) == 200
