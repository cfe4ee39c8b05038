"""The engine: every loop of one daemon, assembled over one store."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import httpx

from syncropel.adapters import Adapter
from syncropel.adapters.gateway.desk import Gateway
from syncropel.adapters.registry import told
from syncropel.engine.background import Background
from syncropel.engine.backups import Backups
from syncropel.engine.control.accounts import FLEET_SCOPES, Accounts
from syncropel.engine.control.control import Control
from syncropel.engine.control.providers import Providers
from syncropel.engine.dispatch.dispatcher import Dispatcher
from syncropel.engine.dispatch.enabling import enabled_adapters, limits_of
from syncropel.engine.dispatch.run_records import TERMINATED
from syncropel.engine.fanout.fan_outs import FanOuts
from syncropel.engine.fleet.credentials import Issuer
from syncropel.engine.fleet.heartbeat import HeartbeatSender
from syncropel.engine.fleet.leases import Leases
from syncropel.engine.fleet.membership import Membership
from syncropel.engine.forks.forking import Forking
from syncropel.engine.heartbeats import ends_of, own_beat
from syncropel.engine.ingest.broadcast import Broadcast, ChangeSignal
from syncropel.engine.ingest.door import Ingest
from syncropel.engine.ingest.quarantine import Quarantine
from syncropel.engine.ingest.selfcheck import SelfCheck
from syncropel.engine.output.output import Output
from syncropel.engine.upkeep import cron, tick
from syncropel.engine.views.lists import Lists
from syncropel.engine.views.opening import Started, open_views, start_folds
from syncropel.errors import SyncropelError
from syncropel.folds.control.drains import DRAIN
from syncropel.folds.control.freezes import FREEZE
from syncropel.folds.fanout.child import SESSION, STREAM_EVENT
from syncropel.peer.peers import READ_SECS, Peers
from syncropel.peer.runtime import Runtime
from syncropel.policy.standing import Standing
from syncropel.record.model import StoredRecord
from syncropel.settings.config import Home, Settings
from syncropel.settings.keyring import Keyring, bearer_hash
from syncropel.store.base import Hold, RecordStore

log = logging.getLogger("syncropel.engine")

ORPHAN_INTERVALS: Final = 8
"""Heartbeat intervals; a coordinator takes work from an instance that it has not heard from for 12."""


_TOLD_SOON: Final = frozenset({DRAIN, FREEZE, SESSION, STREAM_EVENT})


def _ends(body: Mapping[str, Any]) -> bool:
    """Whether this reports that a run was ended, for those who wait for it."""
    return body.get("verdict") == TERMINATED or "tree" in body


@dataclass(frozen=True)
class Instance:
    """The identity of this daemon."""

    did: str
    home: Home
    endpoint: str
    gateway_port: int = 0
    """Where its gateway listens; 0: nowhere."""


class Engine:
    """One daemon's engine. `start`, then `stop`; the store is opened and closed by the caller."""

    def __init__(
        self,
        store: RecordStore,
        instance: Instance,
        settings: Settings,
        runtime: Runtime | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.store = store
        self.instance = instance
        self.settings = settings
        self.runtime = runtime or Runtime()
        self.keyring = Keyring(instance.home)
        self.shared_sha256 = ""
        """The hash of the token that the fleet shared at the start; empty without one."""
        self.broadcast = Broadcast()
        self.changed = ChangeSignal()
        self.fan_out_lock = asyncio.Lock()
        self._transport = transport
        self._background = Background()
        self._started_at = self.runtime.monotonic()
        self._stopped = False
        self.backups: Backups | None = None
        """Who takes backups of the store; a store in memory has none."""
        self.store_bytes: int | None = None
        """The size of the log on disk, at the last look."""
        self._begun, self._accepted = False, asyncio.Event()
        self.folded = False
        """Whether the log has been read; before that nothing runs and nothing is written."""

    async def start(self, bootstrap_secret: str = "") -> None:
        """Fold the log, resume open work, and start every loop.

        With a log that is held only freezes are taken, and nothing begins before `accept_loss`.
        """
        await self._assemble()
        self.store_bytes = await self.store.size_bytes()
        self.ingest.subscribe(lambda _: self.changed.beat())
        self.ingest.subscribe(self._tell_soon)
        if self.store.hold is None:
            await self._begin(bootstrap_secret)
            return
        await self.control.load()
        self._background.spawn(self._begin_when_accepted(bootstrap_secret), "held")

    async def accept_loss(self, reason: str = "") -> Hold:
        """Go on with the log as it is; gives why it was held. Raises Conflict when it was not."""
        hold = await self.store.accept_loss()
        log.warning("an operator accepted a loss: %s (%s)", hold.told, reason or "no reason given")
        self._accepted.set()
        return hold

    async def _begin_when_accepted(self, bootstrap_secret: str) -> None:
        await self._accepted.wait()
        await self._begin(bootstrap_secret)

    async def _begin(self, bootstrap_secret: str) -> None:
        self._begun = True
        await self._introduce(bootstrap_secret)
        await self.control.load()
        if worker := self.settings.role == "worker":
            await self.heartbeat_sender.refresh()
            self.membership.begin()
        else:
            await self.ingest.append(ends_of(self, self.dispatcher.open_attempts()))
        await self.fan_outs.outbox.resume()
        await self.dispatcher.resume()
        self.control.propagation.push_all()
        spawn = self._background.spawn
        self.fan_outs.run()
        spawn(self.forking.run(), "forks")
        spawn(self.projector.run(), "views")
        spawn(self.ingest.denials.run(self.ingest), "denials")
        spawn(self.control.graces.run(), "graces")
        spawn(self.quarantine.run(), "quarantine")
        spawn(tick(self), "tick")
        spawn(cron(self), "cron")
        if worker:
            spawn(self.heartbeat_sender.run(), "heartbeat")
        log.info("started", extra={"actor": self.instance.did})

    async def start_still(self) -> None:
        """Fold the log and answer from it, and nothing else: nothing runs, nothing is written or sent.

        For a log that is only read, such as a bundle's.
        """
        await self._assemble()
        self.ingest.open = False

    async def _assemble(self) -> None:
        started = await self._fold()
        live = started.live
        live.control.pass_time(self.runtime.moment())
        self.folded = True
        did, settings, runtime = self.instance.did, self.settings, self.runtime
        if settings.role == "worker":
            live.standing = Standing(did, live.credentials)
        self.quarantine = Quarantine(live, self.store, runtime)
        await self.quarantine.look_before_work()
        self.ingest = Ingest(self.store, live, self.broadcast, did, runtime)
        self.peers = Peers(self._tokens, self._transport)
        self.readers = Peers(self._tokens, self._transport, READ_SECS)
        self.leases = Leases(self.ingest, did, settings.fleet.heartbeat_interval_secs, runtime, self.changed)
        self.control = Control(
            self.ingest,
            self.peers,
            did,
            settings.fleet.coordinator_url,
            runtime,
            self.changed,
            self._background,
            runs_on=self.leases.why_refused,
            enforce=self._enforce,
        )
        self.fan_outs = FanOuts(
            self.ingest,
            self.peers,
            self.leases,
            self.control.propagation,
            did,
            settings.fleet.coordinator_url,
            runtime,
            self._background,
            spending=self.spending,
            held=self.held,
        )
        self.forking = Forking(self.ingest, did, runtime)
        self.forking.mark(started.unsettled)
        self.projector.pending = self.forking.marked
        self.gateway = Gateway(self.instance.home.secrets, runtime, self.instance.gateway_port)
        self.providers = Providers(
            self.ingest,
            did,
            runtime,
            worker=settings.role == "worker",
            beat_soon=lambda: self.heartbeat_sender.soon(),
            spawn=self._background.spawn,
        )
        self.gateway.spent, self.gateway.hear = self.providers.spent_here, self.providers.hear
        home = self.instance.home
        self.enabled = enabled_adapters(settings, home, self.gateway, runtime, self._orphan_secs)
        adapters = self._adapters()
        self.output = Output(
            self.ingest,
            self.readers,
            self.leases,
            adapters,
            did,
            home,
            settings,
            runtime,
            self._background,
            self.lists,
        )
        self.dispatcher = Dispatcher(
            self.ingest,
            adapters,
            limits_of(settings, self.enabled, self.providers.paused),
            did,
            runtime,
            self._background.spawn,
            self._may_work,
        )
        self.membership = Membership(self.ingest, self.keyring, runtime, self._enforce)
        self.issuer = Issuer(self.ingest, did, runtime, self._end_lease)
        self.selfcheck = SelfCheck(live, self.store)
        self.heartbeat_sender = HeartbeatSender(
            self.peers,
            settings.fleet.coordinator_url,
            settings.fleet.heartbeat_interval_secs,
            partial(own_beat, self),
            self._take_control,
            self.membership.hear_revoked,
            runtime,
        )

    async def _fold(self) -> Started:
        """Fold the log by way of its views."""
        views = await open_views(self.store)
        try:
            started = await start_folds(self.store, views)
        except BaseException:
            await views.close()
            raise
        self.projector = started.projector
        self.lists = Lists(started.live, self.store, started.projector)
        return started

    async def _introduce(self, bootstrap_secret: str) -> None:
        accounts = self.accounts()
        if bootstrap_secret:
            await accounts.bootstrap(bootstrap_secret)
        if token := self.keyring.shared():
            self.shared_sha256 = bearer_hash(token)
            try:
                await accounts.accept(token, FLEET_SCOPES)
            except SyncropelError as error:
                log.error("the fleet token is of no use: %s", error.message)
        await self.control.introduce_rules()
        if self.settings.role == "coordinator":
            await self.leases.beat(own_beat(self))

    async def _may_work(self) -> bool:
        """Whether work may start here: the control state is known, and the coordinator was heard recently."""
        if self.settings.role != "worker":
            return True
        await self.heartbeat_sender.refresh()
        limit = self.settings.fleet.isolation_secs
        return limit <= 0 or self.heartbeat_sender.silence_secs <= limit

    async def _take_control(self, answer: dict[str, Any]) -> bool:
        records = answer.get("control")
        self.providers.answered(answer)
        message = {key: answer.get(key) for key in ("base", "replace", "grace")}
        taken = await self.control.adoption.take(
            {**message, "records": records if isinstance(records, list) else []}
        )
        if taken and not self._stopped:
            self.membership.let_in(str(answer.get("coordinator", "")))
        return taken

    def accounts(self) -> Accounts:
        """Mints service accounts and tokens."""
        return Accounts(self.ingest, self.instance.did, self.runtime.now())

    def _tokens(self, to: str) -> list[str]:
        """What to present to an instance, or to the coordinator: their own secret, else the fleet's token."""
        own = self.keyring.towards(to) if to else self.keyring.own()
        return [token for token in (own, self.keyring.shared()) if token]

    async def _end_lease(self, did: str) -> None:
        await self.leases.end(did)
        self.fan_outs.reconciler.look_for_the_displaced()

    def _adapters(self) -> dict[str, Adapter]:
        return {name: one.adapter for name, one in self.enabled.items() if one.adapter is not None}

    def adapters_told(self) -> list[dict[str, Any]]:
        """The adapters of this instance (fields of the wire model `AdapterOut`)."""
        return told(self.enabled)

    def provider_of(self, did: str, adapter: str) -> str:
        """Whose quota goals of this adapter use on an instance; empty when that is not known. Without a name
        it is the default adapter."""
        if did != self.instance.did:
            return self.leases.provider(did, adapter)
        enabled = self.enabled.get(adapter or self.settings.dispatch.adapter)
        return enabled.provider if enabled is not None else ""

    def _orphan_secs(self) -> float:
        """How long work continues without this daemon: until shortly before the coordinator moves it."""
        return ORPHAN_INTERVALS * self.heartbeat_sender.interval_secs

    @property
    def uptime_secs(self) -> float:
        return self.runtime.monotonic() - self._started_at

    @property
    def clock_ahead_secs(self) -> float | None:
        """How far the wall clock is ahead of the coordinator's; None while that is not known."""
        return self.heartbeat_sender.clock_ahead_secs if self.settings.role == "worker" else 0.0

    def held(self) -> frozenset[str]:
        """Child INTENDs that draining instances, including this one, have not begun and will not begin."""
        return self.leases.held(self.control.propagation.digest()) | frozenset(self.dispatcher.held())

    def spending(self) -> dict[str, float]:
        """The spend of running goals: US dollars by the id of the child INTEND."""
        own = {one.child_intend: one.cost_usd for one in self.dispatcher.spending()}
        return {**self.leases.spending(), **own}

    def _enforce(self) -> None:
        """What may run here changed by itself, not only by a control record."""
        self.dispatcher.enforce()
        self.fan_outs.reconciler.mark_all()
        self.changed.beat()

    def _tell_soon(self, records: Sequence[StoredRecord]) -> None:
        told = any(stored.record.topic in _TOLD_SOON or _ends(stored.record.body) for stored in records)
        if told or self.control.adoption.nobody_told(records):
            self.heartbeat_sender.soon()

    async def stop(self, *, keep_work: bool = False) -> None:
        """Refuse new work, give running goals their grace, sign off, end every loop. Idempotent.

        `keep_work`: leave running work to the next process, and do not sign off: an instance that has left
        need not confirm a freeze, and this one still has work to stop.
        """
        if self._stopped:
            return
        self._stopped = True
        self.broadcast.close()
        self.changed.beat()
        if self._begun:
            await self._end_work(keep_work=keep_work)
        self.ingest.open = False
        await self._background.stop()
        await self.projector.end()
        await self.peers.close()
        await self.readers.close()
        log.info("stopped", extra={"actor": self.instance.did})

    async def _end_work(self, *, keep_work: bool) -> None:
        if self.settings.role == "worker" and self.dispatcher.running and not keep_work:
            await self.heartbeat_sender.drain()
        await self.dispatcher.stop(keep_work=keep_work)
        await self.gateway.stop(keep_work=keep_work)
        if self.settings.role == "worker":
            await self.fan_outs.outbox.flush()
            if not keep_work:
                self.membership.say_goodbye()
                await self.heartbeat_sender.leave()
        await self.ingest.denials.flush(self.ingest)

    @property
    def stopping(self) -> bool:
        return self._stopped
