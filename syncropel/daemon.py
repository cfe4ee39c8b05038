"""The daemon process: opens the store, starts the engine, listens on TCP and on the Unix socket, stops well.

`python -m syncropel.daemon --home PATH` is what `spl serve` and the fleet launcher start.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import psutil
import uvicorn
from platformdirs import user_data_path

from syncropel import __version__
from syncropel.api.app import create_app
from syncropel.api.auth import OperatorDoor
from syncropel.engine.engine import Engine, Instance
from syncropel.engine.runtime import Runtime
from syncropel.errors import SetupError, SyncropelError
from syncropel.identity import load_or_create_identity, make_home
from syncropel.logs import LEVELS, start_logging
from syncropel.settings import HOST, Home, Settings, load_settings
from syncropel.store.backup import backup, backup_path
from syncropel.store.sqlite import SqliteStore

log = logging.getLogger("syncropel.daemon")

DRAIN_LIMIT_SECS: Final = 10
SWITCH_INTERVAL_SECS: Final = 0.0005
_BACKLOG: Final = 2048


def main(argv: Sequence[str] | None = None) -> int:
    """Run one daemon until SIGTERM or SIGINT. Gives the exit status: 0 stopped well, 1 could not start."""
    args = _parse(argv)
    home = Home(Path(args.home).absolute())
    # Python's default of 5 ms lets a busy event loop starve the thread that commits.
    sys.setswitchinterval(SWITCH_INTERVAL_SECS)
    try:
        settings = _settings(args, home)
        make_home(home)
        _start_logging(home, settings, to_stderr=args.foreground)
        with (
            _pid_file(home),
            _listen_tcp(settings.server.port) as tcp,
            _listen_unix(home) as unix,
            asyncio.Runner(loop_factory=_loop) as runner,
        ):
            runner.run(_serve(home, settings, tcp, unix))
    except SyncropelError as error:
        log.error("%s", error.message)
        print(f"spl: {error.message}\n     {error.hint}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m syncropel.daemon", description="Run one daemon.")
    parser.add_argument("--home", required=True)
    parser.add_argument("--port", type=int)
    parser.add_argument("--echo", action="store_true")
    parser.add_argument("--insecure-localhost", action="store_true")
    parser.add_argument("--foreground", action="store_true")
    return parser.parse_args(argv)


def _settings(args: argparse.Namespace, home: Home) -> Settings:
    settings = load_settings(home, os.environ)
    if args.port is not None:
        settings = replace(settings, server=replace(settings.server, port=args.port))
    if args.echo:
        settings = replace(settings, dispatch=replace(settings.dispatch, adapter="echo"))
    if args.insecure_localhost:
        settings = replace(settings, auth=replace(settings.auth, required=False))
    return settings


def _start_logging(home: Home, settings: Settings, *, to_stderr: bool) -> None:
    if settings.log.level not in LEVELS:
        raise SetupError(
            f"{home.config}: [log] level {settings.log.level!r} is unknown", f"one of {', '.join(LEVELS)}"
        )
    try:
        start_logging(home.log, settings.log.level, to_stderr=to_stderr)
    except OSError as error:
        raise SetupError(f"cannot write the log {home.log}: {error.strerror}", "check its owner") from None


def _loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:  # not on this platform
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


@contextlib.contextmanager
def _pid_file(home: Home) -> Iterator[None]:
    """Keep this process's id in the home while it runs. A stale file is replaced; a living daemon is not."""
    try:
        other = int(home.pid_file.read_text(encoding="ascii"))
    except (OSError, ValueError):
        other = 0
    if other and other != os.getpid() and _is_daemon(other, home):
        raise SetupError(f"a daemon runs here already (PID {other})", "stop it first: spl stop")
    if other:
        log.warning("replacing the stale PID file of process %d", other)
    try:
        home.pid_file.write_text(f"{os.getpid()}\n", encoding="ascii")
    except OSError as error:
        raise SetupError(f"cannot write {home.pid_file}: {error.strerror}", "check its owner") from None
    try:
        yield
    finally:
        with contextlib.suppress(OSError, ValueError):
            if int(home.pid_file.read_text(encoding="ascii")) == os.getpid():
                home.pid_file.unlink()


