"""Which thread may become a child of which: checked for every new record that would make one."""

from __future__ import annotations

from typing import Final, Protocol

from syncropel.errors import Conflict, InvalidFork, InvalidNamespace, SyncropelError
from syncropel.folds.control.namespaces import DEFAULT, name_in
from syncropel.folds.fanout.child import ChildState
from syncropel.folds.forks.state import (
    SUB_THREAD,
    Forks,
    child_problem,
    join_in,
    names_child,
    parse_work,
    runs,
)
from syncropel.folds.tasks.parents import Parents
from syncropel.folds.tasks.state import OVER, TaskState, is_task
from syncropel.folds.threads.index import ThreadIndex, ThreadLine
from syncropel.folds.working_set import WorkingSet
from syncropel.policy.joining import check_fork_join
from syncropel.record.model import Record
from syncropel.record.threads import RESERVED

MOST_NESTED: Final = 64
"""The deepest nesting of forks."""
CLOSED: Final = "closed"
"""The status of a plain thread that has ended."""
_PLACE: Final = f"body.{SUB_THREAD}"
_CHOOSE: Final = "name a thread of its own, such as th_run_tests"
_WATCH: Final = "leave goal and target out to take its result as it is"


class KnownThreads(Protocol):
    """The live folds that know how threads are related."""

    @property
    def tasks(self) -> WorkingSet[TaskState]: ...
    @property
    def children(self) -> WorkingSet[ChildState]: ...
    @property
    def index(self) -> ThreadIndex: ...
    @property
    def parents(self) -> Parents: ...
    @property
    def forks(self) -> WorkingSet[Forks]: ...


def claims_parent(record: Record) -> bool:
    """Whether this record would make a thread the child of another."""
    return names_child(record) or (is_task(record) and "parent_thread" in record.body)


def namespace_of(thread: str, known: KnownThreads) -> str:
    """A thread's namespace: that of its first INTEND, or of the thread it was forked from. Empty without
    either.
    """
    while True:
        line = known.index.threads.get(thread)
        if line is not None and line.namespace and not line.inherits:
            return line.namespace
        claims = known.parents.forks.get(thread)
        parent = known.parents.of(thread, known.tasks) if claims else ""
        if not claims or parent not in claims:
            return line.namespace if line is not None else ""
        thread = parent


def check_fork(record: Record, known: KnownThreads) -> SyncropelError | None:
    """Why this INTEND may not make a thread its child, or None; None also for one that does not try."""
    if names_child(record):
        return _check_child(record, known) or _check_opening(record, known)
    if claims_parent(record):
        return _check_part(record, known) or _check_opening(record, known)
    return _check_opening(record, known)


def _check_child(record: Record, known: KnownThreads) -> SyncropelError | None:
    child, parent = record.body[SUB_THREAD], record.thread
    if problem := child_problem(child, parent):
        return InvalidFork(f"{_PLACE}: {_shown(child)} {problem}", _CHOOSE)
    if parent in RESERVED or is_work(parent, known):
        what = "a reserved thread" if parent in RESERVED else "the thread of a subtask or of its run"
        return InvalidFork(f"{parent} is {what}, and has no children", "fork a task's or a plain thread")
    return (
        _check_place(record, child, known)
        or _check_claims(record, child, known)
        or _check_namespace(record, child, known)
        or _check_work(record, child, known)
        or _check_join(record, known)
    )


def _check_place(record: Record, child: str, known: KnownThreads) -> SyncropelError | None:
    """Whether the child would be its own ancestor, or nested too deep."""
    above = [record.thread, *known.parents.ancestors(record.thread, known.tasks)]
    if child in above:
        chain = " → ".join([*reversed(above[: above.index(child) + 1]), child])
        return InvalidFork(f"{_PLACE}: {child!r} is an ancestor of this thread: {chain}", _CHOOSE)
    if len(above) > MOST_NESTED:
        return InvalidFork(
            f"{_PLACE}: {child!r} would be nested {len(above)} deep; at most {MOST_NESTED}",
            f"fork it from a thread further up, such as {above[-1]}",
        )
    return None


def _check_claims(record: Record, child: str, known: KnownThreads) -> SyncropelError | None:
    """Whether the child already has a parent. This very record may be posted twice."""
    if is_work(child, known):
        return InvalidFork(f"{_PLACE}: {child!r} is the thread of a subtask or of its run", _CHOOSE)
    forks = known.forks.get(record.thread)
    fork = forks.forks.get(child) if forks is not None else None
    if fork is not None and fork.record != record.id:
        told = f"{_PLACE}: this thread has forked {child!r} already (record {fork.record})"
        return InvalidFork(told, f"see it: spl thread show {record.thread}")
    stated = known.parents.stated(child, known.tasks)
    if stated and stated != record.thread:
        return InvalidFork(f"{_PLACE}: {child!r} is a child of {stated} already", _CHOOSE)
    return None


