"""Propagates the control state to every instance, and knows which of them enforce it.

Changes are pushed to all live instances at once, and accompany the answer to each heartbeat of an instance
that enforces something else. An instance answers with the digest of what it enforces; it has confirmed what
was in force here when this coordinator had that digest, and nothing else.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from syncropel.engine.ingest.broadcast import ChangeSignal
from syncropel.engine.ingest.door import Ingest
from syncropel.errors import DaemonUnreachable, SyncropelError
from syncropel.folds.base.provenance import original_author
from syncropel.folds.control.effect import CONTROL_THREADS, Slot, digest, effects, words
from syncropel.folds.fanout.state import number
from syncropel.folds.fleet.registry import Instance
from syncropel.peer.peers import OlderPeer, Peers, wire
from syncropel.peer.runtime import Runtime
from syncropel.record.model import Record, StoredRecord
from syncropel.record.threads import ENGINE_CONFIG

log = logging.getLogger("syncropel.engine.propagation")

_REACHED_STATES: Final = frozenset({"joined", "draining", "stale"})
_STATES_KEPT: Final = 256
"""Previous control states that are known by their digests: an instance that is a little behind is told what
has changed since, and not everything.
"""
_TRIES: Final = 4
_GRACE_LATE_SECS: Final = 0.5
"""How much longer an instance's grace may be than ours: messages take time."""

Spawn = Callable[[Coroutine[Any, Any, None], str], "asyncio.Task[None]"]


@dataclass(slots=True)
class _Peer:
    """What is known of an instance. `revision`: which of our states it enforces; 0: another, or unknown.

    `version`: what its next message has to build on; empty while its log has no control record, None while it
    is not known. `times`: when it confirmed each record (unix seconds).
    """

    version: str | None = None
    revision: int = 0
    times: dict[str, float] = field(default_factory=dict)
    hard: dict[str, float] = field(default_factory=dict)
    """By the record of a hard freeze, the latest time until which it still accepts some writes, on our boot
    clock.
    """
    late: frozenset[str] = frozenset()
    """Freezes whose grace is longer there than here: the instance is told the remainder again."""
    one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)
    older: bool = False
    """Whether it only reports having the records: its version does not know digests of what is in force."""
    problem: str = ""
    """Why the latest push did not reach it."""
    waits: bool = False
    """Whether a push waits for the previous one: a third is not needed."""


