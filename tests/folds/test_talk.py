"""What was asked and said: the same in whatever order facts come, and closed by what ends an attempt."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncropel.folds.fanout.asked import Conversations, tells
from syncropel.folds.fanout.child import ANSWER as OBSERVED_ANSWER
from syncropel.folds.fanout.child import MESSAGE, SUBTASK, ChildState
from syncropel.folds.fanout.child import QUESTION as OBSERVED_QUESTION
from syncropel.folds.fanout.reassignments import OVER_BUDGET
from syncropel.folds.fanout.state import FanOut
from syncropel.folds.fanout.talk import (
    ANSWER,
    DECIDED,
    FACTS,
    MESSAGE_STATE,
    QUESTION,
    SAY,
    Talk,
    digest_of,
    hint_with,
    question_id,
    read_decision,
)
from syncropel.folds.tasks.state import fold_task
from syncropel.record.model import Record, StoredRecord

from .build import OPERATOR, WORKER_A, done, parent, record, spawned, store, subtask

IDS = ("q_1", "q_2", "q_3")


def asked(identity: str, clock: int, *, decision: dict[str, Any] | None = None, **more: Any) -> Record:
    question = {"id": identity, "request": "r", "kind": "permission", "text": "may I?", "size": 10}
    question |= {"digest": f"digest of {identity}", "asked_at": 1.0, "until": 2.0, **more}
    body = {"topic": QUESTION, "index": 0, "attempt": 1, "worker": WORKER_A, "question": question}
    return record("KNOW", clock, body | ({"decision": decision} if decision else {}), actor=WORKER_A)


def decided(identity: str, clock: int, chosen: str = "reject_once", **more: Any) -> Record:
    decision = {"how": "time_limit", "by": WORKER_A, "chosen": chosen, "at": float(clock), **more}
    body = {"topic": DECIDED, "index": 0, "attempt": 1, "question": identity, "decision": decision}
    return record("KNOW", clock, body, actor=WORKER_A)


def answered(identity: str, clock: int, chosen: str = "allow_once", **more: Any) -> Record:
    body = {"topic": ANSWER, "index": 0, "attempt": 1, "question": identity, "chosen": chosen, **more}
    return record("LEARN", clock, {"digest": f"digest of {identity}", **body})


def said(clock: int, text: str = "hello", index: int = 0, attempt: int = 1) -> Record:
    return record("LEARN", clock, {"topic": SAY, "index": index, "attempt": attempt, "text": text})


def state_of(message: Record, state: str, clock: int) -> Record:
    body = {"topic": MESSAGE_STATE, "index": 0, "attempt": 1, "message": message.id, "state": state}
    return record("KNOW", clock, {**body, "at": float(clock)}, actor=WORKER_A)


MESSAGES = [said(900 + number, f"message {number}") for number in range(2)]
NAMED, CLOCKS = st.sampled_from(IDS), st.integers(1, 50)
FACT = (
    st.builds(asked, NAMED, CLOCKS, text=st.sampled_from(["a", "b"]))
    | st.builds(decided, NAMED, CLOCKS, st.sampled_from(["allow_once", "cancelled"]))
    | st.builds(state_of, st.sampled_from(MESSAGES), st.sampled_from(["delivered", "answered"]), CLOCKS)
    | st.builds(answered, NAMED, CLOCKS, st.sampled_from(["allow_once", "reject_once"]))
    | st.sampled_from(MESSAGES)
)


def talk_of(records: list[Record]) -> Talk:
    talk = Talk()
    for one in records:
        talk.apply(one)
    return talk


@given(st.lists(FACT, max_size=20), st.randoms(), st.data())
def test_facts_come_in_any_order_and_any_number(
    facts: list[Record], random: Any, data: st.DataObject
) -> None:
    again = [*facts, *data.draw(st.lists(st.sampled_from(facts), max_size=5))] if facts else []
    random.shuffle(again)
    talk = talk_of(facts)
    assert talk_of(again) == talk
    waiting = {one.id for one in talk.waiting()}
    assert waiting == {one.id for one in talk.questions() if one.decision is None}


@given(st.lists(FACT, max_size=20), st.randoms())
def test_a_fan_out_with_its_talk_is_the_same_in_any_order_of_facts(facts: list[Record], random: Any) -> None:
    head = [parent([subtask()]), spawned(0, 60)]
    later = [one.with_clock((one.clock or 0) + 100) for one in facts]
    shuffled = list(later)
    random.shuffle(shuffled)
    states = [fold_task("th_task", store([*head, *order])).fanout for order in (later, shuffled)]
    assert states[0] == states[1]


def test_of_two_words_about_one_thing_the_first_in_fold_order_counts() -> None:
    words = [decided("q_1", 9, "cancelled"), asked("q_1", 5), asked("q_1", 3, text="first")]
    talk = talk_of([*words, decided("q_1", 7)])
    question = talk.question("q_1")
    assert question is not None
    assert (question.text, question.key[0]) == ("first", 3)
    assert question.decision is not None
    assert question.decision.chosen == "reject_once"
    assert talk.clock_of(asked("q_1", 99)) == 3
    assert talk.clock_of(decided("q_1", 99)) == 7
    assert talk.clock_of(asked("q_2", 99)) is None
    assert talk.clock_of(decided("q_2", 99)) is None


def test_an_answer_to_something_else_than_was_asked_is_none() -> None:
    talk = talk_of([asked("q_1", 1), answered("q_1", 2, digest="of something else")])
    question = talk.question("q_1")
    assert question is not None
    assert question.answer is None
    talk = talk_of([asked("q_1", 1), answered("q_1", 2, "allow_always"), answered("q_1", 3)])
    question = talk.question("q_1")
    assert question is not None
    assert question.answer is not None
    assert (question.answer.chosen, question.answer.by) == ("allow_once", OPERATOR)


@pytest.mark.parametrize(
    "value",
    [
        None,
        {},
        {"how": "operator"},
        {"how": "nobody", "chosen": "allow_once"},
        {"how": "rule", "chosen": "allow_always"},
        {"how": "rule", "chosen": "reject_always"},
        {"how": "rule", "chosen": None},
        "allow_once",
    ],
)
def test_a_decision_that_makes_no_sense_is_none(value: Any) -> None:
    assert read_decision(value) is None


def test_a_decision_reads_back_as_it_was_written() -> None:
    whole = {"how": "rule", "by": WORKER_A, "chosen": "cancelled", "at": 1.5, "rule": "r", "reason": "no"}
    decision = read_decision(whole)
    assert decision is not None
    assert decision.as_body() == whole


OPEN = [parent([subtask(), subtask()]), spawned(0, 2), spawned(1, 3), asked("q_1", 4)]


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ([], ""),
        ([done(1, 5)], ""),
        ([record("LEARN", 5, {"topic": "fanout_retry_subtask", "index": 1})], ""),
        ([done(0, 5)], "its attempt has ended"),
        ([done(0, 5, "failed")], "its attempt has ended"),
        (
            [record("LEARN", 5, {"topic": "fanout_retry_subtask", "index": 0})],
            "its attempt is being ended: superseded",
        ),
        (
            [
                record(
                    "LEARN", 5, {"topic": "fanout_end_subtask", "index": 0, "attempt": 1, "reason": "stopped"}
                )
            ],
            "its attempt is being ended: stopped",
        ),
        (
            [record("LEARN", 5, {"topic": "fanout_budget_exceeded"})],
            f"its attempt is being ended: {OVER_BUDGET}",
        ),
        ([record("DO", 5, {"topic": "task_cancelled"})], ""),
        ([record("DO", 5, {"topic": "task_cancelled"}), done(0, 6, "failed")], "its attempt has ended"),
    ],
)
def test_what_ends_an_attempt_closes_its_questions(more: list[Record], why: str) -> None:
    fanout = fan_out([*OPEN, *more])
    question = fanout.talk.question("q_1")
    assert question is not None
    assert fanout.over(question.slot) == why


def fan_out(records: list[Record]) -> FanOut:
    fanout = fold_task("th_task", store(records)).fanout
    assert fanout is not None
    return fanout


def test_a_message_is_queued_until_it_is_heard() -> None:
    first, second = said(5, "one"), said(6, "two", attempt=2)
    talk = talk_of([first, second, said(7, "other", index=1)])
    assert [one.text for one in talk.unheard(0, 1)] == ["one"]
    assert [one.text for one in talk.unheard(0, 2)] == ["one", "two"]
    talk.apply(state_of(first, "delivered", 8))
    assert [one.text for one in talk.unheard(0, 2)] == ["two"]
    assert [one.state for one in talk.messages()] == ["delivered", "queued", "queued"]
    talk.apply(state_of(first, "answered", 9))
    heard = talk.messages()[0]
    assert (heard.state, heard.delivered_at, heard.answered_at) == ("answered", 8.0, 9.0)


def test_a_hint_carries_what_was_said() -> None:
    assert hint_with("", []) == ""
    assert hint_with("be quick", []) == "be quick"
    assert hint_with("", ["one"]) == "The operator says:\n- one"
    assert hint_with("be quick", ["one", "two"]) == "be quick\n\nThe operator says:\n- one\n- two"


def test_the_id_of_a_question_is_its_attempts_and_its_requests() -> None:
    assert question_id("ab", "c") != question_id("a", "bc")
    assert question_id("ab", "c") == question_id("ab", "c")
    assert digest_of({"a": 1, "b": 2}) == digest_of({"b": 2, "a": 1}) != digest_of({"a": 1})


INTEND = "ab" * 32


def observed(kind: str, **body: Any) -> StoredRecord:
    made = Record("th_run", WORKER_A, "KNOW", {"kind": kind, "child_intend": INTEND, **body})
    return StoredRecord(made, 1, 0.0)


def test_a_worker_remembers_what_it_asked_and_was_told() -> None:
    talks = Conversations()
    question = {"id": "q_1", "digest": "d", "until": 9.0}
    first = {"how": "operator", "chosen": "allow_once", "by": OPERATOR, "at": 1.0}
    for one in (
        observed(OBSERVED_QUESTION, id="x", text="a reader's, which nobody answers", choices=[]),
        observed(OBSERVED_QUESTION, question=question),
        observed(OBSERVED_ANSWER, question="q_1", decision=first),
        observed(OBSERVED_ANSWER, question="q_1", decision={**first, "chosen": "reject_once"}),
        observed(OBSERVED_ANSWER, question="q_2", decision=first),
        observed(MESSAGE, message="m_1", state="delivered"),
        observed(MESSAGE, message="m_1", state="answered"),
    ):
        talks.apply(one)
    talk = talks.of(INTEND)
    assert list(talk.questions) == ["q_1"]
    known = talk.questions["q_1"]
    assert (known.digest, known.until) == ("d", 9.0)
    assert known.decision is not None
    assert known.decision.chosen == "allow_once"
    assert talk.messages == {"m_1": {"delivered", "answered"}}
    assert talks.of("cd" * 32).questions == {}


def test_only_what_somebody_waits_for_is_told() -> None:
    assert not tells(observed(OBSERVED_QUESTION, text="a reader's").record)
    assert tells(observed(OBSERVED_QUESTION, question={"id": "q_1"}).record)
    assert tells(observed(OBSERVED_ANSWER).record)
    assert {QUESTION, DECIDED, MESSAGE_STATE} == FACTS
    assert tells(observed(SUBTASK, subtask={"request": "r"}).record)


def test_the_first_answer_that_is_passed_on_counts() -> None:
    child = ChildState("th_child")
    for number, chosen in enumerate(("allow_once", "reject_once")):
        body = {"topic": "fanout_answer_child", "child_intend": INTEND, "question": "q_1", "chosen": chosen}
        made = record("LEARN", 2 + number, body, thread="th_child")
        child.apply(StoredRecord(made, number, 0.0))
    assert child.answers["q_1"].body["chosen"] == "allow_once"
    assert child.words == 1
    assert child.clock_of(made) == 2
