"""Pausing providers, at the coordinator: by hand, by what an instance observed, and lifted at its time."""

from __future__ import annotations

import logging
from typing import Any, Final

from syncropel.engine.ingest.door import Ingest
from syncropel.errors import BadRequest, NotFound, SyncropelError
from syncropel.folds.control.pauses import PAUSE
from syncropel.peer.runtime import Runtime
from syncropel.record.model import Record, StoredRecord
from syncropel.record.threads import FLEET_CONTROL

log = logging.getLogger("syncropel.engine.pauses")

MOST_BY_HAND_SECS: Final = 30 * 86_400.0
MOST_OBSERVED_SECS: Final = 24 * 3600.0
"""How long an observation may pause a provider. After that one start finds out whether it still is so."""
MOST_PROVIDERS: Final = 32
"""Providers that observations may have paused at a time: an instance may make up names."""
_LONGER_SECS: Final = 60.0
"""An observation that makes a pause longer by less than this is not worth a record."""
SPENT: Final = "quota is spent"


class Pauser:
    """Two verbs, pause and resume; never a toggle."""

    def __init__(self, ingest: Ingest, did: str, runtime: Runtime) -> None:
        self._ingest = ingest
        self._did = did
        self._runtime = runtime

    async def pause(self, provider: str, *, secs: float, reason: str, actor: str) -> StoredRecord:
        """Pause a provider for so long from now, in place of the pause that is in force."""
        if not 0 < secs <= MOST_BY_HAND_SECS:
            raise BadRequest(
                f"a pause lasts between 0 and {MOST_BY_HAND_SECS:.0f} seconds, not {secs:g}",
                "for example --for 3600",
            )
        return await self._start(actor, provider, secs, reason.strip() or "paused by hand", {})

    async def resume(self, provider: str, *, actor: str) -> StoredRecord:
        """Lift the pause of a provider. Raises NotFound without one."""
        now = self._runtime.now()
        if self._ingest.live.pauses.of(provider, now) is None:
            known = ", ".join(one.provider for one in self._ingest.live.pauses.active(now)) or "none"
            raise NotFound(f"provider {provider!r} is not paused", f"paused now: {known}")
        return await self._write(actor, {"provider": provider, "state": "stop", "at": now})

    async def observe(self, did: str, provider: str, *, secs: float, seen: float) -> None:
        """A provider told an instance that its quota is spent, `secs` from now on; `seen`: when, by the clock
        of the instance. What was taken already, and what changes little, changes nothing."""
        pauses, now = self._ingest.live.pauses, self._runtime.now()
        if pauses.heard.get((provider, did), 0.0) >= seen:
            return
        secs = min(secs, MOST_OBSERVED_SECS)
        present = pauses.of(provider, now)
        if present is None and len(pauses.active(now)) >= MOST_PROVIDERS:
            log.error("cannot pause provider %r: %d are paused already", provider, MOST_PROVIDERS)
            return
        if present is not None and now + secs < present.until + _LONGER_SECS:
            return
        about = {"observed_by": did, "seen": seen}
        try:
            await self._start(self._did, provider, secs, SPENT, about)
        except SyncropelError as error:
            log.error("cannot pause provider %r: %s", provider, error.message)

    async def lift(self) -> None:
        """Write down that pauses are over whose time has come."""
        now = self._runtime.now()
        for one in [one for one in self._ingest.live.pauses.pauses.values() if one.left(now) <= 0]:
            about = {"provider": one.provider, "state": "stop", "reason": "its time is over", "at": now}
            await self._write(self._did, about)

    async def _start(
        self, actor: str, provider: str, secs: float, reason: str, about: dict[str, Any]
    ) -> StoredRecord:
        now = self._runtime.now()
        log.warning("provider %s is paused for %.0f s: %s", provider, secs, reason)
        body = {"provider": provider, "state": "start", "until": now + secs, "reason": reason, "at": now}
        return await self._write(actor, {**body, **about})

    async def _write(self, actor: str, body: dict[str, Any]) -> StoredRecord:
        record = Record(FLEET_CONTROL, actor, "LEARN", {"topic": PAUSE, **body})
        return (await self._ingest.append_one(record)).stored
