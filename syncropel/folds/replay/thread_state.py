"""The whole folded state of one thread, whatever its kind, for a replay to walk through.

Apply its records in fold order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from syncropel.folds.base.lifecycle import Lifecycle, Turn
from syncropel.folds.base.order import fold_order
from syncropel.folds.consents import Consents
from syncropel.folds.control.access import Access
from syncropel.folds.control.drains import Drains
from syncropel.folds.control.freezes import Control
from syncropel.folds.control.namespaces import Namespaces
from syncropel.folds.control.rules import Rules
from syncropel.folds.fanout.child import OUTPUT_EVENTS, ChildState
from syncropel.folds.fanout.join import JoinDecision, is_shorthand
from syncropel.folds.fanout.spend import Spend
from syncropel.folds.fanout.state import ACCEPT, CHILD_DONE, SPAWNED
from syncropel.folds.fanout.subtasks import Child, fan_out_children
from syncropel.folds.fleet.credentials import Credentials
from syncropel.folds.fleet.registry import Registry
from syncropel.folds.forks.state import Forks
from syncropel.folds.tasks.state import OVER, TaskState, is_task, status_now
from syncropel.folds.threads.index import ThreadLine
from syncropel.record.model import Record, StoredRecord
from syncropel.record.threads import (
    CONSENT,
    ENGINE_CONFIG,
    FLEET_CONTROL,
    INSTANCE_REGISTRY,
    NAMESPACE_REGISTRY,
    RESERVED,
)


class Judge(Protocol):
    """Decides the join of a task's fan-out. Passed in, since an expression is decided with CEL.

    `exact` False: only whether it can still be satisfied is needed, and an expression may count as
    satisfiable while any subtask is open.
    """

    def __call__(self, task: TaskState, children: Sequence[Child], exact: bool) -> JoinDecision: ...


@dataclass(slots=True)
class ReservedState:
    """What the engine reads from its reserved threads; all but the thread's own part stays empty."""

    registry: Registry = field(default_factory=Registry)
    access: Access = field(default_factory=Access)
    rules: Rules = field(default_factory=Rules)
    control: Control = field(default_factory=Control)
    drains: Drains = field(default_factory=Drains)
    credentials: Credentials = field(default_factory=Credentials)
    namespaces: Namespaces = field(default_factory=Namespaces)
    consents: Consents = field(default_factory=Consents)

    def apply(self, stored: StoredRecord) -> None:
        """Apply the next record of a reserved thread."""
        thread = stored.record.thread
        if thread == INSTANCE_REGISTRY:
            self.registry.apply(stored)
        elif thread == ENGINE_CONFIG:
            self.access.apply(stored)
            self.rules.apply(stored)
        elif thread == FLEET_CONTROL:
            self.control.apply(stored)
            self.drains.apply(stored)
            self.credentials.apply(stored)
            self.rules.apply(stored)
        elif thread == NAMESPACE_REGISTRY:
            self.namespaces.apply(stored)
        elif thread == CONSENT:
            self.consents.apply(stored)


