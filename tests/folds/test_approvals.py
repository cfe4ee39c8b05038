"""Ask-in-the-loop: each attempt is asked about once, and only a word about what waits counts."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from syncropel.folds.fanout.approvals import ANSWERED, ASKED
from syncropel.folds.fanout.reassignments import REASSIGN
from syncropel.folds.fanout.state import RETRY, FanOut
from syncropel.folds.fanout.subtasks import fan_out_children
from syncropel.folds.tasks.trust import contributions
from syncropel.record.model import Record
from tests.folds.build import COORDINATOR, OPERATOR, fold, fold_fan_out, parent, record, retry, subtask


def asked(clock: int, index: int = 0, attempt: int = 1) -> Record:
    body = {"topic": ASKED, "index": index, "attempt": attempt, "rule": "costly"}
    return record("LEARN", clock, body, actor=COORDINATOR)


def answered(clock: int, verdict: str, index: int = 0, attempt: int = 1, **more: Any) -> Record:
    body = {"topic": ANSWERED, "index": index, "attempt": attempt, "verdict": verdict, **more}
    return record("LEARN", clock, body, actor=OPERATOR)


def two(*records: Record) -> FanOut:
    return fold_fan_out(parent([subtask(), subtask()]), *records)


def states(fanout: FanOut) -> list[str]:
    return [child.state for child in fan_out_children(fanout)]


def test_what_is_asked_waits_until_it_is_approved() -> None:
    assert two(asked(1)).asking() == [0]
    approved = two(asked(1), answered(2, "accept"))
    assert (approved.asking(), states(approved)) == ([], ["pending", "pending"])
    assert approved.asks[0].verdict == "accept"


def test_a_rejected_attempt_has_its_result_and_is_nobodys_work() -> None:
    state = fold(parent([subtask(), subtask()]), asked(1), answered(2, "reject", reason="too dear", at=9.0))
    assert state.fanout is not None
    report = state.fanout.reports[(0, 1)]
    assert (report.verdict, report.reason, report.summary, report.at) == (
        "reject",
        "rejected",
        "too dear",
        9.0,
    )
    assert states(state.fanout) == ["reject", "pending"]
    assert contributions(state) == {}


def test_a_word_counts_only_about_what_waits_and_only_the_first() -> None:
    assert states(two(answered(1, "reject"))) == ["pending", "pending"]
    assert states(two(asked(1), answered(2, "reject", attempt=2))) == ["pending", "pending"]
    assert states(two(asked(1), answered(2, "accept"), answered(3, "reject"))) == ["pending", "pending"]
    assert two(asked(1), answered(2, "perhaps")).asking() == [0]
    assert two(asked(1, index=7)).asking() == []


def test_a_retry_is_asked_anew_and_a_reassignment_is_not() -> None:
    rejected = two(asked(1), answered(2, "reject"), retry(0, 3))
    assert (states(rejected), rejected.asks) == (["pending", "pending"], {})
    moved = record(
        "LEARN", 3, {"topic": REASSIGN, "index": 0, "attempt": 1, "from": "x", "reason": "archived"}
    )
    assert two(asked(1), answered(2, "accept"), moved).asks[0].verdict == "accept"


def test_a_fan_out_that_is_over_asks_nothing() -> None:
    assert two(asked(1), record("DO", 2, {"topic": "task_cancelled"})).asking() == []


_WORDS = st.one_of(
    st.tuples(st.just(ASKED), st.integers(0, 1), st.integers(1, 2), st.just("")),
    st.tuples(st.just(ANSWERED), st.integers(0, 1), st.integers(1, 2), st.sampled_from(["accept", "reject"])),
    st.tuples(st.just(RETRY), st.integers(0, 1), st.just(0), st.just("")),
)


@given(st.lists(_WORDS, max_size=10), st.randoms())
def test_it_is_what_a_plain_reading_of_the_log_says(words: list[Any], chance: Any) -> None:
    attempts = [1, 1]
    records: list[Any] = []
    waits: dict[Any, Any] = {}
    rejected: set[Any] = set()
    for clock, (topic, index, attempt, verdict) in enumerate(words, start=1):
        body = {"topic": topic, "index": index, "attempt": attempt, "verdict": verdict}
        records.append(record("LEARN", clock, body))
        if topic == RETRY:
            attempts[index] += 1
            waits.pop(index, None)
        elif topic == ASKED and attempt == attempts[index] and index not in waits:
            waits[index] = (attempt, "")
        elif topic == ANSWERED and waits.get(index) == (attempt, ""):
            waits[index] = (attempt, verdict)
            if verdict == "reject":
                rejected.add((index, attempt))
    fanout = two(*records)
    assert {index: (ask.attempt, ask.verdict) for index, ask in fanout.asks.items()} == waits
    assert set(fanout.reports) == rejected
    shuffled = list(records)
    chance.shuffle(shuffled)
    again = fold_fan_out(*shuffled, parent([subtask(), subtask()]))
    assert again == fanout
