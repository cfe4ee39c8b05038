"""Goes through a log once, and says what it proves, what it disproves, and what nobody can say."""

from __future__ import annotations

from syncropel.engine.proof.order import Order
from syncropel.engine.proof.places import Intends
from syncropel.engine.proof.stopped import Stopped
from syncropel.engine.proof.violation import Violation, Violations
from syncropel.store.base import Entry


class Proof:
    """Takes the entries of a log by sequence; its memory does not grow with their number.

    `intends` reads the INTENDs of a thread; `own_did`: of the instance whose log it is, empty when that is
    unknown. Close it at the end.
    """

    def __init__(self, intends: Intends, own_did: str) -> None:
        self._violations = Violations()
        self._order = Order(self._violations)
        self._stopped = Stopped(self._violations, intends, own_did)
        self.judged = 0
        """Records whose judgement was noted, and therefore checked."""

    def close(self) -> None:
        """Remove what was noted on disk."""
        self._stopped.close()

    def take(self, entry: Entry, *, sound: bool = True) -> None:
        """Check the next entry. `sound`: whether the record is what its id says."""
        self.judged += entry.ruled is not None
        self._order.take(entry, sound=sound)
        self._stopped.take(entry, sound=sound, lost_ruling=self._order.lost_ruling)

    def unreadable(self, sequence: int) -> None:
        """The next record cannot be read."""
        self._order.unreadable(sequence)

    @property
    def violations(self) -> list[Violation]:
        """What the log must not have, the first of it."""
        return self._violations.kept

    @property
    def beyond(self) -> int:
        """How many more violations there are."""
        return self._violations.beyond

    @property
    def elsewhere(self) -> int:
        """Records of restored history: judged where they came from."""
        return self._order.elsewhere

    @property
    def earlier(self) -> int:
        """Records of a release that did not note how they were judged."""
        return self._order.earlier

    def unknown(self) -> list[str]:
        """What could not be checked, in words, and of how many records."""
        order, stopped = self._order, self._stopped
        told = [
            (order.earlier, "records from before this log noted how they were judged"),
            (order.elsewhere, "records that nobody judged here, restored or written while no daemon ran"),
            (order.resting, "records that rest on a missing or altered record"),
            (stopped.unsure, "records whose freezes or namespace depend on a missing or altered record"),
            (stopped.under_own_rules, "records written under freeze rules of your own"),
        ]
        return [f"{words}: {count}" for count, words in told if count]
