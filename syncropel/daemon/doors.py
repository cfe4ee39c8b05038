"""The doors of a daemon: TCP, the operator's socket, and that of other hosts; who answers there, from the
start to the end.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from typing import TYPE_CHECKING, Final

from syncropel.api.app import create_app
from syncropel.api.http.tally import Tally
from syncropel.api.while_reading import WhileReading
from syncropel.daemon.certificate import keep_certificate
from syncropel.engine.engine import Engine
from syncropel.engine.lifecycle import Lifecycle
from syncropel.errors import SetupError
from syncropel.listening.network import Network
from syncropel.listening.server import Server
from syncropel.listening.sockets import UnixDoor
from syncropel.settings.config import Settings
from syncropel.settings.home import Home
from syncropel.system.descriptors import raise_limit, share_out

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from syncropel.logs.ring import LogRing

log = logging.getLogger("syncropel.daemon")

LOOK_SECS: Final = 0.5
"""How often to check that the operator can still reach this daemon."""


class Doors:
    """Serves an engine on all doors; before there is one, if the log is long, its kill switch alone."""

    def __init__(
        self,
        home: Home,
        ring: LogRing,
        settings: Settings,
        tcp: socket.socket,
        unix: UnixDoor,
        network: Network | None = None,
    ) -> None:
        self.tcp, self.unix = tcp, unix
        self._network = network
        self._home = home
        self._ring = ring
        self._settings = settings
        self._tally = Tally()
        self._ruling: WhileReading | None = None
        self._server: Server | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def rule(self, ruling: Lifecycle, reader: Lifecycle) -> None:
        """Answer the kill switch from what rules over others, which is read at once, while `reader` reads the
        whole log; it gets the log for itself before it has read the last records. Raises StoreError.
        """
        engine = await ruling.start_ruling(reader.start_up)
        app = self._ruling = WhileReading(create_app(engine, self._ring, self._tally), reader.start_up)
        reader.before_the_last_records = lambda: app.close(ruling.stop)
        self._open(app)
        log.info("reading the log: %s; meanwhile the kill switch works", reader.start_up.words)

    def serve(self, engine: Engine) -> asyncio.Task[None]:
        """Answer everything; the task ends when no more is answered."""
        app = create_app(engine, self._ring, self._tally)
        if self._ruling is None:
            return self._open(app)
        self._ruling.serve(app)
        return self._tasks[0]

    @property
    def is_serving(self) -> bool:
        """Whether whoever connects is answered."""
        return self._server is not None and self._server.started

    def end(self) -> None:
        """Accept no new connections."""
        if self._server is not None:
            self._server.should_exit = True

    async def close(self) -> None:
        """End, and finish responses in progress."""
        self.end()
        for task in self._tasks[1:]:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _open(self, app: ASGIApp) -> asyncio.Task[None]:
        shares = share_out(raise_limit(), self._settings.dispatch.max_concurrent)
        log.info("at most %d TCP connections, of %d descriptors", shares.tcp, shares.limit)
        server = self._server = Server(app, self.tcp, self.unix.listener, shares, self._tally, self._network)
        self._tasks = [
            asyncio.create_task(server.serve(sockets=[self.tcp])),
            asyncio.create_task(self._keep(server)),
        ]
        if self._network is not None:
            log.info("other hosts are served on %s, with TLS", self._settings.server.listen)
            self._tasks.append(asyncio.create_task(keep_certificate(self._network.served)))
        return self._tasks[0]

    async def _keep(self, server: Server) -> None:
        """Keep the socket and the PID file where the operator looks for them: a goal can remove both."""
        home, told = self._home, ""
        while not server.should_exit:
            await asyncio.sleep(LOOK_SECS)
            if not server.started or not home.has_log:  # a removed home is not recreated
                continue
            try:
                if not self.unix.is_there():
                    server.listen_anew(self.unix.renew())
                    log.warning("the socket %s had disappeared: restored", home.socket)
                if not home.pid_file.exists():
                    write_pid(home)
                told = ""
            except SetupError as error:
                if error.message != told:
                    log.error("%s", error.message)
                told = error.message


def write_pid(home: Home) -> None:
    """Say in the home which process serves it. Raises SetupError."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        log.warning("replacing a stale PID file: %.20r", home.pid_file.read_text(encoding="ascii"))
    try:
        home.pid_file.write_text(f"{os.getpid()}\n", encoding="ascii")
    except OSError as error:
        raise SetupError(f"cannot write {home.pid_file}: {error.strerror}", "check its owner") from None


def remove_pid(home: Home) -> None:
    """Take it back, where it says this process."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        if home.pid_file.read_text(encoding="ascii").strip() == str(os.getpid()):
            home.pid_file.unlink()
