"""The engine: the parts of one daemon, put together over its folded log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial

import httpx

from syncropel.adapters import Adapter
from syncropel.adapters.gateway.desk import Gateway
from syncropel.adapters.tools.desk import Desk
from syncropel.engine.background import Background
from syncropel.engine.backups import Backups
from syncropel.engine.control.accounts import Accounts
from syncropel.engine.control.control import Control
from syncropel.engine.control.providers import Providers
from syncropel.engine.dispatch.dispatcher import Dispatcher
from syncropel.engine.dispatch.enabling import enabled_adapters, limits_of, usable
from syncropel.engine.fanout.fan_outs import FanOuts
from syncropel.engine.fanout.siblings import Siblings
from syncropel.engine.fleet.announcing import Announcing
from syncropel.engine.fleet.credentials import Issuer
from syncropel.engine.fleet.heartbeat import HeartbeatSender
from syncropel.engine.fleet.heartbeat_answers import HeartbeatAnswers
from syncropel.engine.fleet.joining import Joining
from syncropel.engine.fleet.leading import Leading
from syncropel.engine.fleet.leases import Leases
from syncropel.engine.fleet.membership import Membership
from syncropel.engine.fleet.renewal import Renewal
from syncropel.engine.fleet.repointing import Repointing
from syncropel.engine.fleet.reported_work import ReportedWork
from syncropel.engine.forks.forking import Forking
from syncropel.engine.held_log import HeldLog
from syncropel.engine.ingest.broadcast import Broadcast, ChangeSignal
from syncropel.engine.ingest.door import Ingest
from syncropel.engine.ingest.quarantine import Quarantine
from syncropel.engine.ingest.selfcheck import SelfCheck
from syncropel.engine.instance import Instance
from syncropel.engine.linking.ends import link_of, links_of
from syncropel.engine.merging.merging import Merging
from syncropel.engine.merging.radar import Radar
from syncropel.engine.meters import Meters
from syncropel.engine.output.output import Output
from syncropel.engine.start_up import StartUp
from syncropel.engine.traces.configured import traces_of
from syncropel.engine.views.lists import Lists
from syncropel.engine.views.opening import Started
from syncropel.engine.vitals import VitalsReader
from syncropel.engine.webhooks.webhooks import Webhooks
from syncropel.peer.peers import READ_SECS, Peers
from syncropel.peer.runtime import Runtime
from syncropel.settings.config import Settings
from syncropel.settings.keyring import Keyring
from syncropel.settings.trust import ca_path, trusting
from syncropel.store.base import RecordStore
from syncropel.wire.fleet import Heartbeat


class Engine:
    """The parts, in the order in which they build on each other. A `Lifecycle` runs and stops them.

    `own_beat` makes an engine's heartbeat, and `backlog` tells of a loop that is backed up. `adapters` run
    goals instead of those that the config enables. `started_at` is when the daemon began to read its log, in
    monotonic seconds.
    """

    def __init__(
        self,
        store: RecordStore,
        started: Started,
        instance: Instance,
        settings: Settings,
        runtime: Runtime,
        background: Background,
        own_beat: Callable[..., Heartbeat],
        backlog: Callable[..., str],
        transport: httpx.AsyncBaseTransport | None = None,
        adapters: Mapping[str, Adapter] | None = None,
        *,
        start_up: StartUp,
        started_at: float,
    ) -> None:
        live = started.live
        did, home, fleet = instance.did, instance.home, settings.fleet
        url, interval = fleet.coordinator_url, fleet.heartbeat_interval_secs
        worker, spawn = settings.role == "worker", background.spawn

        # what it is given
        self.store = store
        self.instance = instance
        self.settings = settings
        self.runtime = runtime
        self.start_up = start_up
        """How far reading the log has come."""
        self.keyring = Keyring(home)

        # the log
        self.broadcast = Broadcast()
        self.changed = ChangeSignal()
        self.held_log = HeldLog(store)
        self.quarantine = Quarantine(live, store, runtime, self.changed.beat)
        self.selfcheck = SelfCheck(live, store)
        self.projector = started.projector
        self.lists = Lists(live, store, started.projector)
        self.ingest = Ingest(store, live, self.broadcast, did, runtime)
        self.accounts = Accounts(self.ingest, did, runtime)
        self.backups: Backups | None = None
        """Who takes backups of the store; a store in memory has none."""
        self.webhooks: Webhooks | None = None
        """Who tells others what happens; None while nobody wants to hear it."""
        self.vitals = VitalsReader(runtime, partial(backlog, self))
        self.store_bytes: int | None = None
        """The size of the log on disk, at the last look."""

        # the fleet, and what is in force in it
        self.links = links_of(self.ingest, did, interval, runtime, self.changed)
        ca_file = ca_path(home, fleet.ca_file)
        trust = None if ca_file is None else trusting(ca_file)
        self.peers = Peers(self.keyring.presented, transport, trust=trust, links=self.links)
        self.readers = Peers(self.keyring.presented, transport, READ_SECS, trust, self.links)
        self.leases = Leases(self.ingest, did, interval, runtime, self.changed)
        self.issuer = Issuer(self.ingest, did, runtime, self._end_lease)
        self.control = Control(
            self.ingest,
            self.peers,
            did,
            url,
            runtime,
            self.changed,
            background,
            runs_on=self.leases.why_refused,
            enforce=self._enforce,
        )
        self.meters = Meters(live, did, runtime.monotonic)
        self.ingest.subscribe(self.meters.on_records)
        self.control.propagation.confirmed = self.meters.on_confirmed
        self.membership = Membership(self.ingest, self.keyring, runtime, self._enforce)
        self.repointing = Repointing(self.keyring, url, linked=fleet.link)
        self.leading = Leading(
            self.ingest,
            self.keyring,
            did,
            fleet.alias,
            lambda: instance.endpoint,
            runtime,
            worker=worker,
            fenced=self._enforce,
        )
        self.announcing = Announcing(self.leading, self.peers, self.keyring, runtime)
        for peers in (self.peers, self.readers):
            peers.speaks_as = self.links.speaks_as = self.leading.speaks_as
            peers.hear_leader = lambda teller, told: spawn(self.leading.hear(told, teller), "hear leader")
        self.renewal = Renewal(self.keyring, did, lambda: self.heartbeat_sender.soon())
        self.joining = Joining(self.ingest, self.issuer, self.keyring, did, runtime)
        self.providers = Providers(
            self.ingest,
            did,
            runtime,
            worker=worker,
            beat_soon=lambda: self.heartbeat_sender.soon(),
            spawn=spawn,
        )
        self.heartbeat_sender = HeartbeatSender(
            self.peers,
            url,
            interval,
            partial(own_beat, self),
            HeartbeatAnswers(
                self.providers,
                self.control.adoption,
                self.membership,
                self.repointing,
                self.leading,
                self.renewal,
            ).take,
            self.membership.hear_revoked,
            runtime,
        )
        self.link = link_of(self.peers, url, did, self.keyring, self.heartbeat_sender, runtime)
        """This worker's link to its coordinator."""

        # goals that run here
        self.gateway = Gateway(home.secrets, runtime, instance.gateway_port)
        self.gateway.spent, self.gateway.hear = self.providers.spent_here, self.providers.hear
        self.desk = Desk(instance.gateway_port)
        self.enabled = enabled_adapters(
            settings,
            home,
            self.gateway,
            self.desk,
            runtime,
            self.heartbeat_sender.orphan_secs,
            live.allowed_files.has,
        )
        adapters = usable(self.enabled) if adapters is None else adapters
        self.dispatcher = Dispatcher(
            self.ingest,
            adapters,
            limits_of(settings, self.enabled, self.providers.paused),
            did,
            runtime,
            spawn,
            partial(self.heartbeat_sender.in_touch, fleet.isolated_after_secs),
            Siblings(self.ingest, self.peers, did, url).of,
        )

        # work that is spread over instances
        self.reported_work = ReportedWork(self.leases, self.dispatcher, self.control.propagation.digest)
        self.fan_outs = FanOuts(
            self.ingest,
            self.peers,
            self.leases,
            self.control.propagation,
            did,
            url,
            runtime,
            background,
            spending=self.reported_work.spending,
            held=self.reported_work.held,
            running=self.reported_work.running,
        )
        self.links.up = self._reachable
        self.forking = Forking(self.ingest, did, runtime)
        self.forking.mark(started.unsettled)
        self.projector.pending = self.forking.marked
        self.output = Output(
            self.ingest,
            self.readers,
            self.leases,
            adapters,
            did,
            home,
            settings,
            runtime,
            background,
            self.lists,
        )

        self.radar = Radar(lambda: [run.intend for run in self.dispatcher.runs()], home.work, runtime)
        self.dispatcher.touched = self.radar.files
        self.merging = Merging(
            self.ingest,
            self.peers,
            self.control.propagation,
            self.leases,
            did,
            home,
            settings,
            runtime,
            background,
            self.heartbeat_sender.orphan_secs,
        )

        self.traces = traces_of(live, self.ingest, instance, settings, runtime)
        """Who sends the traces of fan-outs; None where no endpoint is configured."""

        self.fan_out_lock = asyncio.Lock()
        """Held while a call looks whether a task may fan out, and writes that it does."""
        self.stopping = False
        self._started_at = started_at

    @property
    def uptime_secs(self) -> float:
        return self.runtime.monotonic() - self._started_at

    def _enforce(self) -> None:
        """Apply a change of what may run here that no control record announced."""
        self.dispatcher.enforce()
        self.fan_outs.reconciler.mark_all()
        self.changed.beat()

    def _reachable(self, did: str) -> None:
        """What waits for this instance need not wait for the next try."""
        self.control.propagation.push(did, anew=True)
        self.fan_outs.delivery.hurry(did)

    async def _end_lease(self, did: str) -> None:
        await self.leases.end(did)
        self.fan_outs.reconciler.look_for_the_displaced()
