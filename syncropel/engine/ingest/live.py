"""Live folds: caches over the log, updated with each record as it comes and rebuilt at start."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from syncropel.engine.ingest.collector import uncollected
from syncropel.folds.base.lifecycle import cancelled
from syncropel.folds.base.order import rank
from syncropel.folds.consents import Consents
from syncropel.folds.control.access import Access
from syncropel.folds.control.drains import Drains
from syncropel.folds.control.freezes import Control
from syncropel.folds.control.namespaces import Namespaces
from syncropel.folds.control.pauses import Pauses
from syncropel.folds.control.rules import Rules
from syncropel.folds.control.stops import Stops
from syncropel.folds.fanout.child import OUTPUT_EVENTS, ChildState, is_child_end, is_child_intend
from syncropel.folds.fanout.sessions import TOPICS as SESSIONS
from syncropel.folds.fanout.sessions import Sessions
from syncropel.folds.fanout.spec import is_fan_out
from syncropel.folds.fanout.spend import Spend
from syncropel.folds.fanout.state import AMEND_JOIN, SPAWNED, commutes
from syncropel.folds.fleet.credentials import Credentials
from syncropel.folds.fleet.registry import Registry
from syncropel.folds.forks.state import FORK_CLOSED, FORK_JOINED, SUB_THREAD, Forks, names_child
from syncropel.folds.tasks.parents import Parents
from syncropel.folds.tasks.state import TaskState, fold_task, is_task
from syncropel.folds.threads.index import ThreadIndex
from syncropel.policy.rule_failures import RuleFailures
from syncropel.policy.standing import Standing
from syncropel.record.model import StoredRecord
from syncropel.record.threads import (
    CONSENT,
    ENGINE_CONFIG,
    FLEET_CONTROL,
    INSTANCE_REGISTRY,
    NAMESPACE_REGISTRY,
    RESERVED,
    counts,
)
from syncropel.store.base import RecordStore

JOINED_KEPT: Final = 20
"""How many recent joins are listed for those who hear of the fleet only now and then."""

_OF_FORKS: Final = frozenset({SPAWNED, FORK_CLOSED, FORK_JOINED, AMEND_JOIN})


@dataclass(slots=True)
class LiveFolds:
    """Every fold that the daemon answers from. `apply` a record once it is in the log.

    A record that comes out of fold order on a task thread cannot be applied in place; its thread is added to
    `stale`, and `refold` folds it again from the log. `parts` holds, by the thread of a task or a subtask,
    the tasks that are a part of it.
    """

    registry: Registry = field(default_factory=Registry)
    access: Access = field(default_factory=Access)
    rules: Rules = field(default_factory=Rules)
    rule_failures: RuleFailures = field(default_factory=RuleFailures)
    """Rules that failed to evaluate; not a fold, and lost at a restart."""
    standing: Standing = field(default_factory=Standing)
    """Whether this instance may work at all; its engine says which instance it is."""
    control: Control = field(default_factory=Control)
    drains: Drains = field(default_factory=Drains)
    pauses: Pauses = field(default_factory=Pauses)
    credentials: Credentials = field(default_factory=Credentials)
    stops: Stops = field(default_factory=Stops)
    spend: Spend = field(default_factory=Spend)
    starts: Sessions = field(default_factory=Sessions)
    namespaces: Namespaces = field(default_factory=Namespaces)
    consents: Consents = field(default_factory=Consents)
    index: ThreadIndex = field(default_factory=ThreadIndex)
    tasks: dict[str, TaskState] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    children: dict[str, ChildState] = field(default_factory=dict)
    active: dict[str, TaskState] = field(default_factory=dict)
    joined: deque[str] = field(default_factory=lambda: deque(maxlen=JOINED_KEPT))
    """The threads of the fan-outs that joined most recently, in the order in which their joins arrived."""
    parts: dict[str, dict[str, TaskState]] = field(default_factory=dict)
    parents: Parents = field(default_factory=Parents)
    forks: dict[str, Forks] = field(default_factory=dict)
    """The forks of threads that have child threads, by thread."""
    stale: set[str] = field(default_factory=set)
    folded_through: dict[str, int] = field(default_factory=dict)
    arriving: frozenset[str] = frozenset()
    """Threads of which only a part has arrived: nothing is done about their tasks, and they are
    not refolded."""
    heads: dict[str, int] = field(default_factory=dict)
    """The highest clock of each reserved thread; those above the ceiling do not count."""
    altered: dict[str, str] = field(default_factory=dict)
    """By thread, a record that is not what its id says (`engine.ingest.quarantine`); no fold."""
    revision: int = 0

    def apply(self, stored: StoredRecord) -> None:
        """Apply one record that was just committed."""
        record = stored.record
        self.index.apply(stored)
        if record.thread in RESERVED:
            self._apply_reserved(stored)
        elif record.topic in _OF_FORKS or names_child(record) or cancelled(record):
            self._apply_fork(stored)
        if record.thread in self.tasks or is_task(record):
            self._apply_task(stored)
        elif record.topic in OUTPUT_EVENTS:
            self.spend.apply(stored)
        elif record.topic in SESSIONS:
            self.starts.apply(stored)
        elif record.thread in self.children or is_child_intend(record) or is_child_end(record):
            child = self.children.setdefault(record.thread, ChildState(record.thread))
            child.apply(stored)
            fulfills = record.body.get("fulfills")
            if isinstance(fulfills, str) and fulfills in child.results:
                self.starts.settle(fulfills)

    def _apply_reserved(self, stored: StoredRecord) -> None:
        thread, clock = stored.record.thread, stored.record.clock
        assert clock is not None
        if counts(thread, clock, stored.record.body):
            self.heads[thread] = max(self.heads.get(thread, -1), clock)
        if thread == INSTANCE_REGISTRY:
            self.registry.apply(stored)
        elif thread == ENGINE_CONFIG:
            self.access.apply(stored)
            self.rules.apply(stored)
        elif thread == FLEET_CONTROL:
            self.control.apply(stored)
            self.stops.apply(stored)
            self.drains.apply(stored)
            self.pauses.apply(stored)
            self.credentials.apply(stored)
            self.rules.apply(stored)
        elif thread == NAMESPACE_REGISTRY:
            self.namespaces.apply(stored)
        elif thread == CONSENT:
            self.consents.apply(stored)

    def _apply_fork(self, stored: StoredRecord) -> None:
        record = stored.record
        if record.topic == SPAWNED:
            child = record.body.get("child_thread")
            if record.act == "DO" and isinstance(child, str):
                known = self.parents.fan_outs.get(child, record.thread)
                self.parents.fan_outs[child] = min(known, record.thread)
            return
        forks = self.forks.setdefault(record.thread, Forks(record.thread))
        forks.apply(stored)
        if names_child(record) and (fork := forks.forks.get(str(record.body[SUB_THREAD]))) is not None:
            self.parents.fork(fork.child, record.thread, fork.key)

    def _apply_task(self, stored: StoredRecord) -> None:
        record = stored.record
        thread = record.thread
        self.revision = max(self.revision, stored.sequence)
        state = self.tasks.get(thread)
        if state is None:
            state = self.tasks[thread] = TaskState(thread)
            if self.index.threads[thread].records > 1:
                self.stale.add(thread)  # the opening INTEND came after others
                return
        if thread in self.stale or stored.sequence <= self.folded_through.get(thread, 0):
            return
        late = rank(record) <= state.clock and not commutes(record)
        overtaken = record.act == "INTEND" and is_fan_out(record.body) and state.records > 1
        if late or overtaken:
            self.stale.add(thread)
            return
        state.apply(stored)
        self._index_task(state)

    def _index_task(self, state: TaskState) -> None:
        if state.alias:
            known = self.tasks.get(self.aliases.get(state.alias, ""))
            # Of two tasks with one alias the older keeps it, so that a name never changes its meaning.
            if known is None or (state.created_at, state.thread) <= (known.created_at, known.thread):
                self.aliases[state.alias] = state.thread
        if state.parent_thread:
            self.parts.setdefault(state.parent_thread, {})[state.thread] = state
        if state.fanout is not None and state.fanout.active and state.thread not in self.arriving:
            self.active[state.thread] = state
            if state.thread in self.joined:  # a record that came late says that it had not
                self.joined.remove(state.thread)
        elif self.active.pop(state.thread, None) is not None and state.fanout and state.fanout.joined:
            self.joined.append(state.thread)

    def arrived(self) -> None:
        """All arriving threads are complete."""
        threads, self.arriving = self.arriving, frozenset()
        for thread in threads & self.tasks.keys():
            self._index_task(self.tasks[thread])

    @property
    def has_stale(self) -> bool:
        """Whether there is something to refold."""
        return bool(self.stale - self.arriving)

    async def refold(self, store: RecordStore) -> None:
        """Refold every stale thread from the log."""
        while self.has_stale:
            thread = next(iter(self.stale - self.arriving))
            state = fold_task(thread, await store.thread(thread))
            if self.index.threads[thread].last_sequence > state.sequence:
                continue  # more came while the log was read
            self.stale.discard(thread)
            former, self.tasks[thread] = self.tasks[thread], state
            self._part(former)
            if former.alias != state.alias and self.aliases.get(former.alias) == thread:
                self._pass_on(former.alias)
            self.folded_through[thread] = state.sequence
            self._index_task(state)

    def _part(self, former: TaskState) -> None:
        """Forget which thread a task was believed to be a part of."""
        siblings = self.parts.get(former.parent_thread, {})
        siblings.pop(former.thread, None)
        if not siblings:
            self.parts.pop(former.parent_thread, None)

    def _pass_on(self, alias: str) -> None:
        """Pass an alias that its task turned out not to have to the oldest that does."""
        named = [state for state in self.tasks.values() if state.alias == alias]
        if named:
            self.aliases[alias] = min(named, key=lambda state: (state.created_at, state.thread)).thread
        else:
            del self.aliases[alias]

    def task(self, name: str) -> TaskState | None:
        """A task by its alias or its thread id."""
        return self.tasks.get(name) or self.tasks.get(self.aliases.get(name, ""))

    def holds(self, namespace: str, thread: str = "") -> bool:
        """Whether nothing begins in this namespace or on this thread: it is frozen, a record of the thread
        was altered, or this instance accepts no work."""
        held = not self.standing.may_begin or bool(self.control.covering(namespace))
        return held or thread in self.altered

    def names(self) -> dict[str, str]:
        """Alias of every known instance, by DID."""
        return {did: instance.alias or did for did, instance in self.registry.instances.items()}


async def rebuild(store: RecordStore, seen: Callable[[int], None] = lambda _: None) -> LiveFolds:
    """Fold the whole log. `seen` is called with the number of records read so far."""
    live = LiveFolds()
    count = 0
    with uncollected(store.count):
        async for chunk in store.scan():
            for stored in chunk:
                live.apply(stored)
            count += len(chunk)
            seen(count)
        await live.refold(store)
    return live
