"""The worker's side of a fan-out: which children it was given, and which attempts have a result.

What is running is not stored here: slots are derived from children without a result, so none can leak.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from syncropel.folds.fanout.state import ACCEPT, is_verdict
from syncropel.record.model import Record, StoredRecord, is_name, is_record_id

DISPATCH: Final = "syncropel.dispatch."
"""The prefix of the kinds of records on a dispatch's thread."""
HANDLED: Final = "dispatch_handled"
"""Body member, true in what an adapter's instance writes about a dispatch."""
RUN: Final = "syncropel.dispatch.run.v1"
"""Kind of the INTEND that begins the thread of a run."""
CALL: Final = "syncropel.dispatch.call.v1"
"""Kind of its adapter's CALL, which follows."""
SESSION: Final = "syncropel.dispatch.session.v1"
NOT_STARTED: Final = "syncropel.dispatch.not_started.v1"
"""Kind of the observation that the previous session's goal was ended at its gate, before it ran."""
REATTACHED: Final = "syncropel.dispatch.reattached.v1"
"""Kind of the observation that a daemon took over a run of its predecessor; this is not a start."""
INTERRUPTED: Final = "syncropel.dispatch.interrupted.v1"
"""Kind of the observation that a daemon, stopping in order, ended the run or left it to the next one."""
LOST: Final = "syncropel.dispatch.lost.v1"
"""Kind of the observation that a run is abandoned: its attempt runs again, here or elsewhere."""
STREAM_EVENT: Final = "syncropel.dispatch.stream_event.v1"
AGENT_SESSION: Final = "syncropel.dispatch.agent_session.v1"
"""Kind of the observation that a goal's program named the session by which it can be resumed."""
QUESTION: Final = "syncropel.dispatch.question.v1"
"""Kind of the observation that a goal's program asks the operator something."""
ANSWER: Final = "syncropel.dispatch.answer.v1"
"""Kind of the observation that a question was decided, and what the program was told."""
MESSAGE: Final = "syncropel.dispatch.message.v1"
"""Kind of the observation that an operator's message was delivered, or answered."""
PROGRESS: Final = "syncropel.dispatch.progress.v1"
"""Kind of the observation that a goal's program says how far it has come."""
SUBTASK: Final = "syncropel.dispatch.subtask.v1"
"""Kind of the observation that a goal's program asks for one more subtask."""
GATE: Final = "syncropel.dispatch.gate.v1"
"""Kind of the observation that the gate command of the goal's repository has started; its goal has ended."""
SUBPROCESS_EXIT: Final = "syncropel.dispatch.subprocess_exit.v1"
COMPLETE: Final = "syncropel.dispatch.complete.v1"
OBSERVATIONS: Final = (
    SESSION,
    NOT_STARTED,
    REATTACHED,
    INTERRUPTED,
    LOST,
    STREAM_EVENT,
    AGENT_SESSION,
    QUESTION,
    ANSWER,
    MESSAGE,
    PROGRESS,
    SUBTASK,
    GATE,
    SUBPROCESS_EXIT,
    COMPLETE,
)
"""Kinds of an instance's reports about the goals that it runs."""
OUTPUT_EVENTS: Final = frozenset({STREAM_EVENT, AGENT_SESSION, QUESTION})
"""Kinds of observations made from a goal's output while it is written."""
END_CHILD: Final = "fanout_end_child"
"""Topic of the LEARN by which the coordinator says that an attempt must not run, or must end."""
ANSWER_CHILD: Final = "fanout_answer_child"
"""Topic of the LEARN by which the coordinator passes on an operator's answer."""
SAY_CHILD: Final = "fanout_say_child"
"""Topic of the LEARN by which the coordinator passes on what an operator says."""
SUBTASK_CHILD: Final = "fanout_subtask_child"
"""Topic of the LEARN by which the coordinator says what became of a subtask that an attempt asked for."""
_ABOUT: Final = {ANSWER_CHILD: "question", SAY_CHILD: "message", SUBTASK_CHILD: "asked"}
WORDS: Final = frozenset(_ABOUT)
"""Topics of what a running attempt is told."""


def is_child_intend(record: Record) -> bool:
    """Whether this record gives an instance a subtask to run. Without a parent to report to it does not: its
    result could never be accepted.
    """
    body = record.body
    return (
        record.act == "INTEND"
        and is_name(body.get("parent_thread"))
        and is_record_id(body.get("parent_intend"))
        and type(body.get("index")) is int
        and isinstance(body.get("goal"), str)
    )


def is_child_end(record: Record) -> bool:
    """Whether this record ends an attempt."""
    return (
        record.act == "LEARN"
        and record.topic == END_CHILD
        and isinstance(record.body.get("child_intend"), str)
    )


