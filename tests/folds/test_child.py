"""A child thread on its worker: attempts and results, in any order."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncropel.folds.fanout.child import END_CHILD, ChildState, is_child_intend
from syncropel.record.model import Record
from tests.folds.build import COORDINATOR, WORKER_A, record, store

THREAD = "th_child"


def intend(attempt: int = 1, clock: int = 0, **more: Any) -> Record:
    body = {
        "goal": "sweep",
        "parent_thread": "th_p",
        "parent_intend": "ab" * 32,
        "index": 0,
        "attempt": attempt,
        **more,
    }
    return record("INTEND", clock, body, actor=COORDINATOR, thread=THREAD)


def result(of: Record, clock: int, verdict: Any = "accept") -> Record:
    return record("KNOW", clock, {"fulfills": of.id, "verdict": verdict}, actor=WORKER_A, thread=THREAD)


def accepted(attempt: Record, *records: Record) -> str | None:
    """The attempt whose accepted result holds for this one, by its INTEND."""
    state = fold(*records, attempt)
    found = state.accepted(next(one for one in state.intends.values() if one.record == attempt.id))
    return found.fulfills if found is not None else None


def fold(*records: Record) -> ChildState:
    state = ChildState(THREAD)
    for stored in store(records):
        state.apply(stored)
    return state


FIRST, SECOND = intend(1), intend(2, 1_000_000)


def test_the_latest_attempt_counts_whenever_it_came() -> None:
    for records in ([FIRST, SECOND], [SECOND, FIRST]):
        state = fold(*records)
        assert state.latest is not None
        assert state.latest.record == SECOND.id
        assert state.open == state.latest


def test_an_attempt_with_a_result_is_not_open() -> None:
    state = fold(FIRST, result(FIRST, 1, "failed"))
    assert state.open is None
    assert accepted(SECOND, FIRST, result(FIRST, 1, "failed")) is None
    assert [(one.record, of.body["verdict"]) for one, of in state.reportable()] == [(FIRST.id, "failed")]
    assert fold(FIRST, result(FIRST, 1, "failed"), SECOND).open is not None


def test_accepted_work_is_remembered_over_attempts() -> None:
    assert accepted(SECOND, FIRST, result(FIRST, 1)) == FIRST.id


def test_a_result_that_was_rejected_in_review_holds_for_no_later_attempt() -> None:
    third, fourth = intend(3, 2_000_000, rejected=2), intend(4, 3_000_000, rejected=2)
    both = [FIRST, SECOND, result(FIRST, 1), result(SECOND, 1_000_001)]
    assert accepted(third, *both) is None, "nor do those before it: the second may repeat the first"
    assert accepted(fourth, *both, third, result(third, 2_000_001)) == third.id
    assert accepted(intend(3, 2_000_000, rejected="2"), *both) == FIRST.id


def test_the_first_result_of_an_attempt_stays() -> None:
    state = fold(FIRST, result(FIRST, 1), result(FIRST, 2, "failed"))
    assert state.results[FIRST.id].body["verdict"] == "accept"


@pytest.mark.parametrize("verdict", [None, "splendid", ["accept"], {}, 1])
def test_what_is_no_verdict_is_no_result(verdict: Any) -> None:
    assert fold(FIRST, result(FIRST, 1, verdict)).open is not None


@pytest.mark.parametrize(
    "change",
    [{"parent_thread": 3}, {"parent_intend": None}, {"index": "0"}, {"index": True}, {"goal": ["rm"]}],
)
def test_what_is_no_child(change: dict[str, Any]) -> None:
    assert not is_child_intend(intend(**change))


@given(
    st.permutations(
        [
            FIRST,
            SECOND,
            result(FIRST, 1, "failed"),
            result(SECOND, 1_000_001),
            record(
                "LEARN",
                2,
                {"topic": END_CHILD, "child_intend": FIRST.id, "reason": "superseded"},
                thread=THREAD,
            ),
        ]
    )
)
def test_arrival_does_not_matter(records: list[Record]) -> None:
    state = fold(*records)
    assert sorted(state.intends) == [1, 2]
    assert {of: one.body["verdict"] for of, one in state.results.items()} == {
        FIRST.id: "failed",
        SECOND.id: "accept",
    }
    assert state.ended == {FIRST.id: "superseded"}
    assert state.open is None


@pytest.mark.parametrize(
    "broken",
    [
        {"parent_intend": "not an id"},
        {"parent_intend": "AB" * 32},
        {"parent_intend": None},
        {"parent_thread": ""},
        {"parent_thread": "a\nb"},
        {"parent_thread": "x" * 513},
    ],
)
def test_a_subtask_that_nobody_could_be_told_of_is_not_begun(broken: dict[str, Any]) -> None:
    asked = intend(**broken)
    assert not is_child_intend(asked)
    state = fold(asked, result(asked, 1))
    assert state.open is None
    assert state.reportable() == []
