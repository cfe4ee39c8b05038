"""What is written to the views at once: rows, and the position in the log that they stand for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple


class ThreadRow(NamedTuple):
    """One thread, and its task if it has one; the columns of the table `threads`."""

    first: int
    thread: str
    last: int
    line: str
    open_child: bool
    worktree: bool
    task_sequence: int | None = None
    status: str | None = None
    active: bool | None = None
    alias: str | None = None
    created_at: float | None = None
    parent: str | None = None
    counted: str | None = None


class ForkRow(NamedTuple):
    """A thread and one that forked it, with the clock and the id of the record that says so."""

    child: str
    parent: str
    clock: int
    record: str


class ActorRow(NamedTuple):
    """One actor: where it took part, and how its results were judged."""

    actor: str
    threads: int
    last_activity: float
    results: int
    accepted: int
    own: int


@dataclass(frozen=True, slots=True)
class Batch:
    """The changes up to `position`. `state`: what is counted, as JSON."""

    position: int
    threads: list[ThreadRow] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    """All threads whose folds are out of date now."""
    spawned: list[tuple[str, str]] = field(default_factory=list)
    """Child and parent."""
    forked: list[ForkRow] = field(default_factory=list)
    runs: list[tuple[str, str, str]] = field(default_factory=list)
    """Attempt, child thread, and the thread of the run."""
    settled: list[str] = field(default_factory=list)
    """Attempts whose starts go."""
    starts: list[tuple[str, int]] = field(default_factory=list)
    """Attempt and the sequence of a new session record."""
    reported: list[str] = field(default_factory=list)
    """Results that were acknowledged."""
    unreported: list[tuple[str, str]] = field(default_factory=list)
    """Results and the threads of their subtasks."""
    actors: list[ActorRow] = field(default_factory=list)
    state: str = "{}"
