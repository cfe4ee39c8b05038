"""A Unix socket whose queue is full: the client waits for its place, and not for ever."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from syncropel.client import local
from syncropel.client.lines import NotConnected, Request
from syncropel.client.local import LocalLine

REQUEST = Request("GET", "/", {}, None, 10)
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok"


class Full:
    """A listener whose queue is full, with none who accepts until `serve`."""

    def __init__(self, path: Path) -> None:
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen(0)
        self.path = str(path)
        self.waiting: list[socket.socket] = []
        with contextlib.suppress(BlockingIOError):
            while True:
                one = socket.socket(socket.AF_UNIX)
                self.waiting.append(one)
                one.setblocking(False)
                one.connect(self.path)

    def serve(self) -> None:
        self.listener.settimeout(60)
        for _ in self.waiting:  # the last of them did not get a place, the client does
            connection, _ = self.listener.accept()
            with connection, contextlib.suppress(OSError):
                connection.settimeout(0.2)
                connection.recv(1000)
                connection.sendall(ANSWER)

    def close(self) -> None:
        for one in [self.listener, *self.waiting]:
            one.close()


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Full]:
    made = Full(tmp_path / "s")
    yield made
    made.close()


def test_a_client_waits_for_its_place(full: Full) -> None:
    serving = threading.Timer(0.2, full.serve)
    serving.start()
    line = LocalLine(Path(full.path), 10)
    with line.stream(REQUEST) as answer:
        assert b"".join(answer.iter_bytes()) == b"ok"
    serving.join()


async def test_an_async_client_waits_for_its_place(full: Full) -> None:
    serving = asyncio.get_running_loop().run_in_executor(None, full.serve)
    async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=full.path)) as client:
        assert (await client.get("http://x/")).text == "ok"
    await serving


def refused(path: str) -> None:
    with pytest.raises(NotConnected), LocalLine(Path(path), 10).stream(REQUEST):
        raise AssertionError("somebody answered")


def test_it_does_not_wait_for_ever(full: Full, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "PATIENCE_SECS", 0.05)
    refused(full.path)


def test_where_nobody_listens_it_does_not_wait(tmp_path: Path) -> None:
    refused(str(tmp_path / "nobody"))
