"""Real servers that are slow, lie, or send without end: none holds a goal up, fills memory, or breaks it."""

from __future__ import annotations

import asyncio
import gzip
import resource
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from syncropel.adapters import Job, Outcome
from syncropel.adapters.contract import Place
from syncropel.adapters.http import HttpAdapter
from syncropel.peer.runtime import Runtime
from syncropel.settings.adapters import AdapterTable

LIMIT_SECS = 60.0
Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\n"


@asynccontextmanager
async def server(behaviour: Behaviour) -> AsyncIterator[str]:
    """A server on loopback that treats each connection so; gives its URL."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await behaviour(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as running:
        yield f"http://127.0.0.1:{running.sockets[0].getsockname()[1]}/run"


async def run(folder: Path, behaviour: Behaviour, **options: object) -> Outcome:
    async with server(behaviour) as url:
        place = Place(folder / "work", folder / "run", Runtime(), secrets=folder)
        table = AdapterTable(
            "mine", "http", options={"url": url, "retries": 0, "timeout_secs": 0.5, **options}
        )
        return await HttpAdapter(table, place).run(Job("th_child", "do it", 1, LIMIT_SECS), _never)


async def _never(kind: str, body: object) -> None:
    raise AssertionError("a post is no event")


def says(*parts: bytes, then: float = 0.0) -> Behaviour:
    """Read the head of the request, then send these parts, and wait so long before the end."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for part in parts:
            writer.write(part)
            await writer.drain()
        await asyncio.sleep(then)

    return behave


async def drips(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(OK + b"content-length: 1000000\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.01)


async def floods(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(OK + b"\r\n")
    while True:
        writer.write(b"x" * 65_536)
        await writer.drain()


async def floods_headers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(OK)
    while True:
        writer.write(b"x-header: " + b"y" * 60_000 + b"\r\n")
        await writer.drain()


async def reads_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(LIMIT_SECS)


DEEP = b"[" * 200_000
PACKED = gzip.compress(b"x" * 50_000_000)


@pytest.mark.parametrize(
    ("behaviour", "told"),
    [
        (reads_nothing, "no answer within 0.5s"),
        (drips, "no answer within 0.5s"),
        (floods, "the answer is over 4194304 bytes"),
        (says(b"SSH-2.0-OpenSSH_9.6\r\n"), "127.0.0.1: "),
        (says(b""), "Server disconnected"),
        (says(OK + b"content-length: 100\r\n\r\nshort"), "peer closed connection"),
        (says(OK + b"content-length: 5\r\ncontent-length: 6\r\n\r\nshort!"), "conflicting Content-Length"),
        (says(b"HTTP/1.1 302 Found\r\nlocation: /run\r\ncontent-length: 0\r\n\r\n"), "is not followed"),
        (says(b"HTTP/1.1 307 T\r\nlocation: http://[::1/\r\ncontent-length: 0\r\n\r\n"), ""),
        (says(OK + b"content-encoding: gzip\r\n\r\n" + PACKED), "the answer is packed (gzip)"),
    ],
    ids=[
        "deaf",
        "drips",
        "floods",
        "no http",
        "hangs up",
        "short",
        "two lengths",
        "moved",
        "bad url",
        "packed",
    ],
)
async def test_it_is_a_failure_in_words(tmp_path: Path, behaviour: Behaviour, told: str) -> None:
    outcome = await run(tmp_path, behaviour, timeout_secs=20.0 if "over" in told else 0.5)
    assert outcome.verdict == "failed"
    assert told in outcome.summary
    assert outcome.cost_usd == 0.0


async def test_headers_without_end_fill_no_memory(tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcome = await run(tmp_path, floods_headers, timeout_secs=20.0)
    assert outcome.verdict == "failed"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024


async def test_an_answer_of_brackets_is_a_text(tmp_path: Path) -> None:
    length = f"content-length: {len(DEEP)}\r\n\r\n".encode()
    outcome = await run(tmp_path, says(OK + length + DEEP), timeout_secs=20.0)
    assert (outcome.verdict, outcome.summary) == ("accept", "[" * 500)
