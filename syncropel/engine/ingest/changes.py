"""What changed in the live folds since the views were last written."""

from __future__ import annotations

from dataclasses import dataclass, field

from syncropel.record.model import Record, StoredRecord


@dataclass(slots=True)
class Changes:
    """Keys of what changed. Whoever writes it down takes all of it at once, and leaves an empty one."""

    threads: dict[str, None] = field(default_factory=dict)
    actors: set[str] = field(default_factory=set)
    spawned: set[str] = field(default_factory=set)
    """Threads of subtasks whose parent was named."""
    forked: set[str] = field(default_factory=set)
    """Threads that were forked."""
    observed: set[tuple[str, str, str]] = field(default_factory=set)
    """Threads of runs, with the child thread and the attempt that they are about; either may be empty."""
    started: dict[str, list[int]] = field(default_factory=dict)
    """The sequences of new session records, by attempt."""
    settled: set[str] = field(default_factory=set)
    """Attempts that got a result: their sessions are of no more use."""
    reports: set[str] = field(default_factory=set)
    """Results that became known, or were acknowledged."""

    def observe(self, record: Record) -> None:
        """Note a record of a run."""
        child, intend = record.body.get("child_thread"), record.body.get("child_intend")
        named = child if isinstance(child, str) else "", intend if isinstance(intend, str) else ""
        if any(named):
            self.observed.add((record.thread, *named))

    def start(self, stored: StoredRecord) -> None:
        """Note a session record."""
        intend = stored.record.body.get("child_intend")
        if isinstance(intend, str):
            self.started.setdefault(intend, []).append(stored.sequence)

    def settle(self, intend: str) -> None:
        """Note that an attempt has its result."""
        self.started.pop(intend, None)
        self.settled.add(intend)
