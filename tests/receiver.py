"""A small HTTP server that keeps what it is sent, for tests of what a daemon sends to others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class Receiver:
    """Takes every POST; answers what is next in `answers`, else 200. `stalls`: it never answers.

    An entry of `answers` is a status line without its version, and may have headers behind it.
    """

    url: str = ""
    answers: list[str] = field(default_factory=list)
    heads: list[dict[str, str]] = field(default_factory=list)
    """The headers of each request, by their names in lower case."""
    bodies: list[bytes] = field(default_factory=list)
    stalls: bool = False

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            lines = (line.partition(":") for line in head.split("\r\n")[1:] if line)
            headers = {name.lower(): value.strip() for name, _, value in lines}
            self.bodies.append(await reader.readexactly(int(headers["content-length"])))
            self.heads.append(headers)
            if not self.stalls:
                status = self.answers.pop(0) if self.answers else "200 OK"
                writer.write(f"HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())
        writer.close()


@asynccontextmanager
async def receiving(path: str) -> AsyncIterator[Receiver]:
    """One that listens at this path of a free port."""
    receiver = Receiver()
    server = await asyncio.start_server(receiver, "127.0.0.1", 0)
    async with server:
        receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}{path}"
        yield receiver
