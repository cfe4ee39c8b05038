"""The two records that assign a subtask to an instance: the decision, and the child INTEND."""

from __future__ import annotations

from typing import Any

from syncropel.folds.fanout.additions import Decided, Request
from syncropel.folds.fanout.briefing import briefing_of
from syncropel.folds.fanout.child import ANSWER_CHILD, END_CHILD, SAY_CHILD, SUBTASK_CHILD
from syncropel.folds.fanout.clocks import attempt_clock, end_clock
from syncropel.folds.fanout.state import SPAWNED, FanOut, Spawn
from syncropel.folds.fanout.subtasks import Child
from syncropel.folds.fanout.talk import Message, OperatorsAnswer, Question, hint_with
from syncropel.record.model import Record
from syncropel.record.threads import child_thread


def child_end(fanout: FanOut, attempt: int, spawn: Spawn, reason: str) -> Record:
    """The LEARN that tells an instance not to run an attempt any more. Derived from the log alone."""
    body = {
        "topic": END_CHILD,
        "child_intend": spawn.child_intend,
        "attempt": attempt,
        "reason": reason,
        "namespace": fanout.spec.namespace,
    }
    parents = (fanout.intend,)
    return Record(spawn.child_thread, spawn.actor, "LEARN", body, end_clock(attempt), parents).identified()


def child_answer(fanout: FanOut, question: Question, answer: OperatorsAnswer, actor: str) -> Record:
    """The LEARN that tells an instance what the operator answered. It has no clock: told again, it gets the
    one that it has in the instance's log.
    """
    body: dict[str, Any] = {
        "topic": ANSWER_CHILD,
        "child_intend": question.child_intend,
        "attempt": question.attempt,
        "question": question.id,
        "digest": answer.digest,
        "chosen": answer.chosen,
        "by": answer.by,
        "answer": answer.record,
        "namespace": fanout.spec.namespace,
    }
    body |= {key: value for key, value in (("text", answer.text), ("note", answer.note)) if value}
    return Record(question.child_thread, actor, "LEARN", body, None, (fanout.intend,))


def child_say(fanout: FanOut, message: Message, spawn: Spawn) -> Record:
    """The LEARN that tells an instance what the operator says to an attempt. Its clock is as an answer's."""
    body = {
        "topic": SAY_CHILD,
        "child_intend": spawn.child_intend,
        "attempt": message.attempt,
        "message": message.record,
        "text": message.text,
        "by": message.by,
        "namespace": fanout.spec.namespace,
    }
    return Record(spawn.child_thread, spawn.actor, "LEARN", body, None, (fanout.intend,))


def child_addition(fanout: FanOut, request: Request, decided: Decided, actor: str) -> Record:
    """The LEARN that tells an instance what became of a subtask that an attempt asked for. Its clock is as an
    answer's.
    """
    body: dict[str, Any] = {
        "topic": SUBTASK_CHILD,
        "child_intend": request.child_intend,
        "attempt": request.attempt,
        "asked": request.id,
        "namespace": fanout.spec.namespace,
    }
    body |= {"reason": decided.reason} if decided.index is None else {"added": decided.index}
    return Record(fanout.spawns[request.slot].child_thread, actor, "LEARN", body, None, (fanout.intend,))


def child_intend(fanout: FanOut, child: Child, spawn_clock: int, coordinator: str) -> Record:
    """The INTEND that is sent to a worker. Derived from the log alone: sent twice, it is still one record.

    `report_clock` is the clock of the worker's report on the parent thread. It is fixed here, so that a
    report sent twice is one record too: spawns have different clocks, so their reports do. It follows the
    spawns that were decided together.
    """
    subtask = child.subtask
    body: dict[str, Any] = {
        "goal": subtask.goal,
        "parent_thread": fanout.thread,
        "parent_intend": fanout.intend,
        "index": subtask.index,
        "attempt": child.attempt,
        "coordinator": coordinator,
        "budget_usd": subtask.budget_usd,
        "timeout_secs": subtask.timeout_secs,
        "namespace": fanout.spec.namespace,
        "domain": fanout.domain,
        "report_clock": fanout.reserved(spawn_clock),
    }
    own = (
        ("adapter", subtask.adapter),
        ("model", subtask.model),
        ("content", subtask.content),
        ("trigger", fanout.trigger),
        ("budget_tokens", subtask.budget_tokens),
        ("denied", subtask.denied),
        ("repo", subtask.repo),
        ("briefing", child.spawn.briefing if child.spawn else briefing_of(fanout, subtask.depends_on)),
        ("work", _work(fanout, child) if subtask.repo else ""),
        ("rejected", fanout.reviews.last_rejected(subtask.index, child.attempt)),
        ("may_add", fanout.may_add(subtask.index)),
    )
    for key, value in own:
        if value:
            body[key] = value
    hint = fanout.hint(subtask.index)
    if messages := _carried(fanout, child):
        body["messages"] = [one.record for one in messages]
        hint = hint_with(hint, (one.text for one in messages))
    if hint:
        body["hint"] = hint
    if starts := fanout.starts_before(subtask.index, child.attempt):
        body["starts"] = [start.as_body() for start in starts]
    return Record(
        thread=child_thread(fanout.intend, subtask.index, subtask.goal),
        actor=coordinator,
        act="INTEND",
        body=body,
        clock=attempt_clock(child.attempt),
        parents=(fanout.intend,),
    ).identified()


def _carried(fanout: FanOut, child: Child) -> list[Message]:
    """What was said to earlier attempts of a subtask and nobody has heard: the next one gets it as a hint. As
    it was when it was spawned, whatever was heard since.
    """
    if child.spawn is None:
        return fanout.talk.unheard(child.index, child.attempt - 1)
    found = (fanout.talk.message(one) for one in child.spawn.messages)
    return [one for one in found if one is not None]


def _work(fanout: FanOut, child: Child) -> str:
    """What the worker names branch and folder after: the task, and which part of it."""
    task = fanout.alias or fanout.thread
    return task if fanout.spec.dispatch else f"{task}+{child.index}"


def spawned(
    fanout: FanOut, child: Child, intend: Record, clock: int, actor: str, instance: str, at: float
) -> Record:
    """DO fanout_spawned: written before the INTEND is sent, so that after a crash between the two it is sent
    again to the same instance and never to another one.
    """
    body = {
        "topic": SPAWNED,
        "index": child.index,
        "attempt": child.attempt,
        "child_thread": intend.thread,
        "child_intend": intend.id,
        "instance": instance,
        "namespace": fanout.spec.namespace,
        "at": at,
    }
    body |= {key: intend.body[key] for key in ("briefing", "messages") if intend.body.get(key)}
    return Record(fanout.thread, actor, "DO", body, clock, (fanout.intend,)).identified()