class ControlPropagation:
    """The coordinator's view of who enforces what."""

    def __init__(
        self, ingest: Ingest, peers: Peers, did: str, runtime: Runtime, changed: ChangeSignal, spawn: Spawn
    ) -> None:
        self._ingest = ingest
        self.runs_on: Callable[[str], object] = lambda did: False
        """Whether an instance (a DID) is running although it left or was archived."""
        self._peers = peers
        self._did = did
        self._runtime = runtime
        self._changed = changed
        self._spawn = spawn
        self._words: dict[Slot, Record] = {}
        self._since: dict[Slot, int] = {}
        self._revision = 1
        self._states: dict[str, int] = {}
        self._known: dict[str, _Peer] = {}
        self.confirmed: Callable[[str, Iterable[str]], None] = lambda did, records: None
        """Called when an instance (a DID) enforces control records (ids) that it did not enforce before."""
        ingest.subscribe(self.on_records)

    async def load(self) -> None:
        """Read the control records from the log, at start."""
        found = [one for thread in CONTROL_THREADS for one in await self._ingest.store.thread(thread)]
        self._remember(found)

    def _remember(self, records: Iterable[StoredRecord]) -> bool:
        """Store the state that these led to; return whether there is a new record about anything."""
        newest = words(self._ingest.live)
        by_id = {one.record.id: one.record for one in records}
        fresh = {slot: by_id[id_] for slot, id_ in newest.items() if id_ in by_id}
        now = self.digest()
        if not fresh and self._states.get(now) == self._revision:
            return False
        self._revision += 1
        self._words |= fresh
        self._since |= dict.fromkeys(fresh, self._revision)
        self._states.pop(now, None)
        self._states[now] = self._revision
        if len(self._states) > _STATES_KEPT:
            del self._states[next(iter(self._states))]
        self._heard(self._did, now, None, self._lefts())
        return bool(fresh)

    def digest(self) -> str:
        """The digest of what is in force at this instance."""
        return digest(self._ingest.live)

    def on_records(self, records: Sequence[StoredRecord]) -> None:
        if not any(one.record.thread in (*CONTROL_THREADS, ENGINE_CONFIG) for one in records):
            return
        if self._remember(records):
            self.push_all()

    def push_all(self) -> None:
        """Push to every instance that may be running."""
        for did, instance in self._ingest.live.registry.instances.items():
            if instance.state in _REACHED_STATES or self.runs_on(did):
                self.push(did)

    def push(self, did: str, *, anew: bool = False) -> None:
        """Push to one instance what it does not enforce yet, whether or not its heartbeats are accepted.
        `anew`: it may enforce something else by now than it last reported.
        """
        instance = self._ingest.live.registry.instances.get(did)
        if did == self._did or instance is None or self._ingest.live.standing.fenced is not None:
            return
        peer = self._peer(did)
        if anew:
            peer.version, peer.revision = None, -1
        if not (peer.waits or self._follows(peer)):
            peer.waits = True
            self._spawn(self._push(did), f"control to {instance.alias}")

    async def _push(self, did: str) -> None:
        peer = self._peer(did)
        try:
            await self.ensure(did)
        except SyncropelError as error:
            if peer.problem != error.message:
                log.warning("control did not reach %s: %s; trying again when it is heard", did, error.message)
            peer.problem = error.message
        else:
            peer.problem = ""

    async def ensure(self, did: str) -> None:
        """Return once this instance enforces what is in force here. Raises DaemonUnreachable when it does not
        confirm that now.
        """
        peer = self._peer(did)
        if self._follows(peer):
            peer.waits = False
            return
        async with peer.one_at_a_time:
            peer.waits = False
            for _ in range(_TRIES):
                if self._follows(peer):
                    return
                instance = self._ingest.live.registry.instances.get(did)
                if instance is None:
                    raise DaemonUnreachable(f"{did} is not in the registry", "wait until it joins")
                await self._tell(instance, peer)
        if not self._follows(peer):
            raise DaemonUnreachable("it does not enforce what it was told", "see that instance's log")

    async def _tell(self, instance: Instance, peer: _Peer) -> None:
        message: dict[str, Any] = {"base": "", "replace": False, "records": []}
        if peer.version is not None:  # otherwise it is only a question: the answer contains the version
            message = self._message(peer)
        leader = self._ingest.live.leadership.leader
        leading = None if leader is None else leader.fields()
        to = {"coordinator": self._did, "to": instance.did, "leading": leading}
        try:
            answer = await self._peers.control(instance.endpoint, {**to, **message})
        except OlderPeer:
            await self._tell_older(instance, peer)
            return
        if answer.get("did") != instance.did:
            raise DaemonUnreachable(
                f"{instance.endpoint} is not {instance.alias} any more", "its next heartbeat says where it is"
            )
        self._heard(
            instance.did, str(answer.get("digest")), str(answer.get("version")), _numbers(answer.get("grace"))
        )

    async def _tell_older(self, instance: Instance, peer: _Peer) -> None:
        """An instance that predates digests of what is in force is sent records, and confirms having them."""
        revision, told = self._revision, list(self._words.values())
        outcomes = await self._peers.post_records(instance.endpoint, told, instance.did) if told else []
        if any(one.get("status") not in ("created", "duplicate") for one in outcomes):
            raise DaemonUnreachable(f"{instance.alias} refused a control record", "see that instance's log")
        peer.older = True
        self._enforces(instance.did, revision)

    def answer(
        self, did: str, told: str, version: str | None, grace: Mapping[str, float] | None = None
    ) -> dict[str, Any]:
        """The answer to a heartbeat with this digest: `grace`, `base`, `replace`, and the records
        (`control`); none when it enforces what is in force here.

        `grace`: the instance's remaining graces. `version` is None in beats of older instances.
        """
        peer = self._peer(did)
        peer.older = version is None
        if version is None and told == self._digest_of_ids():
            self._enforces(did, self._revision)
            return {"control": []}
        self._heard(did, told, version, grace or {})
        if peer.revision == self._revision:
            return {"control": [], "grace": self._lefts()}
        if version is None:
            return {"control": [wire(word) for word in self._words.values()]}
        message = self._message(peer)
        return {"control": message.pop("records"), **message}

    def _message(self, peer: _Peer) -> dict[str, Any]:
        """What this instance has to be told: everything in force, or what has changed since its state."""
        if not peer.revision:
            told = [self._words[slot] for slot in effects(self._ingest.live) if slot in self._words]
        else:
            told = [word for slot, word in self._words.items() if self._since[slot] > peer.revision]
        records = [wire(word) for word in told]
        return {
            "base": peer.version,
            "replace": not peer.revision,
            "records": records,
            "grace": self._lefts(),
        }

    def _lefts(self) -> dict[str, float]:
        control, now = self._ingest.live.control, self._runtime.moment()
        control.pass_time(now)
        return control.lefts(now)

    def _digest_of_ids(self) -> str:
        """What instances that predate digests of what is in force call their control state."""
        return hashlib.sha256("".join(sorted(word.id for word in self._words.values())).encode()).hexdigest()

    def _peer(self, did: str) -> _Peer:
        return self._known.setdefault(did, _Peer())

    def _follows(self, peer: _Peer) -> bool:
        """Whether it enforces what is in force here, as soon as here."""
        return peer.revision == self._revision and not peer.late

    def _heard(self, did: str, told: str, version: str | None, grace: Mapping[str, float]) -> None:
        peer, own, boot = self._peer(did), self._lefts(), self._runtime.boottime()
        peer.version = version
        peer.hard = {record: boot + left for record, left in grace.items() if record in own}
        late = (record for record in peer.hard if grace[record] > own[record] + _GRACE_LATE_SECS)
        peer.late = frozenset(late)
        self._enforces(did, self._states.get(told, 0))

    def _enforces(self, did: str, revision: int) -> None:
        """It enforces what was in force here at this revision: it has confirmed the records of then, and none
        that came later or that it confirmed once and has lost.
        """
        peer = self._peer(did)
        held = {
            original_author(word)[1] for slot, word in self._words.items() if self._since[slot] <= revision
        }
        held -= peer.late
        peer.revision = revision
        if held != peer.times.keys():
            now = self._runtime.now()
            self.confirmed(did, held - peer.times.keys())
            peer.times = {one: peer.times.get(one, now) for one in held}
            self._changed.beat()

    def confirmed_at(self, record_id: str) -> dict[str, float]:
        """When each instance confirmed this record (unix seconds), by DID."""
        return {did: peer.times[record_id] for did, peer in self._known.items() if record_id in peer.times}

    def proves(self, did: str) -> bool:
        """Whether this instance confirms by a digest of what it enforces."""
        return not self._peer(did).older

    def lefts(self) -> list[float]:
        """In how many seconds the graces of the instances that were heard from end."""
        boot = self._runtime.boottime()
        return [until - boot for peer in self._known.values() for until in peer.hard.values()]

    def refuses_all(self, record_id: str) -> bool:
        """Whether every instance that confirmed this hard freeze refuses every write by now."""
        boot, never = self._runtime.boottime(), float("inf")
        confirmed = [peer for peer in self._known.values() if record_id in peer.times]
        return bool(confirmed) and all(peer.hard.get(record_id, never) <= boot for peer in confirmed)


def _numbers(told: Any) -> dict[str, float]:
    return {str(key): number(value) for key, value in told.items()} if isinstance(told, dict) else {}
