"""What running attempts ask their operator, how that is decided, and what the operator says to them.

Questions, decisions, and what became of a message are facts that instances report. They are kept by the
question's or the message's id, and the first one counts, so a duplicate or a late record changes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from syncropel.record.canonical import canonical_json
from syncropel.record.model import Record

QUESTION: Final = "fanout_question"
DECIDED: Final = "fanout_question_decided"
MESSAGE_STATE: Final = "fanout_message_state"
FACTS: Final = frozenset({QUESTION, DECIDED, MESSAGE_STATE})
"""Topics of the facts that instances report."""
ANSWER: Final = "fanout_answer"
SAY: Final = "fanout_say"
WORDS: Final = frozenset({ANSWER, SAY})
"""Topics of what operators say."""

ALLOW: Final = "allow_once"
DENY: Final = "reject_once"
CANCELLED: Final = "cancelled"
CHOICES: Final = (ALLOW, DENY)
"""What an operator, a rule, or a time limit may choose: never what an agent would remember."""
KINDS: Final = ("permission", "question")

OPERATOR: Final = "operator"
RULE: Final = "rule"
TIME_LIMIT: Final = "time_limit"
ENGINE: Final = "engine"
HOW: Final = (OPERATOR, RULE, TIME_LIMIT, ENGINE)
"""Who decides a question. `engine`: it could not be asked, and was denied."""

QUEUED: Final = "queued"
DELIVERED: Final = "delivered"
ANSWERED: Final = "answered"
MESSAGE_STATES: Final = (QUEUED, DELIVERED, ANSWERED)

MOST_QUEUED: Final = 20
"""Messages to one subtask that its agent has not got yet: all of them fit into a hint."""
MOST_SHOWN: Final = 256 * 1024
"""Bytes of canonical JSON that a question may show: what a record holds beside it, and a person reads."""
MOST_KEPT: Final = 16 * 1024
"""Bytes that are kept of what nobody was asked about: a rule may decide thousands of edits."""

Key = tuple[int, str]
"""(clock, id) of a record."""


def question_id(child_intend: str, request: str) -> str:
    """The id of a question, from its attempt and the agent's own id of the request."""
    return "q_" + hashlib.sha256(f"{child_intend}\x1f{request}".encode()).hexdigest()[:24]


