"""Heartbeats that the coordinator refused: signs of life of instances that it cannot reach."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Final

from syncropel.folds.fleet.registry import Registry
from syncropel.peer.runtime import Runtime

log = logging.getLogger("syncropel.engine.refused_beats")

_MOST_CHARS: Final = 300


@dataclass(slots=True)
class _Sign:
    why: str
    at: float
    """On the monotonic clock."""
    holds: bool = True


class RefusedHeartbeats:
    """Whose heartbeats are refused, and why.

    Anybody may send such heartbeats. So they can only add to the instances that have to confirm, never remove
    one, and nothing is kept about DIDs that never joined.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._signs: dict[str, _Sign] = {}

    def note(self, did: str, why: str, registry: Registry, series_secs: float) -> bool:
        """Note a refused heartbeat; return whether that is news. The log mentions a series once; it ends
        after `series_secs` without a refusal.
        """
        instance = registry.instances.get(did)
        if instance is None:
            return False
        why, now = why[:_MOST_CHARS], self._runtime.monotonic()
        before = self._signs.get(did)
        self._signs[did] = _Sign(why, now)
        if before is None or now - before.at > series_secs:
            log.warning(
                "%s runs, but its heartbeats are refused: %s", instance.alias, why, extra={"actor": did}
            )
        return before is None or not before.holds

    def forget(self, did: str) -> None:
        """A heartbeat of it was accepted, or an operator says that it is gone."""
        if (sign := self._signs.get(did)) is not None:
            sign.holds = False

    def why(self, did: str) -> str:
        """Why its latest heartbeat was refused; empty when it was accepted, and when there was none."""
        sign = self._signs.get(did)
        return sign.why if sign is not None and sign.holds else ""

    def silence(self, did: str) -> float:
        """Seconds since its latest refused heartbeat; infinite without one."""
        sign = self._signs.get(did)
        return self._runtime.monotonic() - sign.at if sign is not None else float("inf")
