"""Reach: every control record gets to every instance, and each says that it has taken it.

Control records are the newest word on each freeze, drain, namespace and rule of the fleet. They are pushed to
all live instances at once, and go again with the answer to each heartbeat of an instance that lacks one.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any, Final

from syncropel.engine.broadcast import Pulse
from syncropel.engine.ingest import Ingest
from syncropel.engine.peer import Peers, wire
from syncropel.engine.runtime import Runtime
from syncropel.errors import DaemonUnreachable, SyncropelError
from syncropel.folds.child import is_child_end
from syncropel.record import Record, StoredRecord, parse_record
from syncropel.threads import FLEET_CONTROL, NAMESPACE_REGISTRY

log = logging.getLogger("syncropel.engine.reach")

CONTROL_THREADS: Final = (FLEET_CONTROL, NAMESPACE_REGISTRY)
_REACHED_STATES: Final = frozenset({"joined", "draining", "stale"})

Spawn = Callable[[Coroutine[Any, Any, None], str], "asyncio.Task[None]"]


class Reach:
    """The coordinator's view of who has taken which control record."""

    def __init__(
        self,
        ingest: Ingest,
        peers: Peers,
        did: str,
        runtime: Runtime,
        changed: Pulse,
        spawn: Spawn,
    ) -> None:
        self._ingest = ingest
        self._peers = peers
        self._did = did
        self._runtime = runtime
        self._changed = changed
        self._spawn = spawn
        self._records: dict[str, Record] = {}
        self._taken: dict[str, dict[str, float]] = {}
        ingest.subscribe(self.on_records)

    async def load(self) -> None:
        """Read the control records from the log, at start."""
        for thread in CONTROL_THREADS:
            self._remember(await self._ingest.store.thread(thread))

    def _remember(self, records: Iterable[StoredRecord]) -> bool:
        """Keep those that are the newest word on something; gives whether there were any."""
        for stored in records:
            if stored.record.thread in CONTROL_THREADS:
                self._records[stored.record.id] = stored.record
        current = self._current_ids()
        fresh = current - self._taken.get(self._did, {}).keys()
        self._records = {id_: record for id_, record in self._records.items() if id_ in current}
        self._confirm(self._did, fresh)
        return bool(fresh)

    def _current_ids(self) -> set[str]:
        live = self._ingest.live
        ids = {id_ for _, id_ in live.control.latest.values()}
        ids |= {id_ for _, id_ in live.drains.latest.values()}
        ids |= {one.record for one in live.namespaces.known.values()}
        ids |= {word.record for word in live.rules.fleet.values()}
        return ids | {live.namespaces.strict_key[1]} - {""}

    def digest(self) -> str:
        """What this instance's control state is, in a word: equal digests, equal freezes."""
        return hashlib.sha256("".join(sorted(self._current_ids())).encode()).hexdigest()

    def on_records(self, records: Sequence[StoredRecord]) -> None:
        if any(stored.record.thread in CONTROL_THREADS for stored in records) and self._remember(records):
            self._changed.beat()
            self.push_all()

    def push_all(self) -> None:
        """Push to every instance that can be reached."""
        for did, instance in self._ingest.live.registry.instances.items():
            if did != self._did and instance.state in _REACHED_STATES:
                self._spawn(self._push_quietly(did), f"control to {instance.alias}")

    async def _push_quietly(self, did: str) -> None:
        try:
            await self.ensure(did)
        except SyncropelError as error:
            log.warning("control did not reach %s: %s; its next heartbeat brings it", did, error.message)

    async def ensure(self, did: str) -> None:
        """Return once this instance has every control record. Raises DaemonUnreachable when it does not take
        them now."""
        missing = self.missing(did)
        if did == self._did or not missing:
            return
        instance = self._ingest.live.registry.instances.get(did)
        if instance is None:
            raise DaemonUnreachable(f"{did} is not in the registry", "wait until it joins")
        outcomes = await self._peers.post_records(instance.endpoint, missing)
        taken = [
            record.id
            for record, outcome in zip(missing, outcomes, strict=True)
            if outcome.get("status") in ("created", "duplicate")
        ]
        self._confirm(did, taken)
        if len(taken) < len(missing):
            raise DaemonUnreachable(f"{instance.alias} refused a control record", "see that instance's log")

    def missing(self, did: str) -> list[Record]:
        """The control records that this instance has not confirmed."""
        taken = self._taken.get(did, {})
        return [record for id_, record in self._records.items() if id_ not in taken]

    def answer(self, did: str, digest: str) -> list[dict[str, Any]]:
        """What a heartbeat with this digest is answered: nothing when it has everything."""
        if digest == self.digest():
            self._confirm(did, self._records)
            return []
        # It may have lost what it once confirmed, so it gets everything and confirms anew.
        self._taken.pop(did, None)
        return [wire(record) for record in self._records.values()]

    def _confirm(self, did: str, ids: Iterable[str]) -> None:
        taken = self._taken.setdefault(did, {})
        fresh = [id_ for id_ in ids if id_ not in taken]
        if fresh:
            now = self._runtime.now()
            taken.update(dict.fromkeys(fresh, now))
            self._changed.beat()

    def confirmed_at(self, record_id: str) -> dict[str, float]:
        """When each instance confirmed this record (unix seconds), by DID."""
        return {did: taken[record_id] for did, taken in self._taken.items() if record_id in taken}


async def take_control(ingest: Ingest, records: Sequence[dict[str, Any]]) -> None:
    """Put what a heartbeat's answer brings into this log: control records, and ends of attempts."""
    taken: list[Record] = []
    for wired in records:
        try:
            record = parse_record(wired)
        except SyncropelError as error:
            # One that this version cannot read must not keep the others out: a freeze may be among them.
            log.error("the coordinator sent what is no record: %s", error.message)
            continue
        if record.thread in CONTROL_THREADS or is_child_end(record):
            taken.append(record)
    if taken:
        await ingest.append(taken, ruled=False)