def _check_namespace(record: Record, child: str, known: KnownThreads) -> SyncropelError | None:
    parent, named = namespace_of(record.thread, known), name_in(record.body)
    own = parent or named or DEFAULT
    if named and named != own:
        return InvalidNamespace(
            f"body.namespace {named!r} is not the namespace of this thread, {own!r}",
            "a fork has the namespace of its parent: leave it out",
        )
    theirs = namespace_of(child, known)
    if theirs and theirs != own:
        return InvalidNamespace(
            f"{_PLACE}: {child!r} is in namespace {theirs!r}, not in its parent's, {own!r}",
            f"a fork has the namespace of its parent: begin the child in {own!r}, or leave it alone",
        )
    return None


def _check_work(record: Record, child: str, known: KnownThreads) -> SyncropelError | None:
    if not runs(record.body):
        return None
    try:
        parse_work(record.body)
    except SyncropelError as error:
        return error
    forks = known.forks.get(record.thread)
    if forks is not None and child in forks.forks:
        return None  # the same record again
    task = known.tasks.get(child)
    if task is not None and task.fanout is not None:
        return Conflict(f"{_PLACE}: {child!r} is fanned out already", _WATCH)
    for thread, of in ((child, _PLACE), (record.thread, "the parent")):
        if (status := over(thread, known)) is not None:
            return Conflict(f"{of}: {thread} is {status}, and nothing more is run for it", _WATCH)
    return None


def over(thread: str, known: KnownThreads) -> str | None:
    """The final status of a thread that has ended; None while it is open."""
    task, line = known.tasks.get(thread), known.index.threads.get(thread)
    if task is not None:
        return task.status if task.status in OVER else None
    return line.status if line is not None and line.status == CLOSED else None


def _check_join(record: Record, known: KnownThreads) -> SyncropelError | None:
    """The parent needs a valid join before it can have children to join."""
    line = known.index.threads.get(record.thread)
    own = line is None or line.opening is None
    join = join_in(record.body) if own else join_of(record.thread, known)
    if not join:
        return None
    try:
        check_fork_join(join)
    except SyncropelError as error:
        error.message = f"{'body.join' if own else 'the join of this thread'}: {error.message}"
        return error
    return None


def join_of(thread: str, known: KnownThreads) -> str:
    """The join by which this thread closes over its children; empty when it has none. A fan-out
    has its own."""
    task, line = known.tasks.get(thread), known.index.threads.get(thread)
    if task is not None and task.fanout is not None:
        return ""
    forks = known.forks.get(thread)
    if forks is not None and forks.amended is not None:
        return forks.amended[1]
    if task is not None:
        return task.join.strip()
    return line.join if line is not None else ""


def opening_of(thread: str, known: KnownThreads) -> str:
    """The INTEND that opens this thread and that its join fulfills; empty without one."""
    task, line = known.tasks.get(thread), known.index.threads.get(thread)
    if task is not None:
        return task.intend
    if line is None or line.life is None or line.opening is None:
        return ""
    # Another INTEND may have reopened it since; the join belongs to the first.
    return line.opening[1] if line.life.arc.opening in ("", line.opening[1]) else ""


def _check_part(record: Record, known: KnownThreads) -> SyncropelError | None:
    """Whether a task may be a part of the thread that its INTEND names."""
    parent, child, place = record.body["parent_thread"], record.thread, "body.parent_thread"
    if not isinstance(parent, str) or not parent:
        return None  # the fold ignores it
    if parent in RESERVED:
        return InvalidFork(f"{place}: {parent!r} is a reserved thread", "name a task's thread")
    above = [parent, *known.parents.ancestors(parent, known.tasks)]
    if child in above:
        chain = " → ".join([*reversed(above[: above.index(child) + 1]), child])
        return InvalidFork(f"{place}: this task would be its own ancestor: {chain}", "name another task")
    stated = known.parents.stated(child, known.tasks)
    if stated and stated != parent:
        return InvalidFork(f"{place}: this thread is a child of {stated} already", f"name {stated}")
    return None


def _check_opening(record: Record, known: KnownThreads) -> SyncropelError | None:
    """Whether the first INTEND of a forked thread is in its parent's namespace."""
    if record.act != "INTEND" or record.thread not in known.parents.forks:
        return None
    line = known.index.threads.get(record.thread)
    if line is not None and line.namespace:
        return None
    # The fold uses the default for what a task's INTEND omits.
    inherited, named = namespace_of(record.thread, known), name_in(record.body)
    if not inherited or (named or (DEFAULT if is_task(record) else inherited)) == inherited:
        return None
    return InvalidNamespace(
        f"namespace {named or DEFAULT!r} is not {inherited!r}, that of the thread that this was forked from",
        f'add "namespace": "{inherited}"',
    )


def is_work(thread: str, known: KnownThreads) -> bool:
    """Whether this thread belongs to a subtask of a fan-out, or to a run of one."""
    line: ThreadLine | None = known.index.threads.get(thread)
    return (
        thread in known.children
        or thread in known.parents.fan_outs
        or (line is not None and line.kind == "dispatch")
    )


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}…"
