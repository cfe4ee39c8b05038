"""Sends the head and the body of an answer together: one system call and one packet, in place of two."""

from __future__ import annotations

import asyncio
from typing import Any


class JoinedWrites:
    """A transport that holds what is written to it until more comes, at most for a turn of the event loop.

    uvicorn writes the head as soon as it is known; most bodies follow at once, in the same turn. What else
    a transport can do, this one does by way of the other.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held = b""
        self.is_closing = transport.is_closing

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """As `Transport.write`."""
        if self._held:
            held, self._held = self._held, b""
            self._transport.writelines((held, data))
        elif data:
            self._held = data
            self._loop.call_soon(self._flush)

    def close(self) -> None:
        """As `Transport.close`: after what was written."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._held:
            held, self._held = self._held, b""
            if not self._transport.is_closing():
                self._transport.write(held)
