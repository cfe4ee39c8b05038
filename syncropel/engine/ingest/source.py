"""Where folds find what they do not hold in memory: the log itself, and the index of it that views are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from syncropel.folds.fanout.state import Key
from syncropel.folds.tasks.tally import Counted
from syncropel.folds.threads.index import ThreadLine
from syncropel.record.model import StoredRecord


class Source(Protocol):
    """Answers at once, on the event loop, with the state up to the last record that was applied. Raises
    StoreError when the disk cannot be read.
    """

    @property
    def problem(self) -> str:
        """Why nothing can be loaded any more; empty while it can."""
        ...

    def records(self, thread: str) -> Sequence[StoredRecord]:
        """The records of a thread that were applied, by sequence."""
        ...

    def line(self, thread: str) -> ThreadLine | None:
        """The summary of a thread; None for an unknown one."""
        ...

    def named(self, alias: str) -> list[str]:
        """The threads of tasks that had this alias when they were last written."""
        ...

    def parts(self, parent: str) -> set[str]:
        """The threads of tasks that were a part of this thread when they were last written."""
        ...

    def fan_out_of(self, child: str) -> str | None:
        """The thread whose fan-out this subtask belongs to."""
        ...

    def forked_by(self, child: str) -> dict[str, Key] | None:
        """The threads that forked this one, with the first record that says so."""
        ...

    def observations(self, intend: str) -> Sequence[StoredRecord]:
        """The applied records of the runs of an attempt, by sequence."""
        ...

    def counted(self, thread: str) -> Counted | None:
        """What a task added to the counts when it was last flushed."""
        ...
