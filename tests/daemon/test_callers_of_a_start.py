"""Callers while the log is read: whoever is idle keeps nobody out, and is ended."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path

import pytest

from syncropel.engine.start_up import StartUp
from syncropel.listening import starting
from syncropel.listening.starting import StartingServer

LIMIT_SECS = 60
REQUEST = b"GET /v1/start HTTP/1.1\r\n\r\n"


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[tuple[int, Path]]:
    """The port and the socket of a server that answers at once."""
    with listening(folder / "s") as unix, socket.create_server(("127.0.0.1", 0)) as tcp:
        tcp.setblocking(False)
        server = StartingServer(StartUp(), tcp, unix)
        try:
            async with asyncio.timeout(LIMIT_SECS):
                yield tcp.getsockname()[1], folder / "s"
        finally:
            server.close()


def listening(path: Path) -> closing[socket.socket]:
    unix = socket.socket(socket.AF_UNIX)
    unix.bind(os.path.relpath(path))
    unix.listen()
    unix.setblocking(False)
    return closing(unix)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(starting, "QUIET_SECS", 0.0)
    monkeypatch.chdir(tmp_path)  # the path of a socket may not be long


async def test_idle_callers_over_tcp_leave_the_operators_socket_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(starting, "_MOST_CALLERS", 2)
    async with serving(tmp_path) as (port, path):
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        assert await idle[2][0].read() == b"", "two are enough: the third one is sent away"
        reader, writer = await asyncio.open_unix_connection(os.path.relpath(path))
        writer.write(REQUEST)
        assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
        for _, one in [*idle, (reader, writer)]:
            one.close()


@pytest.mark.parametrize("sent", [b"", b"GET /v1/st"])
async def test_a_caller_without_a_request_is_ended_and_leaves_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(starting, "_MOST_CALLERS", 1)
    monkeypatch.setattr(starting, "REQUEST_SECS", 0.05)
    async with serving(tmp_path) as (port, _):
        reader, idle = await asyncio.open_connection("127.0.0.1", port)
        idle.write(sent)
        await ended(reader)
        idle.close()
        monkeypatch.setattr(starting, "REQUEST_SECS", float(LIMIT_SECS))
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(REQUEST)
        assert (await reader.read()).startswith(b"HTTP/1.1 503 ")
        writer.close()


async def ended(reader: asyncio.StreamReader) -> None:
    """Wait until the server has ended this connection: what it did not read makes that a reset."""
    with suppress(ConnectionResetError):
        assert await reader.read() == b""