def digest_of(shown: Mapping[str, Any]) -> str:
    """The SHA-256 of what is shown, as canonical JSON. Raises InvalidRecord for what is no JSON."""
    return hashlib.sha256(canonical_json(dict(shown)).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Decision:
    """How a question was decided, and what the agent was told. `rule`: its name; `answer`: the record of the
    operator's answer; `at`: unix seconds.
    """

    how: str
    by: str
    chosen: str
    text: str = ""
    reason: str = ""
    rule: str = ""
    answer: str = ""
    at: float = 0.0

    def as_body(self) -> dict[str, Any]:
        """The form used in records."""
        body: dict[str, Any] = {"how": self.how, "by": self.by, "chosen": self.chosen, "at": self.at}
        more = {"text": self.text, "reason": self.reason, "rule": self.rule, "answer": self.answer}
        return body | {key: value for key, value in more.items() if value}


def read_decision(value: Any) -> Decision | None:
    """The decision in a body, if it is valid."""
    if not isinstance(value, Mapping) or value.get("how") not in HOW:
        return None
    if value.get("chosen") not in (*CHOICES, CANCELLED):
        return None
    texts = {key: _text(value.get(key)) for key in ("by", "text", "reason", "rule", "answer")}
    return Decision(str(value["how"]), chosen=str(value["chosen"]), at=number(value.get("at")), **texts)


@dataclass(frozen=True, slots=True)
class OperatorsAnswer:
    """LEARN fanout_answer. `at`: unix seconds."""

    key: Key
    by: str
    chosen: str
    digest: str
    """Of what was shown to whoever answered."""
    text: str
    note: str
    at: float

    @property
    def record(self) -> str:
        return self.key[1]


@dataclass(frozen=True, slots=True)
class Question:
    """What an attempt asked. What is shown is in its record, and not kept here.

    `size`: of what is shown, in bytes; `until`: when it is denied without an answer (unix seconds).
    """

    key: Key
    id: str
    index: int
    attempt: int
    child_intend: str
    child_thread: str
    instance: str
    kind: str
    text: str
    tool: str
    digest: str
    size: int
    options: tuple[str, ...]
    """The kinds of the options that the agent offers."""
    asked_at: float
    until: float
    answer: OperatorsAnswer | None = None
    decision: Decision | None = None

    @property
    def record(self) -> str:
        return self.key[1]

    @property
    def slot(self) -> tuple[int, int]:
        return self.index, self.attempt

    @property
    def may_be_allowed(self) -> bool:
        """Whether there is something that allows it once."""
        return self.kind != KINDS[0] or not self.options or ALLOW in self.options


@dataclass(frozen=True, slots=True)
class Message:
    """LEARN fanout_say, and what became of it. `at`, `delivered_at`, `answered_at`: unix seconds."""

    key: Key
    index: int
    attempt: int
    text: str
    by: str
    at: float
    delivered_at: float | None = None
    answered_at: float | None = None

    @property
    def record(self) -> str:
        return self.key[1]

    @property
    def slot(self) -> tuple[int, int]:
        return self.index, self.attempt

    @property
    def state(self) -> str:
        if self.answered_at is not None:
            return ANSWERED
        return QUEUED if self.delivered_at is None else DELIVERED


@dataclass(slots=True)
class Talk:
    """What was asked and said in one fan-out. Of each fact the record with the lowest key counts, so the
    order in which they are applied does not matter.
    """

    asked: dict[str, Question] = field(default_factory=dict)
    """By the question's id, without its answer and decision."""
    answers: dict[str, OperatorsAnswer] = field(default_factory=dict)
    decisions: dict[str, tuple[Key, Decision]] = field(default_factory=dict)
    said: dict[str, Message] = field(default_factory=dict)
    """By the id of its record, without what became of it."""
    states: dict[tuple[str, str], tuple[Key, float]] = field(default_factory=dict)
    """By message and state, when it got there (unix seconds)."""
    undecided: set[str] = field(default_factory=set)

    def apply(self, record: Record) -> None:
        """Apply a fact, or what an operator says."""
        assert record.clock is not None
        body, key, topic = record.body, (record.clock, record.id), record.topic
        about = asked_about(body)
        if topic == QUESTION and (asked := read_question(body, key)) is not None:
            if about not in self.asked or key < self.asked[about].key:
                self.asked[about] = asked
            self._decide(about, body, key)
        elif topic == DECIDED:
            self._decide(about, body, key)
        elif topic == ANSWER and (chosen := body.get("chosen")) in CHOICES:
            text, note, digest = (_text(body.get(name)) for name in ("text", "note", "digest"))
            at = number(body.get("at"))
            answer = OperatorsAnswer(key, record.actor, str(chosen), digest, text, note, at)
            if about not in self.answers or key < self.answers[about].key:
                self.answers[about] = answer
        elif topic == SAY and (slot := slot_of(body)) is not None:
            said = Message(key, *slot, _text(body.get("text")), record.actor, number(body.get("at")))
            self.said[record.id] = said
        elif topic == MESSAGE_STATE and body.get("state") in (DELIVERED, ANSWERED):
            which = _text(body.get("message")), str(body["state"])
            if which not in self.states or key < self.states[which][0]:
                self.states[which] = key, number(body.get("at"))

    def _decide(self, about: str, body: Mapping[str, Any], key: Key) -> None:
        decision = read_decision(body.get("decision"))
        if decision is not None and (about not in self.decisions or key < self.decisions[about][0]):
            self.decisions[about] = key, decision
        if about in self.asked and about not in self.decisions:
            self.undecided.add(about)
        else:
            self.undecided.discard(about)

    def question(self, about: str) -> Question | None:
        """The question with this id, as it stands."""
        asked, answer = self.asked.get(about), self.answers.get(about)
        if asked is None:
            return None
        decided = self.decisions.get(about)
        if answer is not None and answer.digest != asked.digest:
            answer = None  # to something else than what was asked
        return replace(asked, answer=answer, decision=None if decided is None else decided[1])

    def questions(self) -> list[Question]:
        """Every question as it stands, the oldest first."""
        return self._as_they_stand(self.asked)

    def waiting(self) -> list[Question]:
        """The questions that are not decided, the oldest first."""
        return self._as_they_stand(self.undecided)

    def _as_they_stand(self, ids: Iterable[str]) -> list[Question]:
        found = (self.question(one) for one in ids)
        return sorted((one for one in found if one is not None), key=lambda one: one.key)

    def message(self, about: str) -> Message | None:
        """The message with this id, as it stands."""
        said = self.said.get(about)
        if said is None:
            return None
        delivered, answered = (self.states.get((about, state)) for state in (DELIVERED, ANSWERED))
        return replace(
            said,
            delivered_at=None if delivered is None else delivered[1],
            answered_at=None if answered is None else answered[1],
        )

    def messages(self) -> list[Message]:
        """Every message as it stands, the oldest first."""
        found = (self.message(one) for one in self.said)
        return sorted((one for one in found if one is not None), key=lambda one: one.key)

    def unheard(self, index: int, attempt: int) -> list[Message]:
        """What was said to a subtask up to this attempt and no agent has got, the oldest first."""
        said = self.messages() if self.said else []
        queued = (one for one in said if one.index == index and one.state == QUEUED)
        return [one for one in queued if one.attempt <= attempt]

    def clock_of(self, record: Record) -> int | None:
        """The clock of the record that states this very fact; None when none does."""
        body, about = record.body, asked_about(record.body)
        key: Key | None = None
        if record.topic == MESSAGE_STATE:
            key = self.states.get((_text(body.get("message")), _text(body.get("state"))), (None, 0.0))[0]
        elif record.topic == QUESTION and about in self.asked:
            key = self.asked[about].key
        elif record.topic == DECIDED and about in self.decisions:
            key = self.decisions[about][0]
        return None if key is None else key[0]


def hint_with(hint: str, said: Iterable[str]) -> str:
    """The hint, with what the operator said and no agent has heard."""
    lines = [f"- {text}" for text in said]
    return "\n\n".join(filter(None, (hint, "\n".join(["The operator says:", *lines]) if lines else "")))


def asked_about(body: Mapping[str, Any]) -> str:
    """The id of the question that a body is about; empty when it names none."""
    question = body.get("question")
    return _text(question.get("id") if isinstance(question, Mapping) else question)


def told_about(body: Mapping[str, Any]) -> str:
    """The id of the question or the message that a fact is about."""
    return asked_about(body) or _text(body.get("message"))


def slot_of(body: Mapping[str, Any]) -> tuple[int, int] | None:
    """The subtask and its attempt that a body is about."""
    index, attempt = body.get("index"), body.get("attempt", 1)
    if type(index) is not int or type(attempt) is not int or index < 0 or attempt < 1:
        return None
    return index, attempt


def read_question(body: Mapping[str, Any], key: Key) -> Question | None:
    """The question in a report, if it is valid."""
    said, slot = body.get("question"), slot_of(body)
    if not isinstance(said, Mapping) or slot is None:
        return None
    identity, kind, size = said.get("id"), said.get("kind"), said.get("size")
    if not isinstance(identity, str) or not identity or kind not in KINDS or type(size) is not int:
        return None
    options = said.get("options")
    listed = options if isinstance(options, list) else []
    kinds = tuple(_text(one.get("kind")) for one in listed if isinstance(one, Mapping))
    return Question(
        key,
        identity,
        *slot,
        _text(body.get("child_intend")),
        _text(body.get("child_thread")),
        _text(body.get("worker")),
        str(kind),
        _text(said.get("text")),
        _text(said.get("tool")),
        _text(said.get("digest")),
        size,
        kinds,
        number(said.get("asked_at")),
        number(said.get("until")),
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def number(value: Any) -> float:
    """A number from a body; 0 when it is not one."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= 1e15:
        return 0.0
    return float(value)
