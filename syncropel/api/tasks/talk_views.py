"""Questions and messages as the API returns them: wire models made from the fold of a fan-out's talk."""

from __future__ import annotations

from typing import Any, Literal

from syncropel.engine.engine import Engine
from syncropel.folds.fanout.state import FanOut
from syncropel.folds.fanout.talk import QUEUED, Message, Question
from syncropel.folds.tasks.state import TaskState
from syncropel.wire import ChildOut
from syncropel.wire.questions import (
    AnswerOut,
    AskOut,
    DecisionOut,
    MessageOut,
    OptionOut,
    QuestionOut,
    TalkOut,
)


def question_out(engine: Engine, state: TaskState, asked: Question, options: Any = None) -> QuestionOut:
    """A question as the API returns it. `options`: those of its record, with their names."""
    fanout = state.fanout
    assert fanout is not None
    standing, why = standing_of(engine, fanout, asked)
    listed = [one for one in options if isinstance(one, dict)] if isinstance(options, list) else []
    offered = [(str(one.get("kind", "")), str(one.get("name", ""))) for one in listed]
    answer, decision = asked.answer, asked.decision
    return QuestionOut(
        id=asked.id,
        thread=state.thread,
        alias=state.alias,
        index=asked.index,
        attempt=asked.attempt,
        instance=asked.instance,
        instance_alias=engine.ingest.live.names().get(asked.instance),
        kind=asked.kind,  # type: ignore[arg-type]  # one of talk.KINDS
        text=asked.text,
        tool=asked.tool,
        digest=asked.digest,
        size=asked.size,
        options=[
            OptionOut(kind=kind, name=name) for kind, name in offered or [(one, "") for one in asked.options]
        ],
        asked_at=asked.asked_at,
        until=asked.until,
        state=standing,
        closed=why,
        answer=None
        if answer is None
        else AnswerOut(
            record=answer.record,
            by=answer.by,
            chosen=answer.chosen,
            text=answer.text,
            note=answer.note,
            at=answer.at,
        ),
        decision=None
        if decision is None
        else DecisionOut(
            how=decision.how,  # type: ignore[arg-type]  # one of talk.HOW
            by=decision.by,
            chosen=decision.chosen,
            text=decision.text,
            reason=decision.reason,
            rule=decision.rule,
            answer=decision.answer,
            at=decision.at,
        ),
        record=asked.record,
    )


def in_work(engine: Engine) -> list[TaskState]:
    """The tasks that are fanned out and not over, and those of which something runs all the same."""
    run_on = {one.state.thread: one.state for one in engine.fan_outs.unwaited.over()}
    return list((engine.ingest.live.active | run_on).values())


def standing_of(
    engine: Engine, fanout: FanOut, asked: Question
) -> tuple[Literal["open", "answered", "decided", "closed"], str]:
    """How a question stands, and why nobody waits for an answer to it any more."""
    if asked.decision is not None:
        return "decided", ""
    why = fanout.over(asked.slot) or _stopped(engine, fanout) or _lost(engine, asked)
    if why:
        return "closed", why
    return ("open" if asked.answer is None else "answered"), ""


def _stopped(engine: Engine, fanout: FanOut) -> str:
    control = engine.ingest.live.control
    control.pass_time(engine.runtime.moment())
    for freeze in control.covering(fanout.spec.namespace):
        if freeze.terminate or control.is_over(freeze):
            return f"the {freeze.level} freeze of {freeze.namespace!r} ends its attempt"
    return ""


def _lost(engine: Engine, asked: Question) -> str:
    instance = engine.ingest.live.registry.instances.get(asked.instance)
    if instance is not None and engine.leases.is_gone(instance):
        return f"its instance is {engine.leases.status(instance)}"
    return ""


def message_out(state: TaskState, one: Message) -> MessageOut:
    """A message as the API returns it."""
    return MessageOut(
        id=one.record,
        thread=state.thread,
        alias=state.alias,
        index=one.index,
        attempt=one.attempt,
        text=one.text,
        by=one.by,
        at=one.at,
        state=one.state,  # type: ignore[arg-type]  # one of talk.MESSAGE_STATES
        delivered_at=one.delivered_at,
        answered_at=one.answered_at,
    )


def talk_out(fanout: FanOut | None) -> TalkOut | None:
    """How much was asked and said in a fan-out; None when nothing was."""
    if fanout is None or not (fanout.talk.asked or fanout.talk.said):
        return None
    talk = fanout.talk
    waiting = [one for one in talk.waiting() if one.answer is None and not fanout.over(one.slot)]
    return TalkOut(
        questions=len(talk.asked),
        open=len(waiting),
        messages=len(talk.said),
        queued=sum(one.state == QUEUED for one in talk.messages()),
    )


def tell_said(out: list[ChildOut], state: TaskState, fanout: FanOut) -> None:
    """Note in each subtask, which are all in their order, what was said to it last."""
    last = {one.index: one for one in (fanout.talk.messages() if fanout.talk.said else ())}
    for index, one in last.items():
        out[index] = out[index].model_copy(update={"said": message_out(state, one)})


def tell_asked(out: list[ChildOut], engine: Engine, fanout: FanOut) -> None:
    """Note in each subtask, which are all in their order, what it waits for an answer to."""
    waiting: dict[int, list[Question]] = {}
    for one in fanout.talk.waiting():
        if one.attempt == fanout.attempt(one.index) and standing_of(engine, fanout, one)[0] == "open":
            waiting.setdefault(one.index, []).append(one)
    for index, found in waiting.items():
        first = found[0]
        out[index] = out[index].model_copy(
            update={
                "asks": AskOut(
                    question=first.id,
                    kind=first.kind,  # type: ignore[arg-type]  # one of talk.KINDS
                    text=first.text,
                    since=min(first.asked_at, engine.runtime.now()),
                    until=first.until,
                    waiting=len(found),
                )
            }
        )
