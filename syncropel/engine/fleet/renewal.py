"""A worker's own credential, renewed with its heartbeats when the coordinator says so."""

from __future__ import annotations

import logging
from collections.abc import Callable

from syncropel.settings.keyring import Keyring, bearer_hash

log = logging.getLogger("syncropel.engine.renewal")


class Renewal:
    """Makes the next secret, proposes its hash with each heartbeat until the coordinator has accepted it, and
    then presents it. Each step is on disk before the next, so that it goes on after a crash, and a lost
    answer costs nothing: the coordinator accepts the former secret until it has seen the new one.
    """

    def __init__(self, keyring: Keyring, did: str, beat_soon: Callable[[], None]) -> None:
        self._keyring = keyring
        self._did = did
        self._beat_soon = beat_soon

    @property
    def proposed(self) -> str:
        """The hash of the secret that is to replace this instance's own; empty when none is."""
        return bearer_hash(self._keyring.following())

    def answered(self, renew: bool, renewed: str) -> None:
        """Take what the coordinator answered to a heartbeat."""
        try:
            if self._keyring.take_following(renewed):
                log.info("has a new credential")
                self._beat_soon()  # with it, so that the former one ends
            elif renew and self._keyring.own() and not self._keyring.following():
                self._keyring.make_following(self._did)
                self._beat_soon()
        except OSError as error:  # the next answer tries again
            log.error("cannot renew this instance's credential: %s", error.strerror or error)