@dataclass(frozen=True, slots=True)
class Heard:
    """What an operator answered to a question, or says, or what became of a subtask that was asked for: the
    record on the child thread. `intend`: of the attempt that it is for.
    """

    record: str
    clock: int
    intend: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ChildIntend:
    """One attempt at a subtask, as the coordinator requested it."""

    record: str
    thread: str
    sequence: int
    body: dict[str, Any]

    @property
    def attempt(self) -> int:
        attempt = self.body.get("attempt", 1)
        return attempt if type(attempt) is int else 1

    @property
    def rejected(self) -> int:
        """The last attempt that was rejected in review; 0 for none."""
        attempt = self.body.get("rejected")
        return attempt if type(attempt) is int else 0


@dataclass(frozen=True, slots=True)
class ChildResult:
    """KNOW that fulfills a child INTEND."""

    record: str
    fulfills: str
    body: dict[str, Any]


@dataclass(slots=True)
class ChildState:
    """One child thread on its worker. The order of arrival does not matter: attempts are numbered."""

    thread: str
    intends: dict[int, ChildIntend] = field(default_factory=dict)
    results: dict[str, ChildResult] = field(default_factory=dict)
    ended: dict[str, str] = field(default_factory=dict)
    """Why an attempt must not run, by the id of its INTEND."""
    answers: dict[str, Heard] = field(default_factory=dict)
    """The first answer to each question, by the question."""
    messages: dict[str, Heard] = field(default_factory=dict)
    """What the operator says, by the id of the record that says it at the coordinator, as they came."""

    additions: dict[str, Heard] = field(default_factory=dict)
    """What became of the subtasks that its attempts asked for, by the id of the request."""

    def apply(self, stored: StoredRecord) -> None:
        record = stored.record
        if is_child_intend(record):
            intend = ChildIntend(record.id, record.thread, stored.sequence, record.body)
            self.intends.setdefault(intend.attempt, intend)
        elif is_child_end(record):
            self.ended.setdefault(str(record.body["child_intend"]), str(record.body.get("reason", "")))
        elif record.act == "LEARN" and record.topic in WORDS:
            self._hear(record)
        elif record.act == "KNOW" and is_verdict(record.body.get("verdict")):
            fulfills = record.body.get("fulfills")
            if isinstance(fulfills, str):
                self.results.setdefault(fulfills, ChildResult(record.id, fulfills, record.body))

    def clock_of(self, record: Record) -> int | None:
        """The clock of the record that tells this very thing; None when none does."""
        known = self._heard(record).get(_told(record))
        return None if known is None else known.clock

    @property
    def words(self) -> int:
        """How much it was told."""
        return len(self.answers) + len(self.messages) + len(self.additions)

    def _hear(self, record: Record) -> None:
        intend = record.body.get("child_intend")
        if (told := _told(record)) and isinstance(intend, str) and record.clock is not None:
            self._heard(record).setdefault(told, Heard(record.id, record.clock, intend, record.body))

    def _heard(self, record: Record) -> dict[str, Heard]:
        told = {ANSWER_CHILD: self.answers, SAY_CHILD: self.messages, SUBTASK_CHILD: self.additions}
        return told[record.topic]

    @property
    def latest(self) -> ChildIntend | None:
        """The attempt that counts."""
        return self.intends[max(self.intends)] if self.intends else None

    @property
    def open(self) -> ChildIntend | None:
        """The latest attempt while it has no result."""
        latest = self.latest
        return latest if latest and latest.record not in self.results else None

    @property
    def status(self) -> str:
        """The latest attempt's verdict, or `in_progress`."""
        latest = self.latest
        result = self.results.get(latest.record) if latest else None
        return str(result.body["verdict"]) if result else "in_progress"

    def accepted(self, intend: ChildIntend) -> ChildResult | None:
        """An accepted result that holds for this attempt: work that must not be done twice. A rejection in
        review takes its attempt's result away, and those of the attempts before.
        """
        for attempt, other in self.intends.items():
            result = self.results.get(other.record)
            if attempt > intend.rejected and result is not None and result.body.get("verdict") == ACCEPT:
                return result
        return None

    def reportable(self) -> list[tuple[ChildIntend, ChildResult]]:
        """Every attempt that has a result, with it."""
        return [
            (intend, self.results[intend.record])
            for intend in self.intends.values()
            if intend.record in self.results
        ]


def _told(record: Record) -> str:
    """The question, the message, or the request that the attempt is told of; empty when none is named."""
    told = record.body.get(_ABOUT[record.topic])
    return told if isinstance(told, str) else ""
