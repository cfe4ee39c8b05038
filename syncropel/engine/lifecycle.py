"""The life of one daemon's engine: it folds its log, waits while the log is held, begins, and stops."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping

import httpx

from syncropel.adapters import Adapter
from syncropel.engine.background import Background
from syncropel.engine.engine import Engine
from syncropel.engine.fleet.urgent_news import UrgentNews
from syncropel.engine.heartbeats import ends_of, own_beat
from syncropel.engine.instance import Instance
from syncropel.engine.loops import backed_up, loops
from syncropel.engine.start_up import StartUp
from syncropel.engine.upkeep import cron, tick
from syncropel.engine.views.opening import Started, catch_up, open_views, ruling_folds, start_folds
from syncropel.peer.runtime import Runtime
from syncropel.policy.standing import Standing
from syncropel.settings.config import Settings
from syncropel.store.base import RecordStore
from syncropel.store.views.views import Views

log = logging.getLogger("syncropel.engine")


def _backlog(engine: Engine) -> str:
    return backed_up(loops(engine))


class Lifecycle:
    """`start`, then `stop`; the store is opened and closed by the caller.

    `adapters` run goals instead of those that the config enables.
    """

    def __init__(
        self,
        store: RecordStore,
        instance: Instance,
        settings: Settings,
        runtime: Runtime | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        adapters: Mapping[str, Adapter] | None = None,
    ) -> None:
        self.store = store
        self._instance = instance
        self._settings = settings
        self._runtime = runtime or Runtime()
        self._transport = transport
        self._adapters = adapters
        self._background = Background()
        self._started_at = self._runtime.monotonic()
        self.start_up = StartUp()
        """How far reading the log has come."""
        self.before_the_last_records: Callable[[], Awaitable[None]] | None = None
        """Called when the log has been read: whoever wrote to it meanwhile has stopped when this returns."""
        self._views: Views | None = None
        self._engine: Engine | None = None
        self._begun = False

    def again(self) -> Lifecycle:
        """Another life over the same log."""
        return Lifecycle(self.store, self._instance, self._settings, self._runtime, self._transport)

    async def unread(self) -> int:
        """How many records the views lack: so many have to be read before anything is answered. Raises
        StoreError.
        """
        if self._views is None:
            self._views = await open_views(self.store)
            self.start_up.begin(self.store.count)
        return self.store.count - int(self._views.meta().get("position", 0))

    async def start(self, bootstrap_secret: str = "") -> Engine:
        """Fold the log, resume open work, and start every loop.

        With a log that is held only freezes are taken, and nothing begins before its loss is accepted.
        """
        engine = await self._assemble()
        try:
            await self._bring_up(engine, bootstrap_secret)
        except Exception:
            await self.stop(keep_work=True)
            raise
        return engine

    async def start_ruling(self, start_up: StartUp) -> Engine:
        """Fold only what rules over others, and enforce and propagate that, while another life of the same
        log reads the rest. Nothing runs, and no work can be looked up.
        """
        self.start_up = start_up
        engine = await self._put_together(await ruling_folds(self.store, start_up.words))
        try:
            self._listen(engine)
            await engine.control.load()
        except BaseException:
            await self.stop(keep_work=True)
            raise
        return engine

    def _listen(self, engine: Engine) -> None:
        engine.ingest.subscribe(lambda _: engine.changed.beat())
        engine.ingest.subscribe(UrgentNews(engine.control.adoption, engine.heartbeat_sender).on_records)

    async def _bring_up(self, engine: Engine, bootstrap_secret: str) -> None:
        engine.store_bytes = await self.store.size_bytes()
        self._listen(engine)
        if self.store.hold is None:
            await self._begin(engine, bootstrap_secret)
        else:
            await engine.control.load()
            self._background.spawn(self._begin_when_accepted(engine, bootstrap_secret), "held")

    async def start_still(self) -> Engine:
        """Fold the log and answer from it, and nothing else: nothing runs, nothing is written or sent.

        For a log that is only read, such as a bundle's.
        """
        engine = await self._assemble()
        engine.ingest.open = False
        return engine

    async def _assemble(self) -> Engine:
        engine = await self._put_together(await self._fold())
        self.start_up.done = True
        return engine

    async def _put_together(self, started: Started) -> Engine:
        try:
            return await self._engine_over(started)
        except BaseException:
            await started.projector.views.close()
            raise

    async def _engine_over(self, started: Started) -> Engine:
        live = started.live
        live.control.pass_time(self._runtime.moment())
        if self._settings.role == "worker":
            live.standing = Standing(self._instance.did, live.credentials)
        else:
            live.standing.leads_as, live.standing.leadership = self._instance.did, live.leadership
        engine = Engine(
            self.store,
            started,
            self._instance,
            self._settings,
            self._runtime,
            self._background,
            own_beat,
            _backlog,
            self._transport,
            self._adapters,
            start_up=self.start_up,
            started_at=self._started_at,
        )
        await engine.quarantine.look_before_work()
        self._engine = engine
        return engine

    async def _fold(self) -> Started:
        """Fold the log by way of its views."""
        self.start_up.begin(self.store.count)
        views, self._views = self._views or await open_views(self.store), None
        try:
            started = await start_folds(self.store, views, self.start_up.seen)
            if self.before_the_last_records is not None:
                await self.before_the_last_records()
                await catch_up(started, self.store, self.start_up.seen)
            return started
        except BaseException:
            await views.close()
            raise

    async def _begin_when_accepted(self, engine: Engine, bootstrap_secret: str) -> None:
        await engine.held_log.accepted()
        await self._begin(engine, bootstrap_secret)

    async def _begin(self, engine: Engine, bootstrap_secret: str) -> None:
        self._begun = True
        await self._introduce(engine, bootstrap_secret)
        await engine.control.load()
        if worker := self._settings.role == "worker":
            await engine.heartbeat_sender.refresh()
            engine.membership.begin()
        else:
            await engine.ingest.append(ends_of(engine, engine.dispatcher.open_attempts()))
        await engine.fan_outs.outbox.resume()
        await engine.dispatcher.resume()
        await engine.merging.work.resume()
        engine.control.propagation.push_all()
        self._run(engine, worker=worker)
        log.info("started", extra={"actor": self._instance.did})

    async def _introduce(self, engine: Engine, bootstrap_secret: str) -> None:
        """Write who may call, the default rules, and, on a coordinator, that it is there."""
        if bootstrap_secret:
            await engine.accounts.bootstrap(bootstrap_secret)
        await engine.accounts.accept_shared(engine.keyring.shared())
        await engine.control.introduce_rules()
        if self._settings.role == "coordinator":
            await engine.leases.beat(own_beat(engine))
        await engine.leading.begin()

    def _run(self, engine: Engine, *, worker: bool) -> None:
        spawn = self._background.spawn
        engine.fan_outs.run()
        spawn(engine.forking.run(), "forks")
        spawn(engine.merging.steps.sender.run(), "merges")
        spawn(engine.radar.run(), "radar")
        spawn(engine.projector.run(), "views")
        spawn(engine.ingest.denials.run(), "denials")
        spawn(engine.control.graces.run(), "graces")
        spawn(engine.quarantine.run(), "quarantine")
        spawn(engine.announcing.run(), "announcing")
        if engine.traces is not None:
            spawn(engine.traces.run(), "traces")
        spawn(tick(engine), "tick")
        spawn(cron(engine), "cron")
        if worker:
            spawn(engine.heartbeat_sender.run(), "heartbeat")
            if self._settings.fleet.link:
                spawn(engine.link.run(), "link")

    async def stop(self, *, keep_work: bool = False) -> None:
        """Refuse new work, give running goals their grace, sign off, end every loop. Idempotent.

        `keep_work`: leave running work to the next process, and do not sign off: an instance that has left
        need not confirm a freeze, and this one still has work to stop.
        """
        engine = self._engine
        if engine is None and self._views is not None:
            await self._views.close()
            self._views = None
        if engine is None or engine.stopping:
            return
        engine.stopping = True
        engine.membership.close()
        engine.broadcast.close()
        engine.links.close()
        engine.changed.beat()
        if self._begun:
            await self._end_work(engine, keep_work=keep_work)
        engine.ingest.open = False
        await self._background.stop()
        await engine.projector.end()
        await engine.peers.close()
        await engine.readers.close()
        log.info("stopped", extra={"actor": self._instance.did})

    async def _end_work(self, engine: Engine, *, keep_work: bool) -> None:
        worker = self._settings.role == "worker"
        if worker and engine.dispatcher.running and not keep_work:
            await engine.heartbeat_sender.drain()
        await engine.dispatcher.stop(keep_work=keep_work)
        await engine.gateway.stop(keep_work=keep_work)
        await engine.desk.stop(keep_work=keep_work)
        if worker:
            await engine.fan_outs.outbox.flush()
            if not keep_work:
                engine.membership.say_goodbye()
                await engine.heartbeat_sender.leave()
        await engine.ingest.denials.flush()
