"""The thread index: a summary of each thread, and its participants."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from sys import intern
from typing import Final, Literal

from syncropel.folds.base.lifecycle import Lifecycle, is_intend, moment
from syncropel.folds.base.order import word_key
from syncropel.folds.control.namespaces import DEFAULT, name_in
from syncropel.folds.fanout.child import DISPATCH, HANDLED, is_child_intend
from syncropel.folds.fanout.state import CHILD_DONE, Key, is_verdict
from syncropel.folds.forks.state import join_in
from syncropel.folds.tasks.state import is_task
from syncropel.folds.working_set import WorkingSet
from syncropel.record.model import Record, StoredRecord
from syncropel.record.threads import RESERVED

Kind = Literal["task", "child", "dispatch", "reserved", "other"]
_STRENGTH: Final[dict[Kind, int]] = {"other": 0, "dispatch": 1, "child": 2, "task": 3, "reserved": 4}
"""A thread has the strongest kind implied by its records, in whatever order they come."""
_OWN_FOLD: Final = ("task", "child", "reserved")
"""Kinds of threads whose status comes from another fold."""


@dataclass(slots=True)
class ThreadLine:
    """What a list of threads shows of one of them."""

    id: str
    kind: Kind = "other"
    title: str = ""
    namespace: str = ""
    """That of the thread's first INTEND; empty while there is none."""
    inherits: bool = False
    """Whether the first INTEND names no namespace: a fork then has its parent's."""
    opening: Key | None = None
    """The INTEND that opens it: the first in fold order."""
    join: str = ""
    """The join over its child threads that closes it, as the opening INTEND says."""
    life: Lifecycle | None = field(default_factory=Lifecycle)
    records: int = 0
    actors: set[str] = field(default_factory=set)
    first_sequence: int = 0
    last_sequence: int = 0
    last_activity: float = 0.0
    first: int | None = None
    """The `moment` of its first record."""
    has_task: bool = False
    has_child: bool = False
    """Whether it is a subtask's thread on its worker."""
    has_forks: bool = False

    @property
    def status(self) -> str:
        """For threads without a fold of their own: the phase of their lifecycle."""
        return self.life.phase if self.life is not None else "open"

    @property
    def starts_with_intend(self) -> bool:
        """Whether its first record is an INTEND, as it should be on every thread but the reserved ones."""
        return self.kind == "reserved" or self.first is None or is_intend(self.first)

    def apply(self, stored: StoredRecord) -> None:
        """Apply one record of this thread."""
        record = stored.record
        self.records += 1
        self.actors.add(record.actor)
        self.last_sequence = stored.sequence
        self.last_activity = stored.received_at
        kind = _kind(record)
        if _STRENGTH[kind] > _STRENGTH[self.kind]:
            self.kind = kind
        at = moment(record)
        self.first = at if self.first is None else min(self.first, at)
        if self.life is not None:
            self.life.apply(record, at)
        if not self.namespace and record.act == "INTEND":
            self.namespace = intern(name_in(record.body) or DEFAULT)
            self.inherits = not name_in(record.body)
        if record.act == "INTEND" and (self.opening is None or word_key(record) < self.opening):
            self.opening, self.join = word_key(record), join_in(record.body)
        if not self.title:
            self.title = _title(record)


@dataclass(slots=True)
class ActorLine:
    """On how many threads an actor wrote, and when the log took the latest of its records (unix seconds)."""

    threads: int = 0
    last_activity: float = 0.0


@dataclass(slots=True)
class ThreadIndex:
    """Every thread in the log, by id, and every actor, by DID."""

    threads: WorkingSet[ThreadLine] = field(default_factory=WorkingSet)
    actors: dict[str, ActorLine] = field(default_factory=dict)
    count: int = 0
    """How many threads there are."""

    def apply(self, stored: StoredRecord) -> ThreadLine:
        """Apply one record; give the summary of its thread."""
        thread, actor = stored.record.thread, stored.record.actor
        line = self.threads.get(thread)
        if line is None:
            kind: Kind = "reserved" if thread in RESERVED else "other"
            line = self.threads[thread] = ThreadLine(thread, kind, first_sequence=stored.sequence)
            self.count += 1
        known = self.actors.get(actor)
        if known is None:
            known = self.actors[actor] = ActorLine()
        if actor not in line.actors:
            known.threads += 1
        known.last_activity = max(known.last_activity, stored.received_at)
        line.apply(stored)
        if line.kind in _OWN_FOLD:
            line.life = None  # nobody asks for it, and there may be a million threads
        return line


def _kind(record: Record) -> Kind:
    if record.act == "INTEND":
        if is_task(record):
            return "task"
        if is_child_intend(record):
            return "child"
    return "dispatch" if record.topic.startswith(DISPATCH) else "other"


def _title(record: Record) -> str:
    goal = record.body.get("goal")
    return goal if isinstance(goal, str) else ""


@dataclass(slots=True)
class ParticipantLine:
    """One actor on a thread; roles are inferred from what it wrote."""

    actor: str
    records: int = 0
    roles: list[str] = field(default_factory=list)
    first_clock: int = 0
    last_clock: int = 0


def participants(records: Iterable[StoredRecord]) -> list[ParticipantLine]:
    """Everyone who wrote on a thread, in order of appearance. `records` in fold order.

    Opener: wrote the first INTEND. Adapter: handled a dispatch. Reviewer: wrote a KNOW with a verdict that is
    not an adapter's. Observer: none of these.
    """
    lines: dict[str, ParticipantLine] = {}
    attempts: set[str] = set()
    opened = False
    for stored in records:
        record = stored.record
        assert record.clock is not None
        line = lines.setdefault(record.actor, ParticipantLine(record.actor, first_clock=record.clock))
        line.records += 1
        line.last_clock = record.clock
        if is_child_intend(record):
            attempts.add(record.id)
        roles = ["opener"] if record.act == "INTEND" and not opened else []
        opened = opened or record.act == "INTEND"
        if _is_adapters(record, attempts):
            roles.append("adapter")
        elif record.act == "KNOW" and isinstance(record.body.get("verdict"), str):
            roles.append("reviewer")
        line.roles += [role for role in roles if role not in line.roles]
    for line in lines.values():
        line.roles = line.roles or ["observer"]
    return list(lines.values())


def _is_adapters(record: Record, attempts: set[str]) -> bool:
    """Whether an adapter wrote this while it handled a dispatch. Records of older versions do not say so
    themselves: observations, the results of these attempts, and their reports.
    """
    if record.body.get(HANDLED) is True or record.topic.startswith(DISPATCH):
        return True
    body = record.body
    if record.act == "KNOW":
        fulfills = body.get("fulfills")
        return isinstance(fulfills, str) and fulfills in attempts and is_verdict(body.get("verdict"))
    return record.act == "DO" and record.topic == CHILD_DONE and body.get("worker") == record.actor
