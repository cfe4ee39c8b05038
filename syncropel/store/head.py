"""The end of a log, which the judgement of each new record is compared with."""

from __future__ import annotations

from collections.abc import Sequence
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
        if len(records) == 1:
            return None
        ruling = False
        for one in records:
            if isinstance(one, Record):
                if one.thread in RULING:
                    ruling = True
                elif ruling:
                    return Moved("a record that rules over others was judged together with others behind it")
        return None

    def noted(self, judged: Judged | None) -> tuple[int, int | None]:
        """The `term` and `ruled` of a record that comes next."""
        return (max(self.term, FIRST_TERM), None) if judged is None else (judged.term, self.ruled)

    def then(self, outcomes: Sequence[Outcome], term: int) -> Head:
        """The head after these outcomes of records of this term that came next, of which only the last may be
        a ruling record.
        """
        for one in reversed(outcomes):
            if isinstance(one, Appended) and one.created:
                last = one.stored.sequence
                ruled = last if rules(one.stored.record) else self.ruled
                return Head(last, ruled, max(self.term, term))
        return self


def rules(record: Record) -> bool:
    """Whether this is a ruling record."""
    return record.thread in RULING
