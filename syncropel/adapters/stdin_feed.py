"""Feeds a running goal's stdin through its supervisor, across daemons."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Final

from syncropel.adapters.control_socket import control_socket
from syncropel.adapters.models.words import read_object

_REST_SECS: Final = 0.02


class StdinFeed:
    """The stdin of one run. Methods raise OSError when its supervisor is gone."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._asking: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._feeding: asyncio.StreamWriter | None = None

    async def taken(self) -> int:
        """How many bytes the supervisor has taken for the goal, from every daemon so far.

        Call it before the first `send`: it waits until everything that an earlier daemon sent is counted,
        which may take as long as the goal does not read.
        """
        while (told := await self._fed())["feeding"]:  # noqa: ASYNC110 - another process tells it
            await asyncio.sleep(_REST_SECS)
        return int(told["bytes"])

    async def send(self, data: bytes) -> None:
        """Send this to the goal. Waits while the goal does not read."""
        if self._feeding is None:
            _, self._feeding = await self._connect()
            self._feeding.write(b"stdin\n")
        self._feeding.write(data)
        await self._feeding.drain()

    async def close(self, sent: int) -> None:
        """Close the goal's stdin after these bytes, once the supervisor has them all."""
        while (await self._fed())["bytes"] < sent:  # noqa: ASYNC110 - another process tells it
            await asyncio.sleep(_REST_SECS)
        _, asking = await self._ask()
        asking.write(b"close\n")
        await asking.drain()

    def leave(self) -> None:
        """Close the connections; the goal's stdin stays open."""
        for writer in (self._feeding, self._asking and self._asking[1]):
            if writer is not None:
                writer.close()
        self._asking, self._feeding = None, None

    async def _fed(self) -> dict[str, Any]:
        """The supervisor's answer. It also tells everybody when the run starts and ends."""
        reader, writer = await self._ask()
        writer.write(b"fed\n")
        await writer.drain()
        while line := await reader.readline():
            told = read_object(line) or {}
            if told.get("said") == "fed":
                return told
        raise ConnectionError("its supervisor has ended")

    async def _ask(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._asking is None:
            self._asking = await self._connect()
        return self._asking

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        with control_socket(self._folder) as address:
            return await asyncio.open_unix_connection(address)
