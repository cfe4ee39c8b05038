"""The merges of a task: what each came to, whatever is missing, repeated, late, or not its instance's."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncropel.folds.tasks.merges import ASKED, ENDED, STATES, STEP, UNTAKEN, Branch, Merge, Request
from syncropel.folds.tasks.state import TaskState
from syncropel.record.model import Record
from tests.folds.build import COORDINATOR, OPERATOR, WORKER_A, WORKER_B, fold, parent, record, subtask

BRANCHES = (Branch(1, 1, "task/T+1", "ab" * 20), Branch(0, 2, "task/T+0+a2", "cd" * 20))


def asked(clock: int = 1, **more: Any) -> Record:
    body = {**Request("app", "", "merge", False, BRANCHES).as_body(), **more}
    return record("LEARN", clock, {"topic": ASKED, "instance": WORKER_A, **body}, actor=OPERATOR)


def step(number: int, what: str, *, of: Record, actor: str = WORKER_A, **more: Any) -> Record:
    body = {"topic": STEP, "merge": of.id, "step": number, "what": what, **more}
    return record("KNOW", 10 + number, body, actor=actor)


def ended(number: int, state: Any, *, of: Record, **more: Any) -> Record:
    return step(number, ENDED, of=of, state=state, **more)


def folded(*records: Record) -> TaskState:
    return fold(parent([subtask(), subtask()]), *records)


def only(*records: Record) -> Merge:
    (merge,) = folded(*records).merges.by_id.values()
    return merge


ASK = asked()
STARTED = step(0, "started", of=ASK, into="main", old="0" * 40)
FIRST = step(1, "merged", of=ASK, index=1)
SECOND = step(2, "nothing_new", of=ASK, index=0)
MOVED = step(3, "moved", of=ASK, into="main", new="ef" * 20)
UNTOLD = record("LEARN", 5, {"topic": UNTAKEN, "merge": ASK.id, "why": "it is down"}, actor=COORDINATOR)


@pytest.mark.parametrize(
    ("more", "state", "merged", "commit"),
    [
        ([], "queued", [], ""),
        ([UNTOLD], "merge_untaken", [], ""),
        ([STARTED], "running", [], ""),
        ([UNTOLD, STARTED], "running", [], ""),  # it had the request after all
        ([STARTED, FIRST, SECOND, MOVED], "running", [], "ef" * 20),
        ([STARTED, FIRST, SECOND, MOVED, ended(4, "merged", of=ASK)], "merged", [1, 0], "ef" * 20),
        ([STARTED, SECOND, ended(3, "merged", of=ASK)], "merged", [0], ""),
        ([STARTED, FIRST, ended(2, "conflict", of=ASK)], "conflict", [], ""),
        ([ended(0, "refused", of=ASK)], "refused", [], ""),
        ([STARTED, ended(1, "frozen", of=ASK)], "frozen", [], ""),
        ([STARTED, ended(1, "interrupted", of=ASK)], "interrupted", [], ""),
        ([STARTED, ended(1, "of a later version", of=ASK)], "failed", [], ""),
        ([STARTED, ended(1, 7, of=ASK)], "failed", [], ""),
        ([STARTED, ended(1, "queued", of=ASK)], "failed", [], ""),
    ],
)
def test_what_a_merge_came_to(more: list[Record], state: str, merged: list[int], commit: str) -> None:
    merge = only(ASK, *more)
    assert (merge.state, merge.merged(), merge.commit) == (state, merged, commit)
    assert merge.state in STATES
    assert bool(folded(ASK, *more).merges.open()) == (state in ("queued", "running"))


def test_a_dry_run_merges_nothing_whatever_it_says() -> None:
    ask = asked(dry_run=True)
    merge = only(ask, step(0, "merged", of=ask, index=1), ended(1, "merged", of=ask))
    assert merge.merged() == []


def test_what_comes_after_the_end_changes_nothing() -> None:
    end = ended(2, "conflict", of=ASK)
    late = [step(3, "merged", of=ASK, index=0), ended(4, "merged", of=ASK), step(5, "moved", of=ASK, new="x")]
    merge = only(ASK, STARTED, FIRST, end, *late)
    assert (merge.state, merge.merged(), merge.commit) == ("conflict", [], "")
    assert [one.number for one in merge.told()] == [0, 1, 2]


def test_a_step_counts_once_and_only_from_the_instance_that_merges() -> None:
    forged = [
        step(2, ENDED, of=ASK, actor=WORKER_B, state="merged"),
        step(2, ENDED, of=ASK, actor=OPERATOR, state="merged"),
        record("KNOW", 30, {"topic": STEP, "merge": "ab" * 32, "step": 0, "what": "started"}, actor=WORKER_A),
        record("KNOW", 31, {"topic": STEP, "merge": ASK.id, "step": "2", "what": ENDED}, actor=WORKER_A),
        record("KNOW", 32, {"topic": STEP, "merge": ASK.id, "step": 1, "what": "conflict"}, actor=WORKER_A),
    ]
    state = folded(ASK, STARTED, FIRST, *forged)
    (merge,) = state.merges.by_id.values()
    assert merge.state == "running"
    assert [one.what for one in merge.told()] == ["started", "merged"]


@pytest.mark.parametrize(
    "change",
    [
        {"repo": ""},
        {"repo": 1},
        {"into": None},
        {"mode": "octopus"},
        {"branches": []},
        {"branches": [{"index": "1", "attempt": 1, "branch": "b", "commit": "c"}]},
        {"branches": [{"index": 1, "attempt": 1, "branch": 2, "commit": "c"}]},
        {"branches": ["task/T+1"]},
        {"instance": None},
    ],
)
def test_a_request_that_makes_no_sense_asks_for_nothing(change: dict[str, Any]) -> None:
    assert folded(asked(**change)).merges.by_id == {}


def test_a_merge_is_no_work_on_the_task_and_changes_no_status() -> None:
    plain = folded()
    state = folded(ASK, STARTED, FIRST, SECOND, MOVED, ended(4, "merged", of=ASK))
    assert (state.status, state.workers, state.verdict) == (plain.status, plain.workers, plain.verdict)


def test_of_two_merges_of_a_subtask_the_later_is_told() -> None:
    again = asked(2)
    state = folded(
        ASK, FIRST, ended(2, "merged", of=ASK), again,
        record("KNOW", 40, {"topic": STEP, "merge": again.id, "step": 0, "what": "nothing_new", "index": 1},
               actor=WORKER_A),
        record("KNOW", 41, {"topic": STEP, "merge": again.id, "step": 1, "what": ENDED, "state": "merged"},
               actor=WORKER_A),
    )  # fmt: skip
    assert {index: one.id for index, one in state.merges.merged().items()} == {1: again.id}


_WORDS = st.tuples(
    st.integers(0, 5),
    st.sampled_from(["started", "merged", "nothing_new", "moved", ENDED]),
    st.sampled_from(["merged", "conflict", "failed"]),
    st.sampled_from([WORKER_A, WORKER_B]),
)


@given(st.lists(_WORDS, max_size=12), st.randoms())
def test_arrival_has_no_influence_and_a_repeated_step_none(words: list[Any], chance: Any) -> None:
    steps = [
        record("KNOW", 10 + place, {"topic": STEP, "merge": ASK.id, "step": at, "what": what, "state": state,
               "index": at % 2}, actor=actor)
        for place, (at, what, state, actor) in enumerate(words)
    ]  # fmt: skip
    in_order = only(ASK, *steps)
    shuffled = [ASK, *steps]
    chance.shuffle(shuffled)
    again = fold(*shuffled, parent([subtask(), subtask()])).merges.by_id[ASK.id]
    repeats = [record("KNOW", 100 + place, one.body, actor=one.actor) for place, one in enumerate(steps)]
    repeated = only(ASK, *steps, *repeats)
    for other in (again, repeated):
        assert (other.state, other.merged()) == (in_order.state, in_order.merged())
        assert [one.what for one in other.told()] == [one.what for one in in_order.told()]
    assert in_order.state in STATES
    if in_order.state not in ("queued", "running"):
        assert in_order.told()[-1].what == ENDED
