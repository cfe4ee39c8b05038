"""What the attempts that run here have asked, how that was decided, and which messages they have got."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from syncropel.folds.fanout.child import ANSWER, MESSAGE, PROGRESS, QUESTION, SUBTASK
from syncropel.folds.fanout.talk import Decision, asked_about, number, read_decision
from syncropel.folds.working_set import WorkingSet
from syncropel.record.model import Record, StoredRecord

KINDS: Final = frozenset({QUESTION, ANSWER, MESSAGE, PROGRESS, SUBTASK})
"""Kinds of the observations that tell of it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One question. `until`: when it is denied without an answer (unix seconds)."""

    digest: str
    until: float
    decision: Decision | None = None
    kind: str = ""
    """`permission` or `question`."""


@dataclass(slots=True)
class Conversation:
    """What one attempt asked, by the question's id; and which states each message has reached, by its id."""

    questions: dict[str, Asked] = field(default_factory=dict)
    messages: dict[str, set[str]] = field(default_factory=dict)
    progress: str = ""
    """What its program last said of its progress."""
    progress_at: float = 0.0
    """When it said so (unix seconds)."""
    reports: int = 0
    """How often it said so."""
    subtasks: set[str] = field(default_factory=set)
    """Its requests for more subtasks, each by what the instance calls it."""


def tells(record: Record) -> bool:
    """Whether the coordinator must hear of this observation."""
    if record.topic == QUESTION:
        return isinstance(record.body.get("question"), dict)  # else nobody waits for an answer
    return record.topic in KINDS and record.topic != PROGRESS


@dataclass(slots=True)
class Conversations:
    """By the id of the child INTEND. The first statement about a question counts."""

    by_intend: WorkingSet[Conversation] = field(default_factory=WorkingSet)

    def apply(self, stored: StoredRecord) -> None:
        """Apply one observation of a dispatch."""
        record, body = stored.record, stored.record.body
        intend = body.get("child_intend")
        if not (tells(record) or record.topic == PROGRESS) or not isinstance(intend, str):
            return
        talk = self.by_intend.setdefault(intend, Conversation())
        if record.topic == PROGRESS:
            talk.progress, talk.progress_at = str(body.get("text", "")), number(body.get("at"))
            talk.reports += 1
            return
        if record.topic == MESSAGE:
            talk.messages.setdefault(str(body.get("message")), set()).add(str(body.get("state")))
            return
        if record.topic == SUBTASK:
            asked = body.get("subtask")
            talk.subtasks.add(str(asked.get("request") if isinstance(asked, dict) else asked))
            return
        about, decision = asked_about(body), read_decision(body.get("decision"))
        known, said = talk.questions.get(about), body.get("question")
        if known is None and isinstance(said, dict):
            kind = str(said.get("kind", ""))
            known = Asked(str(said.get("digest")), number(said.get("until")), kind=kind)
        if known is not None:
            talk.questions[about] = known if known.decision else replace(known, decision=decision)

    def of(self, intend: str) -> Conversation:
        """What this attempt asked and was told."""
        return self.by_intend.get(intend) or Conversation()
