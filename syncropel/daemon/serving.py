"""What runs in a daemon process: the listeners, the store, the engine, the API; and a good end of it all."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Coroutine
from typing import TYPE_CHECKING, Any, Final

from platformdirs import user_data_path

from syncropel import __version__
from syncropel.adapters.gateway.app import GatewayApp
from syncropel.adapters.strays import FAMILY
from syncropel.adapters.tools.app import AgentsApp
from syncropel.api.webhooks import webhooks_of
from syncropel.daemon.belongings.taking import Saved, backups_of
from syncropel.daemon.doors import Doors, remove_pid, write_pid
from syncropel.daemon.log_opening import IN_DATABASE, open_log
from syncropel.daemon.notifying import Notifier, take_notifier
from syncropel.engine.engine import Engine
from syncropel.engine.instance import Instance
from syncropel.engine.lifecycle import Lifecycle
from syncropel.listening.gateway import GatewayServer, listen_gateway
from syncropel.listening.network import Network, open_network
from syncropel.listening.sockets import listen_tcp, listen_unix
from syncropel.listening.starting import StartingServer
from syncropel.peer.runtime import Runtime
from syncropel.settings.config import HOST, STOP_KEEPING_WORK, Settings
from syncropel.settings.home import Home
from syncropel.settings.identity import load_or_create_identity
from syncropel.settings.store import PASSWORD
from syncropel.store.lock import StoreLock
from syncropel.store.sqlite.backup import backup_path, lineage_files
from syncropel.store.sqlite.reserve import Reserve
from syncropel.store.sqlite.store import SqliteStore
from syncropel.supervisor.system import name_process
from syncropel.system.ancestry import DAEMON

if TYPE_CHECKING:
    from syncropel.logs.ring import LogRing

log = logging.getLogger("syncropel.daemon")

LONG: Final = 50_000
"""Records that take so long to read that the kill switch has to work meanwhile."""


def serve(home: Home, settings: Settings, ring: LogRing, bootstrap_secret: str) -> None:
    """Serve the home's records until a signal says stop. `ring` holds the log lines for the API.

    `bootstrap_secret`: that of the first service account, if there is none yet.

    Raises SyncropelError for whatever keeps it from running.
    """
    # Before anything in the home is touched; opening the store takes this lock again and keeps it.
    StoreLock(home.store).release()
    with (
        listen_tcp(settings.server.port) as tcp,
        open_network(home, settings, time.time()) as network,
        asyncio.Runner(loop_factory=_loop) as runner,
    ):
        runner.run(_run(home, settings, tcp, network, ring, bootstrap_secret))


def _loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:  # not supported on this platform
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


async def _run(
    home: Home,
    settings: Settings,
    tcp: socket.socket,
    network: Network | None,
    ring: LogRing,
    bootstrap_secret: str,
) -> None:
    FAMILY.adopt()
    stop = _stop_on_signal()
    notifier = take_notifier(os.environ)
    identity = load_or_create_identity(home)
    # Outside the home, so that it survives the home's removal; the instance key keeps instances apart.
    key = f"instance-{identity.did.rpartition(':')[2]}"
    place = backup_path(user_data_path("syncropel"), key)
    known = lineage_files(home.lineage, place)
    store = await open_log(home, settings, os.environ, reserve=Reserve(home.reserve), lineage=known)
    os.environ.pop(PASSWORD, None)
    for told in store.told:
        log.warning("%s", told, extra={"on_screen": True})
    if store.hold is not None:
        log.error("the log is held: %s (%s)", store.hold.told, store.hold.hint, extra={"on_screen": True})
    # From here on this process holds the home's lock: an existing PID file or socket is a dead daemon's.
    try:
        write_pid(home)
        wanted = settings.adapters.wants_port
        with contextlib.ExitStack() as ends, listen_unix(home.socket) as door:
            endpoint = f"http://{HOST}:{tcp.getsockname()[1]}"
            reached_at = settings.fleet.advertise_url or endpoint
            # Before the first goal: whatever runs below this process name is a goal, not the operator.
            name_process(DAEMON)
            # Agents of the daemon before may ask as soon as their runs are taken back.
            agents = ends.enter_context(listen_gateway(home.gateway_port)) if wanted else None
            asked_at = agents.getsockname()[1] if agents is not None else 0
            instance = Instance(identity.did, home, reached_at, asked_at)
            runtime = Runtime()
            lifecycle = Lifecycle(store, instance, settings, runtime)
            doors = Doors(home, ring, settings, tcp, door, network)
            try:
                async with _meanwhile(notifier.starting(lifecycle.start_up)):
                    engine = await _started(lifecycle, doors, bootstrap_secret, stop)
                if engine is None:
                    log.info("stopped while the log was being read")
                    return
                if isinstance(store, SqliteStore):
                    saved = Saved(home, identity.did, place)
                    engine.backups = backups_of(saved, settings, os.environ, store, runtime)
                try:
                    log.info("spl %s listens on %s and %s", __version__, endpoint, home.socket)
                    log.info("store %s, %d records", store.place, store.count)
                    if not settings.auth.required:
                        log.warning("auth is off: everybody on this machine may call")
                    if engine.backups is None:
                        log.info("no backups of a log in a database are taken: %s", IN_DATABASE)
                    elif store.hold is None:  # what the backup has is better
                        engine.backups.begin()
                    await _serve(lifecycle, engine, doors, stop, agents, notifier)
                finally:
                    if engine.backups is not None:
                        await engine.backups.stop()
            finally:
                await lifecycle.stop()
                await doors.close()
    finally:
        try:
            await store.close()
        finally:
            remove_pid(home)


async def _started(
    lifecycle: Lifecycle, doors: Doors, bootstrap_secret: str, stop: asyncio.Event
) -> Engine | None:
    """Start the engine; return None when the stop came while the log was being read, which may take
    minutes.
    """
    if await lifecycle.unread() >= LONG:
        ruling = lifecycle.again()
        await doors.rule(ruling, lifecycle)
        try:
            return await _started_unless_stopped(lifecycle, bootstrap_secret, stop)
        finally:
            await ruling.stop(keep_work=True)
    with contextlib.closing(StartingServer(lifecycle.start_up, doors.tcp, doors.unix.listener)):
        return await _started_unless_stopped(lifecycle, bootstrap_secret, stop)


async def _started_unless_stopped(
    lifecycle: Lifecycle, bootstrap_secret: str, stop: asyncio.Event
) -> Engine | None:
    starting = asyncio.ensure_future(lifecycle.start(bootstrap_secret))
    stopping: asyncio.Future[Any] = asyncio.ensure_future(stop.wait())
    either: set[asyncio.Future[Any]] = {starting, stopping}
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not starting.done() and not lifecycle.start_up.done:
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        return None
    return await starting


class _Stop(asyncio.Event):
    """Set when this daemon is to end. `keep_work`: running work is left to the next one."""

    keep_work = False

    def leave_work(self) -> None:
        """End, and leave running work."""
        self.keep_work = True
        self.set()


def _stop_on_signal() -> _Stop:
    """What every termination signal sets; SIGHUP arrives when a daemon's terminal closes."""
    stop = _Stop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    asyncio.get_running_loop().add_signal_handler(STOP_KEEPING_WORK, stop.leave_work)
    return stop


@contextlib.asynccontextmanager
async def _meanwhile(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Do this beside what is inside, and end it then."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _serve(
    lifecycle: Lifecycle,
    engine: Engine,
    doors: Doors,
    stop: _Stop,
    agents: socket.socket | None,
    notifier: Notifier,
) -> None:
    """Serve until the stop; then accept no new connections, end the streams, and finish responses in
    progress.
    """
    webhooks = engine.webhooks = webhooks_of(engine)
    serving = doors.serve(engine)
    engine.vitals.memory.look()  # with everything imported and the log read: growth is measured from here
    waiting = asyncio.create_task(stop.wait())
    asked = AgentsApp(engine.desk, GatewayApp(engine.gateway))
    gateway = None if agents is None else GatewayServer(asked, agents)
    asking = None if gateway is None else asyncio.create_task(gateway.serve())
    async with _meanwhile(notifier.serving(lambda: doors.is_serving)), _meanwhile(webhooks.run()):
        await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    log.info("stopping")
    notifier.stopping()
    doors.end()
    await lifecycle.stop(keep_work=stop.keep_work)
    await serving
    if gateway is not None and asking is not None:  # until here agents were told why they end
        gateway.should_exit = True
        await asking