@dataclass(slots=True)
class ThreadState:
    """One thread after some of its records."""

    line: ThreadLine
    folded: TaskState
    child: ChildState
    spend: Spend = field(default_factory=Spend)
    forks: Forks = field(default_factory=lambda: Forks(""))
    reserved: ReservedState | None = None
    is_task: bool = False
    acts: dict[str, int] = field(default_factory=dict)
    opened_by: str | None = None
    """Who wrote the first INTEND."""
    within_reach: bool | None = field(default=None, compare=False)
    """Whether the join could still be satisfied at the last evaluation; None when it must be
    evaluated again."""

    @classmethod
    def empty(cls, thread: str) -> ThreadState:
        """The state before the first record."""
        reserved = ReservedState() if thread in RESERVED else None
        line = ThreadLine(thread, "reserved" if reserved else "other")
        return cls(line, TaskState(thread), ChildState(thread), forks=Forks(thread), reserved=reserved)

    def apply(self, stored: StoredRecord) -> None:
        """Apply the next record of this thread, in fold order."""
        record = stored.record
        self.line.apply(stored)
        self.acts[record.act] = self.acts.get(record.act, 0) + 1
        if record.act == "INTEND" and self.opened_by is None:
            self.opened_by = record.actor
        if self.reserved is not None:
            self.reserved.apply(stored)
            return
        self.forks.apply(stored)
        self.is_task = self.is_task or is_task(record)
        if not self._keeps_reach(record):
            self.within_reach = None
        self.folded.apply(stored)
        if record.topic in OUTPUT_EVENTS:
            self.spend.apply(stored)
        elif not self.is_task:
            self.child.apply(stored)

    @property
    def task(self) -> TaskState | None:
        """The task, if this is a task's thread."""
        return self.folded if self.is_task else None

    def status(self, judge: Judge) -> str:
        """The folded status in a word."""
        if self.reserved is not None:
            return status_of_reserved(self.line.id, self.reserved.control, self.reserved.drains)
        if self.is_task:
            return self._status_of_task(judge)
        return self.child.status if self.child.latest is not None else self.line.status

    @property
    def life(self) -> Lifecycle:
        """The thread's lifecycle."""
        assert self.line.life is not None, "only the index lets go of it"
        return self.line.life

    @property
    def closing(self) -> Turn | None:
        """What closed the thread, where its lifecycle decides whether it is closed."""
        apart = self.is_task or self.reserved is not None or self.child.latest is not None
        return None if apart else self.life.arc.closing

    def open_intends(self) -> list[str]:
        """The INTENDs that still wait for something, in order; none for a closed thread, or a task that is
        over.
        """
        if self.is_task:
            return self._open_of_task()
        if self.child.latest is not None:
            return self._open_of_child(self.child.latest.record)
        arc, closed = self.life.arc, self.forks.closed()
        return [one for one in arc.open if one == arc.opening or one not in closed]

    def _open_of_task(self) -> list[str]:
        if self.folded.status in OVER:
            return []
        # One that was done, or has joined, and was reopened waits for its end once more.
        own = self.folded.intend or (self.folded.fanout.intend if self.folded.fanout else "")
        settled = (self.life.settled() | self.forks.closed()) - {own}
        return [one for one in self.life.intends() if one not in settled]

    def _open_of_child(self, latest: str) -> list[str]:
        # An attempt's result is recorded with it; one that was followed by another waits for nothing.
        attempts = {intend.record for intend in self.child.intends.values()}
        over = (self.life.settled() | attempts) - {latest} | self.child.results.keys()
        return [one for one in self.life.intends() if one not in over]

    def _status_of_task(self, judge: Judge) -> str:
        fanout = self.folded.fanout
        if fanout is None or not fanout.active:
            return self.folded.status
        if self.within_reach is None:
            self.within_reach = judge(self.folded, fan_out_children(fanout), False).satisfiable
        return status_now(self.folded, self.within_reach)

    def _keeps_reach(self, record: Record) -> bool:
        """Whether `within_reach` still holds after this record: checking every subtask after every record
        would make a long replay quadratic.
        """
        if record.act == "INTEND":
            return False
        if record.topic != CHILD_DONE:
            return record.topic == SPAWNED
        fanout = self.folded.fanout
        if fanout is None or not is_shorthand(fanout.join):
            return False
        # An accept never makes a join unsatisfiable, and any other verdict never makes it satisfiable again.
        return self.within_reach is (record.body.get("verdict") == ACCEPT)


def status_of_reserved(thread: str, control: Control, drains: Drains) -> str:
    """The status of a reserved thread in a word."""
    if thread != FLEET_CONTROL:
        return "open"
    if control.emergency is not None:
        return "emergency"
    if control.freezes:
        return "frozen"
    return "draining" if drains.drains else "clear"


def fold_thread(thread: str, records: Iterable[StoredRecord]) -> ThreadState:
    """The state of a thread from all its records, in whatever order they come."""
    state = ThreadState.empty(thread)
    for stored in fold_order(records):
        state.apply(stored)
    return state
