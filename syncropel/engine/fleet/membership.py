"""A worker's place in its fleet: admitted by the first heartbeat that its coordinator accepts, excluded when
it is revoked.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from syncropel.engine.ingest.door import Ingest
from syncropel.errors import SyncropelError
from syncropel.folds.fleet.credentials import REVOKED
from syncropel.peer.peers import RevokedByPeer
from syncropel.peer.runtime import Runtime
from syncropel.policy.standing import REISSUE, Standing
from syncropel.record.model import Record, StoredRecord
from syncropel.record.threads import FLEET_CONTROL
from syncropel.settings.keyring import Keyring, bearer_hash

log = logging.getLogger("syncropel.engine.membership")


class Membership:
    """Keeps a worker's standing, and records when it changes. `changed`: work may begin, or must end.

    It learns of its revocation in two ways: its coordinator tells it like any control, by its own credential;
    or it refuses a heartbeat for that reason. The worker then records that on its own log, so that it knows
    even after a restart, until a newer record of its coordinator gives it a credential.
    """

    def __init__(
        self, ingest: Ingest, keyring: Keyring, runtime: Runtime, changed: Callable[[], None]
    ) -> None:
        self._ingest = ingest
        self._keyring = keyring
        self._runtime = runtime
        self._changed = changed
        self._taken_by = ""
        self._disbelieved = ""
        self._was_revoked = False
        self._closed = False
        ingest.subscribe(self._on_records)

    @property
    def _standing(self) -> Standing:
        return self._ingest.live.standing

    def begin(self) -> None:
        """Report the standing at start, once its coordinator was asked."""
        if self._standing.revoked is None and not self._standing.heard:
            log.warning("accepts and begins no work: %s", self._standing.why)
        self._look()

    def let_in(self, coordinator: str) -> None:
        """The coordinator (a DID) accepted a heartbeat, and what it said is in force."""
        if self._closed:
            return
        self._taken_by = coordinator
        if not self._standing.heard:
            self._standing.heard = True
            log.info("heard from its coordinator since it started: accepts work")
            self._changed()

    def close(self) -> None:
        """This instance stops: no later answer lets it in again."""
        self._closed = True

    def say_goodbye(self) -> None:
        """Accept nothing more: after the last heartbeat no freeze waits for this instance."""
        self._standing.heard = False

    async def hear_revoked(self, told: RevokedByPeer) -> None:
        """A heartbeat was refused because this instance was revoked. That counts when it is about this
        instance and the answer comes from its own coordinator; without a credential to identify that, from
        the one that has accepted its heartbeats since it started.
        """
        known = self._keyring.coordinator if self._keyring.knows_coordinator else self._taken_by
        if told.instance != self._standing.did or not known or told.coordinator != known:
            if self._disbelieved != told.message:
                log.warning("ignored, since it is not from this worker's coordinator: %s", told.message)
            self._disbelieved = told.message
            return
        if self._standing.revoked is None:
            await self._note(told.instance)

    async def _note(self, did: str) -> None:
        own, at = bearer_hash(self._keyring.own()), self._runtime.now()
        body: dict[str, Any] = {"topic": REVOKED, "did": did, "sha256": own, "at": at}
        try:
            (outcome,) = await self._ingest.append([Record(FLEET_CONTROL, did, "LEARN", body)], ruled=False)
        except SyncropelError as error:
            outcome = error
        if isinstance(outcome, SyncropelError):
            # The next heartbeat tries again.
            log.error("cannot record that this worker was revoked: %s", outcome.message)

    def _on_records(self, records: Sequence[StoredRecord]) -> None:
        if any(one.record.thread == FLEET_CONTROL for one in records):
            self._look()

    def _look(self) -> None:
        revoked = self._standing.revoked is not None
        if revoked and not self._was_revoked:
            log.error("%s: ends what runs and refuses every write; %s", self._standing.why, REISSUE)
        elif self._was_revoked and not revoked:
            log.warning("has a credential again: accepts work")
        if revoked != self._was_revoked:
            self._was_revoked = revoked
            self._changed()
