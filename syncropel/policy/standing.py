"""A worker's standing with its coordinator, which decides whether it may work at all.

These are two stops that no freeze lifts. A revoked worker refuses every write and runs nothing. A worker that
has not heard from its coordinator since it started begins nothing: a freeze does not wait for workers that
left in order, so it may have missed one. A coordinator stands alone, and neither applies to it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from syncropel.errors import CoordinatorNotHeard, InstanceRevoked, NamespaceFrozen, SyncropelError
from syncropel.folds.control.freezes import STOPPED_ACTS
from syncropel.folds.fleet.credentials import Credential, Credentials
from syncropel.policy.authority import Writer
from syncropel.record.model import Record
from syncropel.record.threads import RESERVED

REISSUE: Final = "give it a new credential at its coordinator: spl fleet start --workers N --reissue NAME"
_WAIT: Final = "see why: spl status; what its coordinator sends is taken, and begins once it is heard"

_ACCEPT: Final = "restore a backup: spl backup list; or take the record as it is: spl store accept-altered ID"


@dataclass(slots=True)
class Standing:
    """`did`: this worker's; empty on a coordinator. `heard`: whether its coordinator has accepted a heartbeat
    since the worker started, and told it what is in force.
    """

    did: str = ""
    credentials: Credentials = field(default_factory=Credentials)
    heard: bool = False
    altered: str = ""
    """Which record that rules over others is not what its id says; empty when all are."""

    @property
    def revoked(self) -> Credential | None:
        """The record that revoked this instance, while it is the newest about it."""
        known = self.credentials.known.get(self.did) if self.did else None
        return known if known is not None and known.revoked else None

    @property
    def may_begin(self) -> bool:
        """Whether goals may begin here."""
        return not self.altered and (not self.did or (self.heard and self.revoked is None))

    @property
    def why(self) -> str:
        """Why this instance accepts no work, in words; empty when it does."""
        if self.altered:
            return f"emergency stop: {self.altered}"
        if (revoked := self.revoked) is not None:
            return f"its coordinator revoked it{f' ({revoked.reason})' if revoked.reason else ''}"
        return "" if self.may_begin else "it has not heard from its coordinator since it started"

    def refusal(self, record: Record, writer: Writer) -> SyncropelError | None:
        """Why this record is refused regardless of freezes, or None."""
        if self.may_begin:
            return None
        begins = record.act in STOPPED_ACTS
        if self.revoked is not None and (begins or record.thread not in RESERVED):
            return InstanceRevoked(f"{self.why}: {record.act} is refused", REISSUE)
        if begins and self.altered:
            return NamespaceFrozen(f"{self.why}: {record.act} is refused", _ACCEPT)
        if begins and writer.author != "coordinator":
            return CoordinatorNotHeard(f"{self.why}: {record.act} is refused", _WAIT)
        return None
