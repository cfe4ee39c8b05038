"""The providers of this instance's agents: which are paused, and what is reported about them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any

from syncropel.adapters.gateway.desk import Paused
from syncropel.adapters.gateway.quota import Spent
from syncropel.engine.control.pauser import Pauser
from syncropel.engine.control.quotas import Quotas
from syncropel.engine.ingest.door import Ingest
from syncropel.folds.control.pauses import Pause
from syncropel.peer.runtime import Runtime
from syncropel.wire.fleet import QuotaSpent


class Providers:
    """On a coordinator, pauses are in its log; a worker learns them from its coordinator's answers."""

    def __init__(
        self,
        ingest: Ingest,
        did: str,
        runtime: Runtime,
        *,
        worker: bool,
        beat_soon: Callable[[], None],
        spawn: Callable[[Coroutine[Any, Any, None], str], object],
    ) -> None:
        self.pauser = Pauser(ingest, did, runtime)
        self._ingest = ingest
        self._did = did
        self._runtime = runtime
        self._worker = worker
        self._beat_soon = beat_soon
        self._spawn = spawn
        self._quotas = Quotas(runtime, self._tell)

    def hear(self, provider: str, spent: Spent, proven: bool) -> None:
        """A provider, or an agent on its behalf, reported here that its quota is spent."""
        self._quotas.hear(provider, spent, proven=proven)

    def paused(self, provider: str) -> Paused | None:
        """Whether starts on this provider are paused."""
        if self._worker:
            return self._quotas.paused(provider)
        return _paused(self._ingest.live.pauses.of(provider, self._runtime.now()), self._runtime.now())

    def spent_here(self, provider: str) -> Paused | None:
        """Whether this provider told this instance that its quota is spent; other instances may have other
        keys.
        """
        if self._worker:
            return self._quotas.paused(provider, observed_by=self._did)
        pause = self._ingest.live.pauses.of(provider, self._runtime.now())
        mine = pause is not None and pause.observed_by == self._did
        return _paused(pause, self._runtime.now()) if mine else None

    def observations(self) -> list[QuotaSpent]:
        """What this worker's next heartbeat reports."""
        return self._quotas.observations() if self._worker else []

    def answered(self, answer: Mapping[str, Any]) -> None:
        """Apply the coordinator's answer to this worker's last heartbeat."""
        told = answer.get("paused")
        self._quotas.answered(told if isinstance(told, list) else None)

    async def take(self, did: str, observed: Iterable[QuotaSpent]) -> None:
        """On a coordinator: accept what an instance has observed, under its own name."""
        for one in observed:
            await self.pauser.observe(did, one.provider, secs=one.secs, seen=one.seen)

    def told(self) -> list[dict[str, Any]]:
        """On a coordinator: the pauses in force (fields of the wire model `PauseOut`)."""
        now = self._runtime.now()
        return [pause_told(one, now) for one in self._ingest.live.pauses.active(now)]

    async def lift(self) -> None:
        """On a coordinator: record which pauses are over."""
        if not self._worker:
            await self.pauser.lift()

    def _tell(self) -> None:
        if self._worker:
            self._beat_soon()
        else:
            self._spawn(self._take_own(), "pause")

    async def _take_own(self) -> None:
        await self.take(self._did, self._quotas.observations())
        self._quotas.answered([])


def pause_told(pause: Pause, now: float) -> dict[str, Any]:
    """A pause in the form of an answer."""
    return {
        "provider": pause.provider,
        "until": pause.until,
        "secs": pause.left(now),
        "reason": pause.reason,
        "observed_by": pause.observed_by,
        "actor": pause.actor,
        "at": pause.at,
        "record": pause.record,
        "told": pause.told(now),
    }


def _paused(pause: Pause | None, now: float) -> Paused | None:
    if pause is None:
        return None
    return Paused(pause.left(now), pause.told(now))
