"""The end of a log, which the judgement of each new record is compared with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from syncropel.errors import SyncropelError
from syncropel.folds.fleet.leadership import FIRST_TERM
from syncropel.record.model import Record
from syncropel.record.threads import RULING
from syncropel.store.base import Appended, Judged, Outcome
from syncropel.store.refusals import Moved


@dataclass(frozen=True, slots=True)
class Head:
    """The last sequence of a log, the sequence of its newest ruling record, and its newest term; 0 for
    none.
    """

    last: int = 0
    ruled: int = 0
    term: int = 0

    def moved(self, records: Sequence[Record | SyncropelError], judged: Judged | None) -> Moved | None:
        """Why records that were judged so may not come next, or None."""
        if judged is None:
            return None
        if judged.ruled != self.ruled:
            return Moved(
                f"record {self.ruled} rules over others, and these were judged after record {judged.ruled}"
            )
        if judged.term < self.term:
            return Moved(f"the log is in term {self.term}, and these were judged in term {judged.term}")
        ruling = False
        for one in records:
            if rules(one):
                ruling = True
            elif ruling and isinstance(one, Record):
                return Moved("a record that rules over others was judged together with others behind it")
        return None

    def noted(self, judged: Judged | None) -> tuple[int, int | None]:
        """The `term` and `ruled` of a record that comes next."""
        return (max(self.term, FIRST_TERM), None) if judged is None else (judged.term, self.ruled)

    def then(self, outcomes: Iterable[Outcome], term: int) -> Head:
        """The head after these outcomes of records that came next, of this term at most."""
        new = [one.stored for one in outcomes if isinstance(one, Appended) and one.created]
        if not new:
            return self
        ruling = [stored.sequence for stored in new if stored.record.thread in RULING]
        return Head(new[-1].sequence, max(ruling, default=self.ruled), max(self.term, term))


def rules(record: Record | SyncropelError) -> bool:
    """Whether this is a ruling record."""
    return isinstance(record, Record) and record.thread in RULING
