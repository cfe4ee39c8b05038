"""What a vanished instance had begun, as far as its coordinator knows or must assume."""

from __future__ import annotations

from collections.abc import Iterable

from syncropel.engine.fleet.leases import Leases
from syncropel.folds.fanout.starts import VANISHED, Start, lost
from syncropel.folds.fanout.state import FanOut, Spawn


class LostStarts:
    """Starts of a fan-out's attempts on instances that are gone and did not leave in order.

    What an instance could not report is assumed: that it had begun its earliest assignments, as many as it
    had slots at its last heartbeat.
    """

    def __init__(self, fanout: FanOut, leases: Leases, vanished: Iterable[str]) -> None:
        self._leases = leases
        self._fanout = fanout
        self._vanished = frozenset(vanished)
        self._of: dict[str, dict[str, tuple[Start, ...]]] = {}

    def of(self, spawn: Spawn) -> tuple[Start, ...]:
        """The starts of an attempt there, all of which failed to produce a result."""
        if spawn.instance not in self._vanished:
            return ()
        if spawn.instance not in self._of:
            self._of[spawn.instance] = self._on(spawn.instance)
        return self._of[spawn.instance].get(spawn.child_intend, ())

    def _on(self, did: str) -> dict[str, tuple[Start, ...]]:
        told, free = self._leases.starts(did), self._leases.free_slots(did)
        found = {intend: lost(starts, VANISHED) for intend, starts in told.items()}
        untold = [
            one
            for one in self._fanout.unreported.values()
            if one.instance == did and one.child_intend not in found
        ]
        untold.sort(key=lambda one: one.key)
        for one in untold[:free]:
            found[one.child_intend] = (Start(one.at, did, 0, VANISHED),)
        return found