def _is_daemon(pid: int, home: Home) -> bool:
    try:
        words = psutil.Process(pid).cmdline()
    except psutil.Error:
        return False
    text = " ".join(words)
    return ("syncropel" in text or "spl" in text) and ("serve" in words or str(home.path) in text)


@contextlib.contextmanager
def _listen_tcp(port: int) -> Iterator[socket.socket]:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except (OSError, OverflowError) as error:
            told = getattr(error, "strerror", None) or str(error)
            raise SetupError(
                f"cannot listen on {HOST}:{port}: {told}",
                f"is another daemon there? see: ss -tlnp | grep {port}; or choose another with --port",
            ) from None
        listener.listen(_BACKLOG)
        listener.setblocking(False)
        yield listener
    finally:
        listener.close()


@contextlib.contextmanager
def _listen_unix(home: Home) -> Iterator[socket.socket]:
    """The operator's door: 0600 in a 0700 folder. A file left by a daemon that died is removed."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    path = home.socket
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.parent.stat().st_uid != os.getuid():
            raise SetupError(f"{path.parent} belongs to somebody else", "remove it, or shorten the home path")
        path.unlink(missing_ok=True)
        before = os.umask(0o177)
        try:
            listener.bind(str(path))
        finally:
            os.umask(before)
        listener.listen(_BACKLOG)
        listener.setblocking(False)
        yield listener
    except OSError as error:
        raise SetupError(f"cannot listen on {path}: {error.strerror or error}", "check its folder") from None
    finally:
        listener.close()
        path.unlink(missing_ok=True)


class _Server(uvicorn.Server):
    """Serves TCP and the Unix socket with one state, and leaves signals to us."""

    def __init__(self, tcp: uvicorn.Config, unix: uvicorn.Config, unix_socket: socket.socket) -> None:
        super().__init__(tcp)
        self._unix = unix
        self._unix_socket = unix_socket

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._unix.load()
        protocol = self._unix.http_protocol_class
        server = await asyncio.get_running_loop().create_unix_server(
            lambda: protocol(config=self._unix, server_state=self.server_state, app_state={}),  # type: ignore[call-arg]
            sock=self._unix_socket,
        )
        self.servers.append(server)


async def _serve(home: Home, settings: Settings, tcp: socket.socket, unix: socket.socket) -> None:
    identity = load_or_create_identity(home)
    # Outside the home, so that removing the home spares it; the instance key keeps instances apart.
    key = f"instance-{identity.did.rpartition(':')[2]}"
    saved = backup(home.store, backup_path(user_data_path("syncropel"), key))
    store = await SqliteStore.open(home.store, clock=time.time)
    try:
        endpoint = f"http://{HOST}:{tcp.getsockname()[1]}"
        engine = Engine(store, Instance(identity.did, home, endpoint), settings, Runtime())
        await engine.start(os.environ.get("SPL_BOOTSTRAP_TOKEN", ""))
        try:
            log.info("spl %s listens on %s and %s", __version__, endpoint, home.socket)
            log.info("store %s, %d records", home.store, store.count)
            log.info("backup %s, %d records%s", saved.path, saved.records, _refusal(saved.refused))
            if not settings.auth.required:
                log.warning("auth is off: everybody on this machine may call")
            await _until_signal(engine, tcp, unix)
        finally:
            await engine.stop()
    finally:
        await store.close()


def _refusal(reason: str) -> str:
    return f" (left as it is: {reason})" if reason else ""


async def _until_signal(engine: Engine, tcp: socket.socket, unix: socket.socket) -> None:
    app = create_app(engine)
    plain = {"lifespan": "off", "log_config": None, "access_log": False, "server_header": False, "ws": "none"}
    config = uvicorn.Config(app, http="httptools", timeout_graceful_shutdown=DRAIN_LIMIT_SECS, **plain)  # type: ignore[arg-type]
    operator = uvicorn.Config(OperatorDoor(app), http="httptools", **plain)  # type: ignore[arg-type]
    server = _Server(config, operator, unix)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    serving = asyncio.create_task(server.serve(sockets=[tcp]))
    waiting = asyncio.create_task(stopping.wait())
    await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    log.info("stopping")
    server.should_exit = True
    await engine.stop()
    await serving


if __name__ == "__main__":
    sys.exit(main())
