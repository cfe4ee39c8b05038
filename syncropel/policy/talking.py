"""What may be recorded of what running attempts say and are told: only what fits what is known of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from syncropel.errors import Conflict, InvalidRecord, SyncropelError
from syncropel.folds.fanout.additions import ASKED
from syncropel.folds.fanout.child import WORDS, ChildState
from syncropel.folds.fanout.state import ACCEPT, FanOut, Spawn
from syncropel.folds.fanout.talk import (
    ALLOW,
    ANSWER,
    CANCELLED,
    DECIDED,
    MESSAGE_STATE,
    MESSAGE_STATES,
    MOST_QUEUED,
    MOST_SHOWN,
    OPERATOR,
    QUESTION,
    RULE,
    SAY,
    Decision,
    OperatorsAnswer,
    Question,
    asked_about,
    digest_of,
    question_id,
    read_decision,
    read_question,
    slot_of,
)
from syncropel.folds.fanout.told import FACTS
from syncropel.folds.tasks.state import TaskState
from syncropel.policy.adding import check_request
from syncropel.record.canonical import canonical_json
from syncropel.record.model import Record

_SEE: Final = "see what waits: spl inbox"
_TOPICS: Final = "see what it has to say in the reference of topics"
_SAID: Final = WORDS | {ANSWER, SAY}
_TALK: Final = FACTS | _SAID
MOST_TEXT: Final = 4_000
"""Bytes of an answer, a note, or a message: as many messages as may wait fit into a hint, which is a variable
of the next attempt's program."""


class Over(Conflict):
    """Raised when an operator answers, or says something to, an attempt that nobody waits for any more."""

    code = "OVER"
    status = 410


def check_talk(record: Record, task: TaskState | None, child: ChildState | None) -> SyncropelError | None:
    """Why this record of what an attempt says or is told is refused, or None. It is asked of every author: a
    fact of the engine itself has to fit as well. `task` and `child`: of the record's thread.
    """
    if record.topic in WORDS:
        about, attempts = record.body.get("child_intend"), child.intends.values() if child else ()
        fits = any((one.record, one.attempt) == (about, record.body.get("attempt")) for one in attempts)
        return None if fits else Conflict(f"{record.topic} on {record.thread} names no attempt here", _SEE)
    fanout = task.fanout if task is not None else None
    slot = slot_of(record.body)
    spawn = fanout.spawns.get(slot) if fanout is not None and slot is not None else None
    if fanout is None or slot is None or spawn is None:
        return Conflict(f"{record.topic} on {record.thread} names no attempt that was given to anybody", _SEE)
    if record.topic == ANSWER:
        return _check_answer(record.body, fanout, slot)
    if record.topic == SAY:
        return _check_words(record.body, fanout, slot)
    if record.body.get("child_intend") != spawn.child_intend:
        return InvalidRecord(
            f"{record.topic}: child_intend is not the attempt's", "name the attempt's INTEND"
        )
    if record.topic == ASKED:
        return check_request(record, fanout)
    if record.topic == QUESTION:
        return _check_question(record, spawn)
    return _check_outcome(record, fanout)


def is_talk(record: Record) -> bool:
    """Whether this is something that an attempt says or is told, or an operator says to it."""
    return record.topic in _TALK


def is_said(record: Record) -> bool:
    """Whether this is judged and written alone: what an attempt is told, of which only the first counts."""
    return record.topic in _SAID


def _check_question(record: Record, spawn: Spawn) -> SyncropelError | None:
    said, asked = record.body.get("question"), read_question(record.body, (0, record.id))
    if asked is None or not isinstance(said, Mapping):
        return InvalidRecord(f"{QUESTION} on {record.thread} has no question", _TOPICS)
    request = said.get("request")
    if not isinstance(request, str) or asked.id != question_id(spawn.child_intend, request):
        return InvalidRecord("the question's id is not that of its attempt and its request", _SEE)
    shown, decided = said.get("shown"), record.body.get("decision")
    if shown is None and decided is None:
        return InvalidRecord("a question that waits must show what it is about", _SEE)
    if shown is not None and (not isinstance(shown, Mapping) or digest_of(shown) != asked.digest):
        return InvalidRecord("the digest is not that of what is shown", _SEE)
    if len(canonical_json(shown)) > MOST_SHOWN or (asked.size > MOST_SHOWN and decided is None):
        return InvalidRecord(f"what is shown is too large; at most {MOST_SHOWN} bytes", _SEE)
    if decided is None:
        return None
    decision = read_decision(decided)
    if decision is None or decision.how == OPERATOR:
        return InvalidRecord("a question is not decided by an operator before it is asked", _SEE)
    return _check_decision(decision, asked, record.actor)


