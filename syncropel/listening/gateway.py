"""The gateway's own port on 127.0.0.1: only agents call here, and the daemon's API cannot be reached."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp

from syncropel.adapters.gateway.app import ABORT, KNOWN
from syncropel.api.http.caller import RECOGNISED
from syncropel.api.http.tally import ACCEPT_ERRORS, CLOSED_FOR_ROOM, REFUSED, Tally
from syncropel.errors import Crowded, SetupError
from syncropel.listening import serving
from syncropel.listening.acceptor import Acceptor, send_away
from syncropel.listening.connection import Connection, refusal
from syncropel.listening.connection_limit import ConnectionLimiter
from syncropel.listening.sockets import listen_tcp

log = logging.getLogger("syncropel.daemon")

MOST_CONNECTIONS: Final = 512
_END_SECS: Final = 2


@contextlib.contextmanager
def listen_gateway(remembered: Path) -> Iterator[socket.socket]:
    """Listen on the port that this file names, or on any free one, and record which.

    An agent that outlives its daemon knows the port that it was given. Raises SetupError.
    """
    with contextlib.ExitStack() as stack:
        try:
            port = int(remembered.read_text(encoding="ascii"))
            listener = stack.enter_context(listen_tcp(port))
        except (OSError, ValueError):
            listener = stack.enter_context(listen_tcp(0))
        except SetupError as error:
            log.warning("%s; the gateway takes another port: agents that still run cannot ask", error.message)
            listener = stack.enter_context(listen_tcp(0))
        try:
            remembered.write_text(f"{listener.getsockname()[1]}\n", encoding="ascii")
        except OSError as error:
            raise SetupError(f"cannot write {remembered}: {error.strerror}", "check its owner") from None
        yield listener


class GatewayServer(uvicorn.Server):
    """Serves the gateway. The caller handles signals."""

    def __init__(self, app: ASGIApp, listener: socket.socket) -> None:
        super().__init__(serving.config(app, _END_SECS, date=False))
        self._listener = listener
        self._connections = ConnectionLimiter(MOST_CONNECTIONS)
        self._tally = Tally()
        self._joining: set[asyncio.Task[None]] = set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await self.lifespan.startup()
        acceptors: list[Any] = [
            Acceptor(asyncio.get_running_loop(), self._listener, self._admit, self._shortage)
        ]
        self.servers = acceptors
        self.started = True

    def _admit(self, accepted: socket.socket) -> None:
        if self._connections.make_room() is None:
            self._tally.note(REFUSED)
            send_away(accepted, refusal(Crowded("all connections are in use", "try again in a moment")))
            return
        connection = Connection(self.config, self.server_state, self._connections, self._tally)
        connection.stamp[ABORT] = connection.turn_away
        connection.stamp[KNOWN] = connection.stamp[RECOGNISED]
        self._connections.enter(connection)
        task = asyncio.ensure_future(self._join(connection, accepted))
        self._joining.add(task)
        task.add_done_callback(self._joining.discard)

    async def _join(self, connection: Connection, accepted: socket.socket) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(lambda: connection, accepted)
        except (OSError, ValueError):
            self._connections.leave(connection)
            accepted.close()

    def _shortage(self) -> None:
        self._tally.note(ACCEPT_ERRORS)
        if self._connections.shed():
            self._tally.note(CLOSED_FOR_ROOM)
