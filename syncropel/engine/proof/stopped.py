"""Whether anything in a log got past a freeze: what the guard lets pass, asked again of every record."""

from __future__ import annotations

from typing import Final

from syncropel.engine.proof.places import Intends, Places
from syncropel.engine.proof.violation import Violations
from syncropel.folds.control.freezes import STOPPED_ACTS, Control, Freeze
from syncropel.folds.control.grace import Moment
from syncropel.folds.control.rules import Rules
from syncropel.freeze_levels import HARD
from syncropel.policy.guard import carries_control, namespaces_of, says_that_a_run_ended
from syncropel.record.model import Record, StoredRecord
from syncropel.record.threads import ENGINE_CONFIG, FLEET_CONTROL
from syncropel.store.base import Entry

SLACK_SECS: Final = 5.0
"""How far past a grace a record may have arrived: a grace runs on another clock than `received_at`, and from
when its freeze was on disk."""


class Stopped:
    """Checks the entries of a log, which it is given by sequence. `own_did`: of the instance whose log it is;
    empty when that is unknown.
    """

    def __init__(self, violations: Violations, intends: Intends, own_did: str) -> None:
        self._violations = violations
        self._own_did = own_did
        self._control = Control()
        self._rules = Rules()
        self._ends: dict[str, float] = {}
        """When the grace of each hard freeze ends, in unix seconds, by its record."""
        self._places = Places(intends)
        self._altered: set[str] = set()
        self.under_own_rules = 0
        """Records that an operator's own freeze rules let pass."""
        self.unsure = 0
        """Records of which nobody can say which freezes held, or which namespace they are in."""

    def close(self) -> None:
        """Remove what was noted on disk."""
        self._places.close()

    def take(self, entry: Entry, *, sound: bool, lost_ruling: bool) -> None:
        """Check the next entry. `sound`: whether the record is what its id says; `lost_ruling`: whether a
        ruling record before it is missing, or is not what its id says.
        """
        stored = entry.stored
        if entry.ruled is not None:
            if not sound or lost_ruling or stored.record.thread in self._altered:
                self.unsure += 1
            else:
                self._check(stored)
        if not sound:
            self._altered.add(stored.record.thread)
            return
        self._places.apply(stored)
        if stored.record.thread == FLEET_CONTROL:
            self._control.apply(stored)
            self._rules.apply(stored)
            self._begin_graces(stored.received_at)
        elif stored.record.thread == ENGINE_CONFIG:
            self._rules.apply(stored)

    def _check(self, stored: StoredRecord) -> None:
        record = stored.record
        if not self._control.freezes or carries_control(record):
            return
        if self._rules.freezes_changed:
            self.under_own_rules += 1
            return
        now = stored.received_at - SLACK_SECS
        self._control.graces = {freeze: end for freeze, end in self._ends.items() if now < end}
        if record.act not in STOPPED_ACTS and len(self._control.graces) == len(self._ends):
            return
        if says_that_a_run_ended(record, self._own_did):
            return
        freeze = self._refusal(record)
        if freeze is None:
            return
        where = "everywhere" if freeze.namespace == "*" else f"of {freeze.namespace!r}"
        told = f"is {_an(record.act)} under the {freeze.level} freeze {where} (record {freeze.record[:12]}…)"
        self._violations.add("freeze", stored, told, f"see what it did: spl thread show {record.thread}")

    def _refusal(self, record: Record) -> Freeze | None:
        for namespace in sorted(namespaces_of(record, self._places)):
            if (freeze := self._control.refusal(record.act, namespace)) is not None:
                return freeze
        return None

    def _begin_graces(self, at: float) -> None:
        moment = Moment(at, at, "")
        hard = {one.record: one.heard for one in self._control.freezes.values() if one.level == HARD}
        known = self._ends
        self._ends = {
            record: known[record] if record in known else at + heard.left_at(moment)
            for record, heard in hard.items()
        }


def _an(act: str) -> str:
    return f"an {act}" if act == "INTEND" else f"a {act}"