def _check_decision(decision: Decision, question: Question, actor: str) -> SyncropelError | None:
    """Why nobody can have decided so, whoever did."""
    if decision.how != OPERATOR and decision.by != actor:
        return Conflict(f"what {decision.by!r} decides is not {actor}'s to say", _SEE)
    if decision.chosen == ALLOW and decision.how not in (OPERATOR, RULE):
        return Conflict("only an operator or a rule allows anything", _SEE)
    if decision.chosen == ALLOW and not question.may_be_allowed:
        return Conflict("the agent offers nothing that allows it once", _SEE)
    return None


def _check_outcome(record: Record, fanout: FanOut) -> SyncropelError | None:
    body, talk = record.body, fanout.talk
    if record.topic == MESSAGE_STATE:
        if body.get("state") not in MESSAGE_STATES[1:]:
            return InvalidRecord(f"{MESSAGE_STATE}: unknown state {body.get('state')!r}", _TOPICS)
        message = talk.message(str(body.get("message")))
        spawn = fanout.spawns.get(slot_of(body) or (-1, 0))
        fits = message is not None and spawn is not None
        if fits and message is not None and message.slot != slot_of(body):
            fits = spawn is not None and message.record in spawn.messages
        return None if fits else Conflict("no such message was given to this attempt", _SEE)
    decision, question = read_decision(body.get("decision")), talk.question(asked_about(body))
    if decision is None:
        return InvalidRecord(f"{DECIDED} on {record.thread} has no decision", _TOPICS)
    if question is None or question.slot != slot_of(body):
        return Conflict("this attempt has asked no such question here", "report the question first")
    answer = question.answer
    if decision.how == OPERATOR and (answer is None or not _follows(decision, answer)):
        return Conflict("no operator has answered so here", _SEE)
    return _check_decision(decision, question, record.actor)


def _follows(decision: Decision, answer: OperatorsAnswer) -> bool:
    said = decision.answer, decision.by, decision.text
    same = said == (answer.record, answer.by, answer.text)
    return same and decision.chosen in (answer.chosen, CANCELLED)


def _check_answer(body: Mapping[str, Any], fanout: FanOut, slot: tuple[int, int]) -> SyncropelError | None:
    question = fanout.talk.question(asked_about(body))
    if question is None or question.slot != slot:
        return Conflict("there is no such question", _SEE)
    if (why := closed(question, fanout)) and question.decision is None:
        return Over(f"nobody waits for this answer: {why}", _SEE)
    if question.decision is not None:
        return Conflict(f"it is decided already: {told(question)}", _SEE)
    if question.answer is not None:
        return Conflict(f"{question.answer.by} has answered it already", _SEE)
    if body.get("digest") != question.digest:
        again = f"look at it again: GET /v1/questions/{question.id}"
        return Conflict("the digest is not that of what this question shows", again)
    if body.get("chosen") == ALLOW and not question.may_be_allowed:
        return Conflict("the agent offers nothing that allows it once, only for ever", "deny it")
    return _check_length(body)


def _check_words(body: Mapping[str, Any], fanout: FanOut, slot: tuple[int, int]) -> SyncropelError | None:
    name = fanout.alias or fanout.thread
    if why := fanout.over(slot):
        report = fanout.report(slot[0])
        again = f"run it again with it: spl task retry {name} --subtask {slot[0]} --hint TEXT"
        if report is not None and report.verdict == ACCEPT:  # a retry would repeat that result
            again = f"reject its result with it: spl task reject {name} {slot[0]} --notes TEXT"
        more = f"for more work add a part and fan it out: spl task add GOAL --parent {name}"
        return Over(f"nobody hears this: {why}", again if fanout.active else more)
    if len(fanout.talk.unheard(*slot)) >= MOST_QUEUED:
        waiting = f"{name} [{slot[0]}] has {MOST_QUEUED} messages that its agent has not got"
        return Conflict(waiting, "wait until it hears them")
    return _check_length(body)


def _check_length(body: Mapping[str, Any]) -> SyncropelError | None:
    for key in ("text", "note"):
        value = body.get(key)
        if not isinstance(value, str):
            continue
        if (size := len(value.encode())) > MOST_TEXT:
            return InvalidRecord(f"{key} has {size} bytes; at most {MOST_TEXT}", "shorten it")
        if "\0" in value:
            return InvalidRecord(f"{key} has a NUL character, which no program can be given", "leave it out")
    return None


def closed(question: Question, fanout: FanOut) -> str:
    """Why nobody waits for an answer any more; empty while somebody may."""
    return fanout.over(question.slot)


def told(question: Question) -> str:
    """How a question was decided, in words."""
    decision = question.decision
    assert decision is not None
    word = "allowed" if decision.chosen == ALLOW else "denied"
    by = {"time_limit": "by its time limit", "rule": f"by the rule {decision.rule!r}"}
    return f"{word} {by.get(decision.how) or f'by {decision.by}'}"
