"""A worker whose `coordinator_url` was changed by hand: how it comes to accept its new coordinator."""

from __future__ import annotations

import logging

from syncropel.record.model import is_record_id
from syncropel.record.threads import INSTANCE_DID_PREFIX
from syncropel.settings.keyring import Keyring

log = logging.getLogger("syncropel.engine.repointing")


class Repointing:
    """Lets a worker accept work and control from the coordinator that its config names now.

    A worker accepts only the secret of the coordinator that it was introduced to. Whoever changes its
    `coordinator_url` says that this is another one: the answers from there are believed anyway, so the
    worker also takes from them how that coordinator identifies itself. At an unchanged address nobody can
    take the place of the coordinator in this way.

    `linked`: whether this worker connects to its coordinator only, and so needs to know who that is. Without
    anybody that it was introduced to, it believes the address in its config.
    """

    def __init__(self, keyring: Keyring, coordinator_url: str, *, linked: bool = False) -> None:
        self._keyring = keyring
        self._url = coordinator_url
        self._linked = linked

    @property
    def asks(self) -> bool:
        """Whether this worker was introduced to a coordinator at another address than it reports to, or is
        linked and was introduced to none.
        """
        if self._linked and self._url and not self._keyring.knows_coordinator:
            return True
        known = self._keyring.coordinator_url
        return bool(self._url and known) and known != self._url

    def heard(self, coordinator: str, sha256: str) -> None:
        """The coordinator (a DID) accepted a heartbeat. `sha256`: of the secret that it presents here; empty
        when it did not say.
        """
        if not self._url:
            return
        keyring = self._keyring
        try:
            if coordinator and coordinator == keyring.coordinator:
                if (
                    keyring.coordinator_url != self._url
                ):  # it has moved, or was introduced by an older version
                    keyring.trust_at(self._url)
            elif self.asks and coordinator.startswith(INSTANCE_DID_PREFIX) and is_record_id(sha256):
                before = keyring.coordinator
                keyring.trust(coordinator, sha256, self._url)
                if before:
                    log.warning("reports to another coordinator, %s instead of %s", coordinator, before)
                else:
                    log.info("reports to the coordinator %s", coordinator)
        except OSError as error:  # the next answer tries again
            log.error("cannot note who the coordinator is: %s", error.strerror or error)
