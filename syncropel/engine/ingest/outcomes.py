"""What became of the records that were given to the log, by act."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from syncropel.record.model import ACTS, Record
from syncropel.store.base import Appended, Outcome

CREATED: Final = "created"
DUPLICATE: Final = "duplicate"
REFUSED: Final = "refused"
FAILED: Final = "failed"
"""Not written, through no fault of the record: the disk refused it, for instance."""


class Outcomes:
    """Counts since the start, by act and outcome."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()

    def note(self, records: Sequence[Record], outcomes: Sequence[Outcome]) -> None:
        """Count records with the outcome of each."""
        for record, outcome in zip(records, outcomes, strict=True):
            if isinstance(outcome, Appended):
                self._count(record, CREATED if outcome.created else DUPLICATE)
            else:
                self._count(record, REFUSED)

    def note_failed(self, records: Sequence[Record]) -> None:
        """Count records of a call that failed as a whole."""
        for record in records:
            self._count(record, FAILED)

    @property
    def failed(self) -> int:
        """How many records were in calls that failed."""
        return sum(count for (_, outcome), count in self.counts.items() if outcome == FAILED)

    def _count(self, record: Record, outcome: str) -> None:
        self.counts[record.act if record.act in ACTS else "other", outcome] += 1
