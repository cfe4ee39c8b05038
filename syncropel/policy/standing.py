"""An instance's standing in its fleet, which decides whether it may work at all.

These are stops that no freeze lifts. A revoked worker refuses every write and runs nothing. A worker that has
not heard from its coordinator since it started begins nothing: a freeze does not wait for workers that left
in order, so it may have missed one. A coordinator in whose place another leads is fenced: it begins nothing,
decides nothing, and writes only what becomes of what it runs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from syncropel.errors import CoordinatorNotHeard, InstanceRevoked, NamespaceFrozen, SyncropelError
from syncropel.folds.control.freezes import STOPPED_ACTS
from syncropel.folds.fanout.state import CHILD_DONE
from syncropel.folds.fleet.credentials import Credential, Credentials
from syncropel.folds.fleet.leadership import Claim, Leadership
from syncropel.policy.authority import Writer
from syncropel.policy.leading import NotLeader, fenced_words
from syncropel.record.model import Record
from syncropel.record.threads import RESERVED

REISSUE: Final = "give it a new credential at its coordinator: spl fleet start --workers N --reissue NAME"
_WAIT: Final = "see why: spl status; what its coordinator sends is taken, and begins once it is heard"

_OF_RUNS: Final = frozenset({CHILD_DONE})
"""What a fenced coordinator still writes of its own runs, although it changes something."""
_ACCEPT: Final = "restore a backup: spl backup list; or take the record as it is: spl store accept-altered ID"


@dataclass(slots=True)
class Standing:
    """`did`: this worker's; empty on a coordinator. `heard`: whether its coordinator has accepted a heartbeat
    since the worker started, and told it what is in force.

    `leads_as`: a coordinator's DID; empty on a worker. `coordinator`: the DID of the one that a worker was
    introduced to.
    """

    did: str = ""
    credentials: Credentials = field(default_factory=Credentials)
    heard: bool = False
    altered: str = ""
    """Which record that rules over others is not what its id says; empty when all are."""
    leads_as: str = ""
    leadership: Leadership = field(default_factory=Leadership)
    coordinator: str = ""

    @property
    def fenced(self) -> Claim | None:
        """The claim of the instance that leads in this coordinator's place; None when none does."""
        leader = self.leadership.leader if self.leads_as else None
        return leader if leader is not None and leader.did != self.leads_as else None

    @property
    def revoked(self) -> Credential | None:
        """The record that revoked this instance, while it is the newest about it."""
        known = self.credentials.known.get(self.did) if self.did else None
        return known if known is not None and known.revoked else None

    @property
    def may_begin(self) -> bool:
        """Whether goals may begin here."""
        if self.altered or self.fenced is not None:
            return False
        return not self.did or (self.heard and self.revoked is None)

    @property
    def why(self) -> str:
        """Why this instance accepts no work, in words; empty when it does."""
        if self.altered:
            return f"emergency stop: {self.altered}"
        if (revoked := self.revoked) is not None:
            return f"its coordinator revoked it{f' ({revoked.reason})' if revoked.reason else ''}"
        if (leader := self.fenced) is not None:
            return fenced_words(leader)
        return "" if self.may_begin else "it has not heard from its coordinator since it started"

    def refusal(self, record: Record, writer: Writer) -> SyncropelError | None:
        """Why this record is refused regardless of freezes, or None."""
        if self.may_begin:
            return None
        begins = record.act in STOPPED_ACTS
        if (leader := self.fenced) is not None:
            own_result = writer.author == "engine" and (not begins or record.topic in _OF_RUNS)
            return None if own_result or record.thread in RESERVED else NotLeader(leader, record.act)
        if self.revoked is not None and (begins or record.thread not in RESERVED):
            return InstanceRevoked(f"{self.why}: {record.act} is refused", REISSUE)
        if begins and self.altered:
            return NamespaceFrozen(f"{self.why}: {record.act} is refused", _ACCEPT)
        if begins and writer.author != "coordinator":
            return CoordinatorNotHeard(f"{self.why}: {record.act} is refused", _WAIT)
        return None
