"""Accepts the connections of one listening socket, in an event loop that has other things to do."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Final

from syncropel.system.ancestry import SHORTAGES

PER_TURN: Final = 16
"""Connections accepted per turn of the loop: a flood on one socket leaves the other its turn."""
PAUSE_SECS: Final = 0.05
"""How long accepting pauses when the system has no descriptor or no memory for another connection."""


class Acceptor:
    """Hands each connection to `admit`, which owns it from then on; `shortage` is called when there is no
    room.

    The event loop's own server is not used: at a shortage it drops whoever waits, even the operator.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        listener: socket.socket,
        admit: Callable[[socket.socket], None],
        shortage: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._listener = listener
        self._admit = admit
        self._shortage = shortage
        self._pause: asyncio.TimerHandle | None = None
        loop.add_reader(listener, self._accept)

    def close(self) -> None:
        """Stop accepting. Those still waiting get no answer from here."""
        if self._pause is not None:
            self._pause.cancel()
        self._loop.remove_reader(self._listener)

    async def wait_closed(self) -> None:
        """Part of uvicorn's server interface: closing is immediate."""

    def _accept(self) -> None:
        for _ in range(PER_TURN):
            try:
                accepted, _ = self._listener.accept()
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                if error.errno in SHORTAGES:
                    self._stand_still()
                    return
                continue  # it disconnected while it waited
            accepted.setblocking(False)
            self._admit(accepted)

    def _stand_still(self) -> None:
        self._shortage()
        self._loop.remove_reader(self._listener)
        self._pause = self._loop.call_later(PAUSE_SECS, self._go_on)

    def _go_on(self) -> None:
        self._pause = None
        self._loop.add_reader(self._listener, self._accept)


def send_away(connection: socket.socket, answer: bytes) -> None:
    """Send an answer without reading first, if that is possible at once, and close."""
    with contextlib.closing(connection), contextlib.suppress(OSError):
        # Unread input at the close would make the system drop the answer, too.
        with contextlib.suppress(BlockingIOError):
            connection.recv(64 * 1024)
        connection.send(answer)
        connection.shutdown(socket.SHUT_WR)
