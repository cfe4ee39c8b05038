"""Serves one app on both sockets, and keeps room for the operator whoever else is connected."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Coroutine, Iterator
from functools import partial
from typing import Any, Final, cast

import uvicorn
from starlette.types import ASGIApp

from syncropel import __version__
from syncropel.api.http.auth import OperatorDoor
from syncropel.api.http.caller import BEHIND, NOT_OPERATOR, NotOperator
from syncropel.api.http.network import NetworkDoor
from syncropel.api.http.tally import (
    ACCEPT_ERRORS,
    CLOSED_FOR_ROOM,
    HANDSHAKES,
    REFUSED,
    TOO_MANY_AT_ONCE,
    Tally,
)
from syncropel.errors import Crowded
from syncropel.listening import serving
from syncropel.listening.acceptor import PAUSE_SECS, Acceptor, send_away
from syncropel.listening.callers import Callers, Sight
from syncropel.listening.connection import Connection, refusal
from syncropel.listening.connection_limit import ConnectionLimiter
from syncropel.listening.network import (
    BACKLOG,
    GOODBYE_SECS,
    HANDSHAKE_SECS,
    PLAIN,
    AddressLimiter,
    Network,
    speaks_tls,
)
from syncropel.listening.rate_limit import RateLimiter
from syncropel.system.descriptors import Shares
from syncropel.wire.version import HEADER

DRAIN_LIMIT_SECS: Final = 10
"""How long a stop waits for responses in progress."""
MAX_GOALS: Final = 32
"""Connections of goals to the Unix socket."""
GOALS_PER_SEC: Final = 50.0
"""New ones of these per second. More are dropped at once, so that those behind them do not wait for long."""
_SHED_AT_SHORTAGE: Final = 16
_TRIES: Final = 100


class Server(uvicorn.Server):
    """Serves one app on TCP and on the Unix socket, there as the operator's unless a goal calls.

    The caller handles signals.
    """

    def __init__(
        self,
        app: ASGIApp,
        tcp: socket.socket,
        unix: socket.socket,
        shares: Shares,
        tally: Tally,
        network: Network | None = None,
    ) -> None:
        super().__init__(serving.config(app, DRAIN_LIMIT_SECS, headers=[(HEADER, __version__)]))
        self._for_operator = OperatorDoor(app)
        self._network = network
        self._for_network = app if network is None else NetworkDoor(app, self._is_ours)
        self._addresses = AddressLimiter()
        self._callers = Callers()
        self._goal_rate = RateLimiter(GOALS_PER_SEC, MAX_GOALS)
        self._listeners = (tcp, unix)
        self._shares = shares
        self._tally = tally
        self._strangers = ConnectionLimiter(shares.tcp)
        # The operator may also take half of TCP's share: whoever runs 200 watches can still stop the fleet.
        self._operators = ConnectionLimiter(shares.operators + shares.tcp // 2)
        self._joining: set[asyncio.Task[None]] = set()
        tally.descriptors = shares.limit

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await self.lifespan.startup()
        loop = asyncio.get_running_loop()
        tcp, unix = self._listeners
        acceptors = [
            Acceptor(loop, tcp, self._admit_tcp, self._shortage),
            Acceptor(loop, unix, self._admit_unix, self._shortage),
        ]
        if self._network is not None:
            self._network.socket.listen(BACKLOG)
            others = Acceptor(loop, self._network.socket, self._admit_network, self._shortage)
            acceptors.insert(0, others)
        self.servers = cast("list[Any]", acceptors)
        self.started = True

    def listen_anew(self, unix: socket.socket) -> None:
        """Take operators from this socket from now on: nobody can reach the former one any more."""
        loop, (tcp, former) = asyncio.get_running_loop(), self._listeners
        self.servers[-1].close()
        former.close()
        self._listeners = (tcp, unix)
        self.servers[-1] = cast("Any", Acceptor(loop, unix, self._admit_unix, self._shortage))

    async def on_tick(self, counter: int) -> bool:
        self._tally.tcp, self._tally.unix = len(self._strangers), len(self._operators)
        self._tally.tcp_limit = self._strangers.limit
        self._tally.tell(asyncio.get_running_loop().time())
        return await super().on_tick(counter)

    def _admit_tcp(self, accepted: socket.socket) -> None:
        self._lend()
        connection = self._admit(accepted, self._strangers)
        if connection is not None:
            with contextlib.suppress(OSError):  # it has disconnected already
                near, far = accepted.getpeername(), accepted.getsockname()
                connection.stamp[BEHIND] = partial(self._callers.behind, near, far)
            self._soon(self._join(connection, accepted))

    def _admit_network(self, accepted: socket.socket) -> None:
        self._lend()
        try:
            near, far = accepted.getpeername()[:2], accepted.getsockname()[:2]
        except OSError:  # it has disconnected already
            accepted.close()
            return
        if not self._addresses.take(near[0], asyncio.get_running_loop().time()):
            accepted.close()
            self._tally.note(TOO_MANY_AT_ONCE)
            return
        connection = self._admit(accepted, self._strangers, plainly=False)
        if connection is not None:
            connection.app = self._for_network
            connection.stamp[BEHIND] = partial(self._callers.behind, near, far)
            connection.hang_up = partial(_hang_up, accepted)
            self._soon(self._join_network(connection, accepted))

    async def _join_network(self, connection: Connection, accepted: socket.socket) -> None:
        assert self._network is not None
        loop, tls = asyncio.get_running_loop(), self._network.served.context
        try:
            if not await speaks_tls(loop, accepted):
                self._strangers.leave(connection)
                send_away(accepted, refusal(PLAIN))
                return
            await loop.connect_accepted_socket(
                lambda: connection,
                accepted,
                ssl=tls,
                ssl_handshake_timeout=HANDSHAKE_SECS,
                ssl_shutdown_timeout=GOODBYE_SECS,
            )
        except (OSError, ValueError):  # no handshake: the caller knows why, from its own side
            self._strangers.leave(connection)
            accepted.close()
            self._tally.note(HANDSHAKES)

    def _is_ours(self, host: str) -> bool:
        return self._network is not None and self._network.served.certificate.is_for(host)

    def _admit_unix(self, accepted: socket.socket, tries: int = 1) -> None:
        try:
            sight = self._callers.look(accepted)
        except OSError:
            self._shortage()
            if tries < _TRIES:
                asyncio.get_running_loop().call_later(PAUSE_SECS, self._admit_unix, accepted, tries + 1)
            else:
                self._drop(accepted)
            return
        if sight.is_stranger and not self._goal_rate.take(asyncio.get_running_loop().time()):
            sight.close()
            self._drop(accepted)
            return
        while sight.is_stranger and self._operators.strangers >= MAX_GOALS and self._operators.shed():
            self._tally.note(CLOSED_FOR_ROOM)
        connection = self._admit(accepted, self._operators, known=not sight.is_stranger)
        self._lend()
        if connection is None:
            sight.close()
        else:
            self._soon(self._join_unix(connection, accepted, sight))

    def _drop(self, accepted: socket.socket) -> None:
        accepted.close()
        self._tally.note(REFUSED)

    def _lend(self) -> None:
        """Lend the operator descriptors beyond the Unix socket's share."""
        borrowed = max(0, len(self._operators) - self._shares.operators)
        self._strangers.limit = self._shares.tcp - borrowed
        while len(self._strangers) > self._strangers.limit and self._strangers.shed():
            self._tally.note(CLOSED_FOR_ROOM)

    def _admit(
        self,
        accepted: socket.socket,
        connections: ConnectionLimiter,
        *,
        known: bool = False,
        plainly: bool = True,
    ) -> Connection | None:
        """`plainly`: the caller can be told, without TLS, that there is no room."""
        if not self._make_room(connections):
            self._tally.note(REFUSED)
            if plainly:
                send_away(accepted, refusal(Crowded("all connections are in use", "try again in a moment")))
            else:
                accepted.close()
            return None
        connection = Connection(self.config, self.server_state, connections, self._tally)
        connections.enter(connection, known=known)
        return connection

    def _soon(self, joining: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(joining)
        self._joining.add(task)
        task.add_done_callback(self._joining.discard)

    async def _join_unix(self, connection: Connection, accepted: socket.socket, sight: Sight) -> None:
        try:
            who = await self._decide(sight)
        finally:
            sight.close()
        if who is None:
            connection.app = self._for_operator
        else:
            connection.stamp[NOT_OPERATOR] = who
            self._operators.demote(connection)
        await self._join(connection, accepted)

    async def _decide(self, sight: Sight) -> NotOperator | None:
        for _ in range(_TRIES):
            try:
                return await self._callers.decide(sight)
            except OSError:
                self._shortage()
                await asyncio.sleep(PAUSE_SECS)
        return NotOperator(0, problem="the daemon has no descriptor left to look")

    async def _join(self, connection: Connection, accepted: socket.socket) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(lambda: connection, accepted)
        except (OSError, ValueError):
            for connections in (self._strangers, self._operators):
                connections.leave(connection)
            accepted.close()
            self._tally.note(ACCEPT_ERRORS)

    def _make_room(self, connections: ConnectionLimiter) -> bool:
        gone = connections.make_room()
        if gone:
            self._tally.note(CLOSED_FOR_ROOM, gone)
        return gone is not None

    def _shortage(self) -> None:
        """The system is out of descriptors despite the reserve: take some from strangers."""
        self._tally.note(ACCEPT_ERRORS)
        for _ in range(_SHED_AT_SHORTAGE):
            if not self._strangers.shed():
                break
            self._tally.note(CLOSED_FOR_ROOM)


def _hang_up(accepted: socket.socket) -> None:
    """End a connection whose handshake is under way: that fails at once, and cleans up."""
    with contextlib.suppress(OSError):
        accepted.shutdown(socket.SHUT_RDWR)
