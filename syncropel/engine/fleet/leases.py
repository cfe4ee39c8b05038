"""Heartbeats on the coordinator: the latest of each instance, and a record when a state changes."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any, Final

from syncropel.engine.fleet.refused_heartbeats import RefusedHeartbeats
from syncropel.engine.ingest.broadcast import ChangeSignal
from syncropel.engine.ingest.door import Ingest
from syncropel.folds.fanout.starts import Start, read_starts
from syncropel.folds.fleet.registry import (
    INSTANCE_REFUSED,
    INSTANCE_STATE,
    STALE_INTERVALS,
    STATUS_OF_STATE,
    Instance,
    Registry,
    lease_state,
)
from syncropel.folds.fleet.routing import Candidate
from syncropel.peer.runtime import Runtime
from syncropel.record.model import Record
from syncropel.record.threads import INSTANCE_REGISTRY
from syncropel.wire.fleet import Heartbeat, RunningSpend

log = logging.getLogger("syncropel.engine.leases")

_GONE: Final = frozenset({"left"})
_NOT_WAITED_FOR: Final = frozenset({"left", "archived"})
"""States in which only a refused heartbeat shows that an instance is running."""
_LATE_SECS: Final = 2.0
"""How much later than an interval the next check of a running process may come."""

_RESTLESS: Final[dict[str, Any]] = {
    "uptime_secs": None,
    "store_bytes": None,
    "memory_bytes": None,
    "memory_growth_bytes": None,
    "clock_ahead_secs": None,
    "round_trip_secs": None,
    "control_grace": {},
}


class Leases:
    """Who was heard from, and when. Heartbeats are kept in memory; only a change of state becomes
    a record."""

    def __init__(
        self, ingest: Ingest, did: str, interval_secs: float, runtime: Runtime, changed: ChangeSignal
    ) -> None:
        self._ingest = ingest
        self._did = did
        self._interval = interval_secs
        self._runtime = runtime
        self._changed = changed
        self._beats: dict[str, Heartbeat] = {}
        self._verified: set[str] = set()
        """Those whose latest heartbeat came with their own credential."""
        self._heard: dict[str, float] = {}
        self._heard_at: dict[str, float] = {}
        self._ran: dict[str, dict[str, float]] = {}
        self._refused = RefusedHeartbeats(runtime)
        self._started = self._looked = runtime.monotonic()
        ingest.enforcing = self.enforcing

    @property
    def _registry(self) -> Registry:
        return self._ingest.live.registry

    async def beat(self, beat: Heartbeat, *, verified: bool = False) -> str:
        """Accept a heartbeat; return the resulting status. `verified`: it came with the instance's own
        credential.
        """
        did = beat.did
        before, was_verified = self._beats.get(did), did in self._verified
        self._beats[did] = beat
        (self._verified.add if verified else self._verified.discard)(did)
        self._heard[did] = self._runtime.monotonic()
        self._heard_at[did] = self._runtime.now()
        self._note_running(did, beat)
        await self._forget_refusal(did)
        state = "left" if beat.leaving else "draining" if beat.is_stopping else "joined"
        known = self._registry.instances.get(did)
        moved = known is not None and (known.endpoint, known.alias, known.version) != (
            beat.endpoint,
            beat.alias,
            beat.version,
        )
        if known is None or known.state != state or moved:
            await self._record(beat, state, beat.health)
        if before is None or was_verified != verified or _visible(before) != _visible(beat):
            self._changed.beat()
        return self.status(self._registry.instances[did])

    async def refused(self, did: str, why: str) -> bool:
        """Note a refused heartbeat under this name; return whether that is news. It renews nothing and only
        proves that somebody may be running there who does not learn of freezes. Raises StoreError.
        """
        is_news = did != self._did and self._refused.note(did, why, self._registry, self._archived_secs)
        if is_news:
            self._changed.beat()
            await self._keep_refusal(did)
        return is_news

    async def _keep_refusal(self, did: str) -> None:
        """Record in the log a refusal that is the only sign that an instance is running, so that a restart of
        this daemon does not forget it. Nothing is written about an instance that has to confirm anyway:
        anybody can send such heartbeats.
        """
        known, why = self._registry.instances.get(did), self._refused.why(did)
        if why and known is not None and known.state in _NOT_WAITED_FOR and did not in self._registry.refused:
            await self._record_refusal(did, why)

    async def _forget_refusal(self, did: str) -> None:
        self._refused.forget(did)
        if did in self._registry.refused:
            await self._record_refusal(did, "")

    async def _record_refusal(self, did: str, why: str) -> None:
        body: dict[str, Any] = {"topic": INSTANCE_REFUSED, "did": did, "at": self._runtime.now()}
        body |= {"why": why} if why else {}
        await self._ingest.append_one(Record(INSTANCE_REGISTRY, self._did, "KNOW", body))

    def why_refused(self, did: str) -> str:
        """Why the latest heartbeat of this instance was refused; empty when it was not.

        Silence does not prove that it has stopped. Only about a revoked instance has an operator said that it
        is gone: that counts once it is silent for as long as an archived one.
        """
        why = self._refused.why(did) or self._registry.refused.get(did, "")
        if why and self._ingest.live.credentials.is_revoked(did):
            # About one known only from the log, this daemon has heard nothing since it started.
            silent = min(self._refused.silence(did), self._runtime.monotonic() - self._started)
            return "" if silent > self._archived_secs else why
        return why

    @property
    def _archived_secs(self) -> float:
        return self._interval * STALE_INTERVALS

    async def end(self, did: str) -> None:
        """End a lease now: this instance no longer belongs to the fleet."""
        await self._forget_refusal(did)
        self._beats.pop(did, None)
        known = self._registry.instances.get(did)
        if known is not None and known.state != "archived":
            await self._record(known, "archived")
        self._changed.beat()

    def verified(self, did: str) -> bool:
        """Whether this instance's reports are proven to be its own: its latest heartbeat came with its own
        credential. Before its first heartbeat to this daemon they are, if it has one: then no other heartbeat
        is accepted.
        """
        beat = self._beats.get(did)
        if did == self._did or beat is not None:
            return did == self._did or did in self._verified
        return self._ingest.live.credentials.is_valid(did)

    async def sweep(self) -> None:
        """Record every instance whose silence has led to another state. Call this every second."""
        self._forgive()
        for did, instance in list(self._registry.instances.items()):
            if did == self._did or instance.state in _GONE:
                continue
            state = lease_state(self.silence(did), self._interval)
            # Silence only grows: an archived instance does not become stale because this daemon just started
            # listening.
            if state in ("joined", instance.state) or instance.state == "archived":
                continue
            await self._record(instance, state)
            await self._keep_refusal(did)

    def _forgive(self) -> None:
        """Leave out the time in which this process itself was stopped: it could not hear anybody then."""
        now = self._runtime.monotonic()
        missed, self._looked = now - self._looked, now
        if missed > self._interval + _LATE_SECS:
            self._started += missed
            self._heard = {did: min(now, heard + missed) for did, heard in self._heard.items()}

    async def _record(self, one: Heartbeat | Instance, state: str, health: str = "") -> None:
        body: dict[str, Any] = {
            "topic": INSTANCE_STATE,
            "did": one.did,
            "alias": one.alias,
            "role": one.role,
            "endpoint": one.endpoint,
            "version": one.version,
            "state": state,
            "at": self._runtime.now(),
        }
        body |= {"health": health} if health else {}
        await self._ingest.append_one(Record(INSTANCE_REGISTRY, self._did, "KNOW", body))
        log.info("instance %s (%s) is %s", one.alias, one.did, state, extra={"actor": one.did})
        self._changed.beat()

    def silence(self, did: str) -> float:
        """Seconds since this instance was heard from; since this daemon started, if it never was."""
        return self._runtime.monotonic() - self._heard.get(did, self._started)

    def last_beat(self, did: str) -> tuple[Heartbeat, float] | None:
        """The latest beat and when it came (unix seconds)."""
        beat = self._beats.get(did)
        return (beat, self._heard_at[did]) if beat is not None else None

    def status(self, instance: Instance) -> str:
        """The current status: its lease's, or `draining` while a drain empties a live one."""
        status = "live" if instance.did == self._did else STATUS_OF_STATE[instance.state]
        if status == "live" and self._ingest.live.drains.covering(instance.did):
            return "draining"
        return status

    def is_gone(self, instance: Instance) -> bool:
        """Whether nothing can be expected of it: archived, or it has left and not come back for as long."""
        if instance.state == "left":
            return lease_state(self.silence(instance.did), self._interval) == "archived"
        return instance.state == "archived"

    def may_run(self, instance: Instance, since: float) -> bool:
        """Whether it has to confirm what was issued at `since` (unix seconds).

        Silence does not prove that an instance has stopped: stale ones have to confirm, and those archived
        afterwards. So does one whose heartbeats are refused: it is running, whatever was recorded before.
        """
        if self.why_refused(instance.did):
            return True
        if self._ingest.live.credentials.is_revoked(instance.did):
            return False  # it can no longer confirm anything, and its work is moved
        status = self.status(instance)
        return instance.at >= since if status == "archived" else status != "left"

    def spending(self) -> dict[str, float]:
        """The spend of running goals by the latest heartbeats: US dollars by the id of the child INTEND."""
        return {one.child_intend: one.cost_usd for one in self.spends()}

    def spends(self) -> list[RunningSpend]:
        """The running goals of the latest heartbeats."""
        return [one for beat in self._beats.values() for one in beat.spend]

    def began(self) -> dict[str, float]:
        """When running goals began, by the latest heartbeats: unix seconds by the id of the child INTEND."""
        return _begun(self.spends())

    def _note_running(self, did: str, beat: Heartbeat) -> None:
        running = _begun(beat.spend)
        # A stopping instance ends its work, and then no longer reports it.
        self._ran[did] = {**self._ran.get(did, {}), **running} if beat.is_stopping else running

    def ran(self, did: str) -> dict[str, float]:
        """When goals began on this instance, by its last heartbeat: unix seconds by the id of the child
        INTEND.
        """
        return self._ran.get(did, {})

    def lost_at(self, instance: Instance) -> float | None:
        """When an instance that has left or is archived was last known to work: unix seconds, 0 when that is
        unknown; None for any other.
        """
        status = self.status(instance)
        if status not in ("left", "archived"):
            return None
        heard = self._heard_at.get(instance.did)
        if status == "left" and instance.at:
            return instance.at
        return min((at for at in (heard, instance.at) if at), default=0.0)

    def slots(self) -> dict[str, int]:
        """How many goals instances run at once, by DID, as far as they have reported."""
        return {did: one.max_concurrent for did, one in self._beats.items() if one.max_concurrent}

    def starts(self, did: str) -> dict[str, tuple[Start, ...]]:
        """How often work there was started, by the id of the child INTEND, according to its
        latest heartbeat."""
        beat = self._beats.get(did)
        spend = beat.spend if beat is not None else []
        told = {one.child_intend: read_starts([start.model_dump() for start in one.starts]) for one in spend}
        return {intend: starts for intend, starts in told.items() if starts}

    def free_slots(self, did: str) -> int | None:
        """How many more goals it could have begun at its latest heartbeat; None when it was never
        heard from."""
        beat = self._beats.get(did)
        return None if beat is None else max(0, beat.max_concurrent - beat.active_dispatches)

    def enforcing(self) -> list[str]:
        """The DIDs of those whose latest report says that they enforce permissions, and that have
        not left."""
        instances = self._registry.instances
        return [
            did
            for did, beat in self._beats.items()
            if beat.permissions and not (did in instances and self.is_gone(instances[did]))
        ]

    def heard_at(self) -> dict[str, float]:
        """When each instance was last heard from, unix seconds by DID."""
        return dict(self._heard_at)

    def held(self, digest: str) -> frozenset[str]:
        """Child INTENDs that draining instances say they will not begin. Only heartbeats under exactly this
        control state count: under another one an instance may have begun them since.
        """
        beats = [beat for beat in self._beats.values() if beat.control == digest]
        return frozenset(intend for beat in beats for intend in beat.held)

    def candidates(self) -> list[Candidate]:
        return [
            Candidate(one.did, one.alias, one.role, self.status(one), usable(self._beats.get(one.did)))
            for one in self._registry.instances.values()
        ]

    def models(self, did: str, adapter: str) -> frozenset[str]:
        """The models that this instance allows for an adapter, by its latest heartbeat."""
        beat = self._beats.get(did)
        told = (beat.adapters if beat is not None else None) or []
        return frozenset(model for one in told if one.name == adapter for model in one.models)

    def provider(self, did: str, adapter: str) -> str:
        """Whose quota an adapter uses there, by its latest heartbeat; empty when that is not known."""
        beat = self._beats.get(did)
        told = (beat.adapters if beat is not None else None) or []
        name = adapter or (beat.adapter if beat is not None else "")
        return next((one.provider for one in told if one.name == name), "")


def _visible(beat: Heartbeat) -> tuple[Heartbeat, float | None]:
    # Values that grow with every heartbeat are not a change that screens must hear of at once.
    ahead = beat.clock_ahead_secs
    return beat.model_copy(update=_RESTLESS), ahead if ahead is None else round(ahead)


def _begun(spends: Iterable[RunningSpend]) -> dict[str, float]:
    return {one.child_intend: one.began_at for one in spends if one.began_at is not None}


def usable(beat: Heartbeat | None) -> frozenset[str] | None:
    """The adapters that a heartbeat reports as usable; None when it reports none."""
    told = beat.adapters if beat is not None else None
    return None if told is None else frozenset(one.name for one in told if one.usable)
