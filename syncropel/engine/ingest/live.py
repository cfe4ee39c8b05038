"""Live folds: caches over the log, updated with each record as it comes and rebuilt at start."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from syncropel.engine.ingest.active import ActiveFanOuts
from syncropel.engine.ingest.changes import Changes
from syncropel.engine.ingest.loading import Loader, is_of_child, is_of_forks, oldest_of
from syncropel.engine.ingest.source import Source
from syncropel.folds.base.order import rank
from syncropel.folds.consents import Consents
from syncropel.folds.control.access import Access
from syncropel.folds.control.allowed import AllowedFiles
from syncropel.folds.control.drains import Drains
from syncropel.folds.control.freezes import Control
from syncropel.folds.control.namespaces import Namespaces, name_in
from syncropel.folds.control.pauses import Pauses
from syncropel.folds.control.rules import Rules
from syncropel.folds.control.stops import Stops
from syncropel.folds.fanout.asked import KINDS as TALKS
from syncropel.folds.fanout.asked import Conversations, tells
from syncropel.folds.fanout.child import DISPATCH, OUTPUT_EVENTS, ChildState
from syncropel.folds.fanout.sessions import TOPICS as SESSIONS
from syncropel.folds.fanout.sessions import Sessions
from syncropel.folds.fanout.spec import is_fan_out
from syncropel.folds.fanout.spend import Spend
from syncropel.folds.fanout.state import SPAWNED, commutes
from syncropel.folds.fleet.credentials import Credentials
from syncropel.folds.fleet.joins import Joins
from syncropel.folds.fleet.leadership import Leadership
from syncropel.folds.fleet.registry import Registry
from syncropel.folds.forks.state import SUB_THREAD, Forks, names_child
from syncropel.folds.tasks.parents import Parents
from syncropel.folds.tasks.state import TaskState, fold_task, is_task
from syncropel.folds.tasks.tally import Tally
from syncropel.folds.threads.index import ThreadIndex, ThreadLine
from syncropel.folds.working_set import WorkingSet
from syncropel.policy.rule_failures import RuleFailures
from syncropel.policy.standing import Standing
from syncropel.record.model import Record, StoredRecord
from syncropel.record.threads import (
    CONSENT,
    ENGINE_CONFIG,
    FLEET_CONTROL,
    INSTANCE_REGISTRY,
    NAMESPACE_REGISTRY,
    RESERVED,
    RULING,
    counts,
)
from syncropel.store.base import RecordStore

JOINED_KEPT: Final = 20
"""How many recent joins are listed for those who hear of the fleet only now and then."""


@dataclass(slots=True)
class LiveFolds:
    """Every fold that the daemon answers from. `apply` a record once it is in the log.

    What rules over others, what is open and what changed lately is in memory; a `WorkingSet` gets the rest
    from `read_from`. A record that comes out of fold order on a task thread cannot be applied in place; its
    thread is added to `stale`, and `refold` folds it again from the log. `parts` holds, by the thread of a
    task or a subtask, the threads of the tasks that are a part of it.
    """

    registry: Registry = field(default_factory=Registry)
    leadership: Leadership = field(default_factory=Leadership)
    access: Access = field(default_factory=Access)
    joins: Joins = field(default_factory=Joins)
    allowed_files: AllowedFiles = field(default_factory=AllowedFiles)
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
    talks: Conversations = field(default_factory=Conversations)
    namespaces: Namespaces = field(default_factory=Namespaces)
    consents: Consents = field(default_factory=Consents)
    index: ThreadIndex = field(default_factory=ThreadIndex)
    tasks: WorkingSet[TaskState] = field(default_factory=WorkingSet)
    aliases: WorkingSet[str] = field(default_factory=WorkingSet)
    children: WorkingSet[ChildState] = field(default_factory=WorkingSet)
    open_children: dict[str, ChildState] = field(default_factory=dict)
    """Subtasks whose latest attempt has no result yet, by thread."""
    active: ActiveFanOuts = field(default_factory=ActiveFanOuts)
    joined: deque[str] = field(default_factory=lambda: deque(maxlen=JOINED_KEPT))
    """The threads of the fan-outs that joined most recently, in the order in which their joins arrived."""
    parts: WorkingSet[set[str]] = field(default_factory=WorkingSet)
    parents: Parents = field(default_factory=Parents)
    forks: WorkingSet[Forks] = field(default_factory=WorkingSet)
    """The forks of threads that have child threads, by thread."""
    unreported: dict[str, str] = field(default_factory=dict)
    """The threads of results, questions and news of messages that the coordinator has not acknowledged, by
    the record's id."""
    tally: Tally = field(default_factory=Tally)
    places: set[str] = field(default_factory=set)
    """Every namespace in which there ever was work."""
    task_count: int = 0
    child_count: int = 0
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
    applied: int = 0
    """The sequence of the last record that was applied."""
    ruled: int = 0
    """That of the newest ruling record among them."""
    changes: Changes = field(default_factory=Changes)
    writing: Changes | None = None
    """What is being written to the views now."""
    _source: Source | None = None

    def read_from(self, source: Source) -> None:
        """From now on, load what is not in memory from here."""
        self._source = source
        loader = Loader(source, self.index.threads, self.tasks, self._is_unwritten)
        self.index.threads.load = source.line
        self.tasks.load = loader.task
        self.children.load = loader.child
        self.forks.load = loader.forks
        self.aliases.load = loader.alias
        self.parts.load = loader.parts
        self.parents.forks.load = source.forked_by
        self.parents.fan_outs.load = source.fan_out_of
        self.spend.by_intend.load = loader.spent
        self.talks.by_intend.load = loader.talk
        self.tally.counted.load = source.counted

    @property
    def problem(self) -> str:
        """Why what is not in memory cannot be loaded any more; empty while it can."""
        return "" if self._source is None else self._source.problem

    def unwritten(self) -> dict[str, None]:
        """Threads of which the views may say something out of date. All their folds are in memory."""
        return {**(self.writing.threads if self.writing is not None else {}), **self.changes.threads}

    def _is_unwritten(self, thread: str) -> bool:
        """Whether `unwritten` has this thread."""
        writing = self.writing
        return thread in self.changes.threads or (writing is not None and thread in writing.threads)

    def apply(self, stored: StoredRecord) -> None:
        """Apply one record that was just committed."""
        record = stored.record
        thread = record.thread
        line = self.index.apply(stored)
        self.changes.threads[thread] = None
        self.changes.actors.add(record.actor)
        if line.namespace:
            self.places.add(line.namespace)
        if thread in RESERVED:
            self.apply_ruling(stored)
        elif record.topic == SPAWNED:
            self._apply_spawned(record)
        elif is_of_forks(record):
            self._apply_fork(line, stored)
        if record.topic.startswith(DISPATCH):
            self.changes.observe(record)
        if line.has_task or is_task(record):
            self._apply_task(line, stored)
        elif record.topic in OUTPUT_EVENTS or record.topic in TALKS:
            self.spend.apply(stored)
            self._apply_talk(stored)
        elif record.topic in SESSIONS:
            self.starts.apply(stored)
            self.changes.start(stored)
        elif is_of_child(record, line.has_child):
            self._apply_child(line, stored)
        self.applied = stored.sequence

    def _apply_child(self, line: ThreadLine, stored: StoredRecord) -> None:
        record = stored.record
        child = self.children.get(record.thread)
        if child is None:
            child = self.children[record.thread] = ChildState(record.thread)
            self.child_count += 1
            line.has_child = True
        child.apply(stored)
        if child.latest is not None and (named := name_in(child.latest.body)):
            self.places.add(named)
        if child.open is not None:
            self.open_children[record.thread] = child
        else:
            self.open_children.pop(record.thread, None)
        fulfills = record.body.get("fulfills")
        if isinstance(fulfills, str) and (result := child.results.get(fulfills)) is not None:
            self.starts.settle(fulfills)
            self.changes.settle(fulfills)
            if result.record == record.id:
                self.unreported[record.id] = record.thread
                self.changes.reports.add(record.id)

    def _apply_talk(self, stored: StoredRecord) -> None:
        record = stored.record
        self.talks.apply(stored)
        if tells(record):
            self.unreported[record.id] = record.thread
            self.changes.reports.add(record.id)

    def acknowledged(self, results: Iterable[str]) -> None:
        """The coordinator has accepted these results, and what it was told of questions and messages."""
        for result in results:
            if self.unreported.pop(result, None) is not None:
                self.changes.reports.add(result)

    def apply_ruling(self, stored: StoredRecord) -> None:
        """Apply a record of a reserved thread to what rules over others."""
        thread, clock = stored.record.thread, stored.record.clock
        assert clock is not None
        if thread in RULING:
            self.ruled = max(self.ruled, stored.sequence)
        if counts(thread, clock, stored.record.body):
            self.heads[thread] = max(self.heads.get(thread, -1), clock)
        if thread == INSTANCE_REGISTRY:
            self.registry.apply(stored)
            self.leadership.apply(stored)
        elif thread == ENGINE_CONFIG:
            self.access.apply(stored)
            self.joins.apply(stored)
            self.allowed_files.apply(stored)
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

    def _apply_spawned(self, record: Record) -> None:
        child = record.body.get("child_thread")
        if record.act == "DO" and isinstance(child, str):
            known = self.parents.fan_outs.get(child)
            self.parents.fan_outs[child] = record.thread if known is None else min(known, record.thread)
            self.changes.spawned.add(child)

    def _apply_fork(self, line: ThreadLine, stored: StoredRecord) -> None:
        record = stored.record
        line.has_forks = True
        forks = self.forks.setdefault(record.thread, Forks(record.thread))
        forks.apply(stored)
        if names_child(record) and (fork := forks.forks.get(str(record.body[SUB_THREAD]))) is not None:
            self.parents.fork(fork.child, record.thread, fork.key)
            self.changes.forked.add(fork.child)

    def _apply_task(self, line: ThreadLine, stored: StoredRecord) -> None:
        record = stored.record
        thread = record.thread
        self.revision = max(self.revision, stored.sequence)
        self.tally.changed[thread] = None
        state = self.tasks.get(thread)
        if state is None:
            state = self.tasks[thread] = TaskState(thread)
            self.task_count += 1
            line.has_task = True
            if line.records > 1:
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
        self.places.add(state.namespace)
        if state.alias:
            holder = self.aliases.get(state.alias)
            known = self.tasks.get(holder) if holder is not None else None
            # Of two tasks with one alias the older keeps it, so that a name never changes its meaning.
            if known is None or (state.created_at, state.thread) <= (known.created_at, known.thread):
                self.aliases[state.alias] = state.thread
        if state.parent_thread:
            self.parts.setdefault(state.parent_thread, set()).add(state.thread)
        if state.fanout is not None and state.fanout.active and state.thread not in self.arriving:
            self.active[state.thread] = state
            if state.thread in self.joined:  # a record that came late says that it had not
                self.joined.remove(state.thread)
        elif self.active.pop(state.thread, None) is not None and state.fanout and state.fanout.joined:
            self.joined.append(state.thread)

    def arrived(self) -> None:
        """All arriving threads are complete."""
        threads, self.arriving = self.arriving, frozenset()
        for thread in threads:
            if (state := self.tasks.get(thread)) is not None:
                self._index_task(state)

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
            former = self.tasks[thread]
            lost = former.alias if former.alias != state.alias else ""
            held_it = bool(lost) and self.aliases.get(lost) == thread
            self.tasks[thread] = state
            self.changes.threads[thread] = None
            self.tally.changed[thread] = None
            self._part(former)
            if held_it:
                self._pass_on(lost)
            self.folded_through[thread] = state.sequence
            self._index_task(state)

    def _part(self, former: TaskState) -> None:
        """Forget which thread a task was believed to be a part of."""
        if (siblings := self.parts.get(former.parent_thread)) is not None:
            siblings.discard(former.thread)

    def _pass_on(self, alias: str) -> None:
        """Pass an alias that its task turned out not to have to the oldest that does."""
        stored = self._source.named(alias) if self._source is not None else []
        known = dict.fromkeys([*self.unwritten(), *stored])
        tasks = (task for thread in known if (task := self.tasks.get(thread)) is not None)
        if (oldest := oldest_of(task for task in tasks if task.alias == alias)) is not None:
            self.aliases[alias] = oldest.thread
        else:
            self.aliases.forget(alias)

    def task(self, name: str) -> TaskState | None:
        """A task by its alias or its thread id."""
        return self.tasks.get(name) or self.tasks.get(self.thread_named(name))

    def thread_named(self, alias: str, otherwise: str = "") -> str:
        """The thread of the task with this alias; `otherwise` when there is none."""
        return self.aliases.get(alias) or otherwise

    def counts(self) -> Tally:
        """What is counted over all tasks."""
        return self.tally.settle(self.tasks.get)

    def holds(self, namespace: str, thread: str = "") -> bool:
        """Whether nothing begins in this namespace or on this thread: it is frozen, a record of the thread
        was altered, or this instance accepts no work."""
        held = not self.standing.may_begin or bool(self.control.covering(namespace))
        return held or thread in self.altered

    def names(self) -> dict[str, str]:
        """Alias of every known instance, by DID."""
        return {did: instance.alias or did for did, instance in self.registry.instances.items()}
