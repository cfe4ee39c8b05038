"""Whether the records of a log are in the order in which they were judged.

Sequences have no gaps. Terms never fall, and each begins with its `leading` record. Each record was judged
when the newest ruling record below it was known: so whatever stands behind a freeze was judged under it.
"""

from __future__ import annotations

from typing import Final

from syncropel.engine.proof.violation import Violations
from syncropel.folds.fleet.leadership import FIRST_TERM, Leadership
from syncropel.record.model import StoredRecord
from syncropel.record.threads import INSTANCE_REGISTRY, RULING
from syncropel.store.base import Entry

_RESTORE: Final = "restore a backup that has it: spl backup list"
_COMPARE: Final = (
    "somebody edited the log, or another program wrote it: compare it with a backup: spl backup list"
)


class Order:
    """Checks the entries of a log, which it is given by sequence. It never has more than a few of them."""

    def __init__(self, violations: Violations) -> None:
        self._violations = violations
        self._leadership = Leadership()
        self._last = 0
        self._term = 0
        self._begun = FIRST_TERM
        self._ruled = 0
        self._doubtful: list[tuple[int, int]] = []
        """Above the newest ruling record: which records are missing or altered, and may have been one."""
        self._lost = False
        self.earlier = 0
        """Records of a release that noted nothing."""
        self.elsewhere = 0
        """Records that nobody judged here: restored history."""
        self.resting = 0
        """Records of which it cannot be said, as what they rest on is missing or altered."""
        self.lost_ruling = False
        """Whether a ruling record is missing or altered: nobody can say what it said."""

    def take(self, entry: Entry, *, sound: bool) -> None:
        """Check the next entry. `sound`: whether the record is what its id says."""
        stored = entry.stored
        if stored.sequence != self._last + 1:
            self._violations.missing(self._last + 1, stored.sequence - 1, _RESTORE)
            self._doubt(self._last + 1, stored.sequence - 1)
        self._last = stored.sequence
        if not sound:
            self._doubt(stored.sequence, stored.sequence)
        elif stored.record.thread == INSTANCE_REGISTRY:
            self._leadership.apply(stored)
            self._begun = max(self._begun, self._leadership.term)
        if entry.term == 0 and entry.ruled is None and self._term == 0:
            self.earlier += 1
        elif self._is_of_its_term(entry):
            self._term = entry.term
        if entry.ruled is not None:
            self._check_judgement(stored, entry.ruled)
        elif entry.term:
            self.elsewhere += 1
        if sound and stored.record.thread in RULING:
            self._ruled = stored.sequence
            self._doubtful.clear()

    def unreadable(self, sequence: int) -> None:
        """The next record is there, and cannot be read."""
        if sequence != self._last + 1:
            self._violations.missing(self._last + 1, sequence - 1, _RESTORE)
        self._doubt(self._last + 1, sequence)
        self._last = sequence

    def _doubt(self, first: int, last: int) -> None:
        self._lost = True
        self._doubtful.append((first, last))

    def _is_of_its_term(self, entry: Entry) -> bool:
        # Restored history takes the term that the log has; a judge goes by the newest `leading` record.
        due = max(self._term, FIRST_TERM) if entry.ruled is None else self._begun
        if entry.term == due:
            return True
        if self._lost and entry.term > due:
            self._begun = entry.term  # its `leading` record may be the one that is lost
            self.resting += 1
            return True
        if entry.term < self._term:
            told = f"has term {entry.term}, behind records of term {self._term}"
        elif entry.term < due:
            told = f"has term {entry.term}, and the `leading` record of term {due} is not behind it"
        else:
            told = f"has term {entry.term}, which begins with no `leading` record"
        self._violations.add("term", entry.stored, told, _COMPARE)
        return False

    def _check_judgement(self, stored: StoredRecord, ruled: int) -> None:
        if ruled == self._ruled:
            return
        if ruled > self._ruled and any(first <= ruled <= last for first, last in self._doubtful):
            self._ruled = ruled
            self._doubtful = [(max(first, ruled + 1), last) for first, last in self._doubtful if last > ruled]
            self.resting += 1
            self.lost_ruling = True
            return
        if ruled < self._ruled:
            told = f"is behind record {self._ruled}, which rules over it, and was judged before that"
        else:
            told = f"was judged after record {ruled}, which is no ruling record below it"
        self._violations.add("judgement", stored, told, _COMPARE)
