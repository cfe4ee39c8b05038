"""The socket for other hosts. It is open only with TLS, and nothing is anonymous there."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from syncropel.errors import BadRequest, SetupError
from syncropel.listening.rate_limit import RateLimiter
from syncropel.listening.served import Served
from syncropel.settings.config import Settings, split_listen
from syncropel.settings.home import Home

HANDSHAKE_SECS: Final = 10.0
"""From the connection to its first byte, and from there to the end of the handshake."""
GOODBYE_SECS: Final = 1.0
"""How long an ended connection waits for the other side to end it, too: an idle client reads nothing."""
PER_SEC: Final = 20.0
BURST: Final = 64
"""New connections from one address; more are closed at once. A handshake costs a millisecond of the daemon's
event loop, and its sender nothing.
"""
_ADDRESSES: Final = 4096
BACKLOG: Final = 2048
_TLS_HANDSHAKE: Final = b"\x16"

PLAIN: Final = BadRequest("this port speaks TLS, not plain HTTP", "use https://", code="SPEAKS_TLS")


@dataclass(frozen=True)
class Network:
    """An open socket for other hosts, and the certificate that they see."""

    socket: socket.socket
    served: Served

    @property
    def port(self) -> int:
        return int(self.socket.getsockname()[1])


@contextlib.contextmanager
def open_network(home: Home, settings: Settings, now: float) -> Iterator[Network | None]:
    """Take the port of `[server] listen`; None: nothing was asked for. Nobody is accepted before `listen()`.

    Raises SetupError without auth, without a certificate, or when the port is not available.
    """
    if not settings.server.listen:
        yield None
        return
    address = split_listen(settings.server.listen)
    if not settings.auth.required:
        raise SetupError(
            f"refused to listen on {settings.server.listen} with auth off: whoever reaches it could write",
            "set [auth] required = true, and leave out --insecure-localhost; or empty [server] listen",
        )
    served = Served(home, settings.server, now)
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
        except OSError as error:
            raise SetupError(
                f"cannot listen on {settings.server.listen}: {error.strerror or error}",
                f"is another daemon there? see: ss -tlnp | grep {address[1]}; or change [server] listen",
            ) from None
        listener.setblocking(False)
        yield Network(listener, served)


async def speaks_tls(loop: asyncio.AbstractEventLoop, accepted: socket.socket) -> bool:
    """Whether the first byte of a new connection begins a handshake. Raises OSError when none comes."""
    ready = asyncio.Event()
    loop.add_reader(accepted.fileno(), ready.set)
    try:
        await asyncio.wait_for(ready.wait(), HANDSHAKE_SECS)
    finally:
        loop.remove_reader(accepted.fileno())
    first = accepted.recv(1, socket.MSG_PEEK)
    if not first:
        raise ConnectionAbortedError("ended before its first byte")
    return first == _TLS_HANDSHAKE


class AddressLimiter:
    """How often each address may connect; the longest silent are forgotten."""

    def __init__(self, per_sec: float = PER_SEC, burst: int = BURST, most: int = _ADDRESSES) -> None:
        self._per_sec = per_sec
        self._burst = burst
        self._most = most
        self._known: OrderedDict[str, RateLimiter] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def take(self, address: str, now: float) -> bool:
        """Whether this address may connect now, in seconds of a monotonic clock."""
        limiter = self._known.pop(address, None) or RateLimiter(self._per_sec, self._burst)
        self._known[address] = limiter
        if len(self._known) > self._most:
            self._known.popitem(last=False)
        return limiter.take(now)
