"""Where a call is cut into turns: a table of neighbours of which one says something about the other."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import pytest

from syncropel.engine.ingest.live import LiveFolds
from syncropel.engine.ingest.turns import needs_quiet, stands_alone, turn_end
from syncropel.folds.control.rules import ENABLED_TOPIC, FREEZE_RULES, PERMISSION, ROUTING
from syncropel.folds.fanout.additions import ADDED, REFUSED
from syncropel.folds.fanout.additions import ASKED as WANTED
from syncropel.folds.fanout.child import ANSWER_CHILD, SAY_CHILD
from syncropel.folds.fanout.state import CHILD_DONE, SPAWNED
from syncropel.folds.fanout.talk import ANSWER, DECIDED, MESSAGE_STATE, QUESTION, SAY
from syncropel.record.model import Record
from syncropel.record.threads import (
    ACTOR_REGISTRY,
    CONSENT,
    ENGINE_CONFIG,
    FLEET_CONTROL,
    INSTANCE_REGISTRY,
    NAMESPACE_REGISTRY,
)
from tests.folds.build import COORDINATOR, OPERATOR, record, store, subtask


def say(act: str, thread: str = "th_a", **body: Any) -> Record:
    return Record(thread, OPERATOR, act, body)


CHILD: dict[str, Any] = {"parent_thread": "th_p", "parent_intend": "ab" * 32, "index": 0, "goal": "g"}
PLAIN = say("KNOW")
TASK, SUBTASK = say("INTEND", task=True, goal="g"), say("INTEND", **CHILD)
FAN_OUT = say("INTEND", task=True, goal="g", subtasks=[subtask()])
FULFILLED, VERDICT = say("KNOW", fulfills="cd" * 32), say("KNOW", verdict="accept")
FREEZE = say("LEARN", FLEET_CONTROL, topic="freeze", namespace="docs")


def wanted(request: str, child_intend: str = "ab") -> Record:
    return say("KNOW", topic=WANTED, child_intend=child_intend, subtask={"request": request})


ASKED = say("KNOW", topic=QUESTION, question={"id": "q_1"})
DECISION = say("KNOW", topic=DECIDED, question="q_1")
DELIVERED = say("KNOW", topic=MESSAGE_STATE, message="m_1")
STARTED, REPORTED = say("DO", topic=SPAWNED), say("DO", topic=CHILD_DONE)


def folded(records: Iterable[Record]) -> LiveFolds:
    live = LiveFolds()
    for stored in store(records):
        live.apply(stored)
    return live


def config(*bodies: dict[str, Any]) -> list[Record]:
    return [record("LEARN", clock, body, thread=ENGINE_CONFIG) for clock, body in enumerate(bodies)]


def rule(expression: str = "true", name: str = "r", topic: str = PERMISSION) -> dict[str, Any]:
    return {"topic": topic, "name": name, "expression": expression, "effect": "allow"}


def fork(child: Any, parent: str = "th_a") -> Record:
    return say("INTEND", parent, sub_thread=child)


def part(thread: str, parent: str = "th_a") -> Record:
    return say("INTEND", thread, task=True, goal="g", parent_thread=parent)


NOTHING: list[Record] = []
A_PLAIN = [record("INTEND", 0, {"goal": "g"}, thread="th_a")]
TWO_PLAIN = [*A_PLAIN, record("INTEND", 0, {"goal": "g"}, thread="th_b")]
A_TASK = [record("INTEND", 0, {"task": True, "goal": "g"}, thread="th_a")]
A_SUBTASK = [record("INTEND", 0, CHILD, thread="th_a", actor=COORDINATOR)]
ENABLED = {"topic": ENABLED_TOPIC, "enabled": True}
LOOKS = 'thread("th_a").records > 3'


def sizes(records: list[Record], live: LiveFolds) -> list[int]:
    """How many records each turn has."""
    ends = [0]
    while ends[-1] < len(records):
        ends.append(turn_end(records, ends[-1], live))
    return [after - before for before, after in pairwise(ends)]


CUT = {
    "ordinary records": (NOTHING, [PLAIN, say("DO"), say("INTEND"), say("GET"), PLAIN], [5]),
    "a freeze": (NOTHING, [PLAIN, FREEZE, PLAIN, PLAIN], [1, 1, 2]),
    "two freezes": (NOTHING, [FREEZE, FREEZE], [1, 1]),
    "a namespace": (NOTHING, [PLAIN, say("LEARN", NAMESPACE_REGISTRY), PLAIN], [1, 1, 1]),
    "a rule": (NOTHING, [PLAIN, say("LEARN", ENGINE_CONFIG), PLAIN], [1, 1, 1]),
    "other reserved threads": (
        NOTHING,
        [say("KNOW", ACTOR_REGISTRY), say("KNOW", INSTANCE_REGISTRY), say("KNOW", CONSENT)],
        [3],
    ),
    "a fan-out": (NOTHING, [PLAIN, FAN_OUT, PLAIN], [1, 1, 1]),
    "a verdict on a task": (A_TASK, [PLAIN, VERDICT, PLAIN], [1, 1, 1]),
    "a verdict on no task": (NOTHING, [PLAIN, VERDICT, PLAIN], [3]),
    "a verdict elsewhere": (A_TASK, [PLAIN, say("KNOW", "th_b", verdict="accept"), PLAIN], [3]),
    "what is no verdict": (A_TASK, [PLAIN, say("DO", verdict="accept"), say("KNOW", verdict=7)], [2, 1]),
    "what is no verdict, first": (A_TASK, [say("KNOW", verdict=7), PLAIN], [2]),
    "a task and its result": (NOTHING, [TASK, FULFILLED], [1, 1]),
    "a task and its verdict": (NOTHING, [TASK, VERDICT, VERDICT], [1, 2]),
    "a subtask and its result": (NOTHING, [SUBTASK, FULFILLED], [1, 1]),
    "a task and what else is said": (
        NOTHING, [TASK, PLAIN, say("DO", fulfills="x"), say("DO", verdict="x")], [4],
    ),
    "a task and the result of another": (NOTHING, [TASK, say("KNOW", "th_b", fulfills="x")], [2]),
    "a wish and a result": (NOTHING, [say("INTEND"), say("DO", **CHILD), FULFILLED], [3]),
    "work and its result": (A_TASK, [say("DO"), FULFILLED], [1, 1]),
    "work on a subtask and its result": (A_SUBTASK, [say("DO"), FULFILLED], [1, 1]),
    "work and a result elsewhere": (A_TASK, [say("DO"), say("KNOW", "th_b", fulfills="x")], [2]),
    "work nobody asked for and a result": (NOTHING, [say("DO"), FULFILLED, FULFILLED], [3]),
    "two results": (A_SUBTASK, [FULFILLED, FULFILLED, PLAIN], [1, 2]),
    "a spawn and its report": (NOTHING, [STARTED, REPORTED, REPORTED], [1, 2]),
    "spawns": (NOTHING, [STARTED, STARTED, PLAIN], [3]),
    "a spawn and what its attempt asks": (NOTHING, [STARTED, ASKED], [1, 1]),
    "a question and its decision": (NOTHING, [ASKED, DECISION, PLAIN], [1, 2]),
    "a question that is told twice": (NOTHING, [ASKED, ASKED], [1, 1]),
    "questions": (NOTHING, [ASKED, say("KNOW", topic=QUESTION, question={"id": "q_2"}), DELIVERED], [3]),
    "two words about a message": (NOTHING, [DELIVERED, PLAIN, DELIVERED], [2, 1]),
    "an answer": (NOTHING, [PLAIN, say("LEARN", topic=ANSWER, question="q_1"), PLAIN], [1, 1, 1]),
    "what an operator says": (NOTHING, [say("LEARN", topic=SAY), say("LEARN", topic=SAY)], [1, 1]),
    "an answer that is passed on": (NOTHING, [say("LEARN", topic=ANSWER_CHILD), PLAIN], [1, 1]),
    "two subtasks that one attempt asks for": (NOTHING, [wanted("r1"), wanted("r2"), PLAIN], [1, 2]),
    "subtasks that two attempts ask for": (NOTHING, [wanted("r1"), wanted("r1", "x"), PLAIN], [3]),
    "decisions about them": (NOTHING, [say("LEARN", topic=ADDED), say("LEARN", topic=REFUSED)], [1, 1]),
    "reports": (NOTHING, [REPORTED, REPORTED, STARTED], [3]),
    "a spawn and a report elsewhere": (NOTHING, [STARTED, say("DO", "th_b", topic=CHILD_DONE)], [2]),
    "without rules, a namespace that opens": (NOTHING, [say("INTEND"), PLAIN, say("INTEND")], [3]),
    "a namespace that opens, by rules": (
        config(rule(), ENABLED),
        [say("INTEND"), PLAIN, say("INTEND"), say("INTEND", "th_b"), PLAIN],
        [1, 3, 1],
    ),
    "only an INTEND opens one": (config(rule(), ENABLED), [PLAIN, say("DO"), PLAIN], [3]),
    "by a freeze rule": (config(rule(name=next(iter(FREEZE_RULES)))), [say("INTEND"), PLAIN, PLAIN], [1, 2]),
    "rules that are not enforced": (config(rule(LOOKS)), [say("INTEND"), PLAIN, PLAIN], [3]),
    "rules that look at the log": (config(rule(LOOKS), ENABLED), [PLAIN, PLAIN, PLAIN], [1, 1, 1]),
    "one of them": (config(rule("true", "a"), rule(LOOKS, "b"), ENABLED), [PLAIN, PLAIN], [1, 1]),
    "a freeze rule that does": (
        config(rule(LOOKS, next(iter(FREEZE_RULES)))), [PLAIN, PLAIN], [1, 1],
    ),
    "forks from a thread that is not known": (NOTHING, [fork("th_b"), fork("th_c")], [1, 1]),
    "forks beside each other": (A_PLAIN, [fork("th_b"), fork("th_c"), PLAIN, fork("th_d")], [4]),
    "a child that is forked twice": (A_PLAIN, [fork("th_b"), fork("th_b")], [1, 1]),
    "a fork and what is said on the child": (A_PLAIN, [fork("th_b"), say("DO", "th_b")], [1, 1]),
    "what is said on a child and its fork": (A_PLAIN, [say("DO", "th_b"), fork("th_b")], [1, 1]),
    "an INTEND and a fork on one thread": (A_PLAIN, [say("INTEND"), fork("th_b")], [1, 1]),
    "a fork and an INTEND on one thread": (A_PLAIN, [fork("th_b"), say("INTEND")], [2]),
    "a fork of a fork": (TWO_PLAIN, [fork("th_b"), fork("th_c", "th_b")], [1, 1]),
    "a fork and its fork's parent": (TWO_PLAIN, [fork("th_c", "th_b"), fork("th_b")], [1, 1]),
    "tasks with one parent": (NOTHING, [part("th_b"), part("th_c"), part("th_d")], [3]),
    "tasks that are each other's parents": (NOTHING, [part("th_b", "th_c"), part("th_c", "th_b")], [1, 1]),
    "a part of a part": (NOTHING, [part("th_b"), part("th_c", "th_b")], [1, 1]),
    "a task with two parents": (NOTHING, [part("th_b"), part("th_b", "th_c")], [1, 1]),
    "a part and a fork of it": (A_PLAIN, [part("th_b"), fork("th_b")], [1, 1]),
    "a fork that is no text": (A_PLAIN, [fork(["th_b"]), fork(7), fork(None)], [3]),
    "a rule of routing that does": (
        config(rule(), rule(LOOKS, "x", ROUTING), ENABLED), [PLAIN, PLAIN], [2],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("before", "records", "cut"), CUT.values(), ids=CUT.keys())
def test_a_call_is_cut(before: list[Record], records: list[Record], cut: list[int]) -> None:
    assert sizes(records, folded(before)) == cut


@pytest.mark.parametrize(
    ("before", "one", "alone"),
    [
        (NOTHING, FREEZE, True),
        (NOTHING, say("LEARN", NAMESPACE_REGISTRY), True),
        (NOTHING, say("KNOW", ENGINE_CONFIG), True),
        (NOTHING, FAN_OUT, True),
        (NOTHING, TASK, False),
        (A_TASK, VERDICT, True),
        (A_TASK, FULFILLED, False),
        (A_TASK, say("LEARN", verdict="accept"), False),
        (A_SUBTASK, VERDICT, False),
        (NOTHING, VERDICT, False),
        (NOTHING, fork("th_b"), True),
        (A_PLAIN, fork("th_b"), False),
        (NOTHING, say("LEARN", topic=ANSWER), True),
        (NOTHING, say("LEARN", topic=SAY_CHILD), True),
        (NOTHING, say("LEARN", topic=ADDED), True),
        (NOTHING, say("DO", topic=ADDED), False),
        (NOTHING, wanted("r1"), False),
        (NOTHING, ASKED, False),
    ],
)
def test_what_is_judged_alone(before: list[Record], one: Record, alone: bool) -> None:
    assert stands_alone(one, folded(before)) is alone
    assert needs_quiet(one, folded(before)) is (alone or "sub_thread" in one.body)


def test_tasks_that_name_their_parents_need_quiet_and_share_it() -> None:
    assert needs_quiet(part("th_b"), folded(NOTHING))
    assert not needs_quiet(TASK, folded(NOTHING))
