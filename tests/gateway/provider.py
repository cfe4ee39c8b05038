"""A provider on loopback that answers as a test says, byte by byte."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

MODEL = "claude-opus-4-8"
READ, CACHED, WRITTEN, SAID = 1000, 200, 50, 20
"""Tokens of each answer."""
TOKENS = READ + CACHED + WRITTEN + SAID
USD = 0.0059125
"""What one answer costs."""
ASKED = json.dumps({"model": MODEL, "max_tokens": 100, "messages": []}).encode()
"""A request that asks for one."""


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    line: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name]


Play = Callable[[Asked, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Provider:
    """`play` answers. `gone`: the other side closed a connection while an answer was under way."""

    play: Play
    asked: list[Asked] = field(default_factory=list)
    port: int = 0
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    carriers: set[asyncio.Task[Any]] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (task := asyncio.current_task()) is not None:
            self.carriers.add(task)
            task.add_done_callback(self.carriers.discard)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while line := (await reader.readline()).decode("latin-1").strip():
                headers = []
                while head := (await reader.readline()).decode("latin-1").strip():
                    name, _, value = head.partition(":")
                    headers.append((name, value.strip()))
                size = next((int(value) for name, value in headers if name.lower() == "content-length"), 0)
                asked = Asked(line, headers, await reader.readexactly(size))
                self.asked.append(asked)
                self.begun.set()
                playing = asyncio.ensure_future(self.play(asked, writer))
                leaving = asyncio.ensure_future(reader.read(1))
                await asyncio.wait({playing, leaving}, return_when=asyncio.FIRST_COMPLETED)
                if not playing.done():
                    self.gone.set()
                for one in (playing, leaving):
                    one.cancel()
                await asyncio.gather(playing, leaving, return_exceptions=True)
                break
        writer.close()


@contextlib.asynccontextmanager
async def serving(play: Play) -> AsyncIterator[Provider]:
    """Have a provider that answers so."""
    provider = Provider(play)
    server = await asyncio.start_server(provider.serve, "127.0.0.1", 0, limit=2**26)
    provider.port = server.sockets[0].getsockname()[1]
    try:
        yield provider
    finally:
        server.close()
        for one in provider.carriers:
            one.cancel()
        await asyncio.gather(*provider.carriers, return_exceptions=True)


def events(
    model: str = MODEL, *, counts: dict[str, Any] | None = None, ends: dict[str, Any] | None = None
) -> list[dict[str, Any]]:
    """An answer of Anthropic's as events. `counts`, `ends`: other usage at its start and at its end."""
    usage = {
        "input_tokens": READ,
        "cache_read_input_tokens": CACHED,
        "cache_creation_input_tokens": WRITTEN,
        "output_tokens": 1,
    }
    message = {"id": "m", "type": "message", "role": "assistant", "model": model, "content": []}
    last = {"output_tokens": SAID} if ends is None else ends
    return [
        {"type": "message_start", "message": {**message, "usage": usage if counts is None else counts}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Done."}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": last},
        {"type": "message_stop"},
    ]


def encoded(one: dict[str, Any]) -> bytes:
    return f"event: {one['type']}\ndata: {json.dumps(one)}\n\n".encode()


STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"


def streams(found: list[dict[str, Any]] | None = None) -> Play:
    """Plays these events."""

    async def play(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM)
        for one in events() if found is None else found:
            writer.write(encoded(one))
            await writer.drain()

    return play


def says(status: int, body: Any, *headers: str) -> Play:
    """Plays one whole answer."""

    async def play(asked: Asked, writer: asyncio.StreamWriter) -> None:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        head = "".join(f"{line}\r\n" for line in ("content-type: application/json", *headers))
        writer.write(f"HTTP/1.1 {status} X\r\ncontent-length: {len(raw)}\r\n{head}\r\n".encode() + raw)
        await writer.drain()

    return play


def message(**more: Any) -> dict[str, Any]:
    """An answer of Anthropic's that is no stream."""
    usage = {
        "input_tokens": READ,
        "cache_read_input_tokens": CACHED,
        "cache_creation_input_tokens": WRITTEN,
        "output_tokens": SAID,
    }
    return {"id": "m", "type": "message", "model": MODEL, "content": [], "usage": usage, **more}
