"""The thread index: one line a thread, and who takes part in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from sys import intern
from typing import Literal

from syncropel.folds.base.order import word_key
from syncropel.folds.control.namespaces import DEFAULT, name_in
from syncropel.folds.fanout.child import is_child_intend
from syncropel.folds.fanout.state import Key
from syncropel.folds.forks.state import join_in
from syncropel.folds.tasks.state import is_task
from syncropel.record.model import Record, StoredRecord
from syncropel.record.threads import RESERVED

Kind = Literal["task", "child", "dispatch", "reserved", "other"]


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
    """When it closes by what its child threads come to, as the opening INTEND says."""
    closed: bool = False
    records: int = 0
    actors: set[str] = field(default_factory=set)
    first_sequence: int = 0
    last_sequence: int = 0
    last_activity: float = 0.0

    @property
    def status(self) -> str:
        """For threads without a fold of their own: open until a KNOW fulfills or a record cancels."""
        return "closed" if self.closed else "open"

    def apply(self, stored: StoredRecord) -> None:
        """Take one record of this thread."""
        record = stored.record
        self.records += 1
        self.actors.add(record.actor)
        self.last_sequence = stored.sequence
        self.last_activity = stored.received_at
        if self.kind == "other":
            self.kind = _kind(record)
        if not self.namespace and record.act == "INTEND":
            self.namespace = intern(name_in(record.body) or DEFAULT)
            self.inherits = not name_in(record.body)
        if record.act == "INTEND" and (self.opening is None or word_key(record) < self.opening):
            self.opening, self.join = word_key(record), join_in(record.body)
        if not self.title:
            self.title = _title(record)
        if "fulfills" in record.body or "cancels" in record.body:
            self.closed = True


@dataclass(slots=True)
class ThreadIndex:
    """Every thread in the log, by id."""

    threads: dict[str, ThreadLine] = field(default_factory=dict)

    def apply(self, stored: StoredRecord) -> None:
        thread = stored.record.thread
        line = self.threads.get(thread)
        if line is None:
            kind: Kind = "reserved" if thread in RESERVED else "other"
            line = self.threads[thread] = ThreadLine(thread, kind, first_sequence=stored.sequence)
        line.apply(stored)


def _kind(record: Record) -> Kind:
    if is_task(record):
        return "task"
    if is_child_intend(record):
        return "child"
    return "dispatch" if record.topic.startswith("syncropel.dispatch.") else "other"


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

    Opener: wrote the first INTEND. Reviewer: wrote a KNOW with a verdict. Adapter: wrote dispatch
    observations or handled a dispatch. Observer: none of these.
    """
    lines: dict[str, ParticipantLine] = {}
    opened = False
    for stored in records:
        record = stored.record
        assert record.clock is not None
        line = lines.setdefault(record.actor, ParticipantLine(record.actor, first_clock=record.clock))
        line.records += 1
        line.last_clock = record.clock
        role = ""
        if record.act == "INTEND" and not opened:
            role, opened = "opener", True
        elif record.act == "KNOW" and isinstance(record.body.get("verdict"), str):
            role = "reviewer"
        elif record.topic.startswith("syncropel.dispatch.") or record.body.get("dispatch_handled") is True:
            role = "adapter"
        if role and role not in line.roles:
            line.roles.append(role)
    for line in lines.values():
        line.roles = line.roles or ["observer"]
    return list(lines.values())
