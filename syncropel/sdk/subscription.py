"""Follows a thread: records as they arrive, across restarts of the daemon and broken connections."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol
from urllib.parse import quote

from syncropel.backoff import backoff_secs
from syncropel.client.async_transport import AsyncClient
from syncropel.errors import SyncropelError
from syncropel.sdk.connection import log

DisconnectReason = Literal[
    "client_close", "server_shutdown", "lagged", "transport_error", "heartbeat_timeout"
]
Callback = Callable[[dict[str, Any]], None]

RECONNECT_BASE_SECS: Final = 0.5
RECONNECT_MAX_SECS: Final = 30.0
HEARTBEAT_TIMEOUT_SECS: Final = 60.0
_RESTART_SECS: Final = 5.0


@dataclass
class SubscribeError:
    """A stream that ended. `attempt` counts from 0 since the last event; `next_retry_s` is in seconds."""

    reason: DisconnectReason
    message: str
    attempt: int
    next_retry_s: float


@dataclass
class StreamEnd:
    """Why one stream ended, the cursor of its last event, and the daemon's requested delay (seconds)."""

    reason: DisconnectReason
    last_cursor: str | None
    error: str = ""
    retry_after_s: float | None = None


@dataclass
class StreamHooks:
    """Callbacks during a stream; `on_record` receives the record and its cursor."""

    on_record: Callable[[dict[str, Any], str | None], None]
    on_open: Callable[[], None] = field(default=lambda: None)
    on_heartbeat: Callable[[], None] = field(default=lambda: None)


class Transport(Protocol):
    """Carries a subscription: opens one stream and returns why it ended."""

    @property
    def name(self) -> Literal["sse", "ws"]: ...

    async def run(
        self,
        *,
        endpoint: str,
        thread: str,
        cursor: str | None,
        since_clock: int | None,
        api_key: str | None,
        bearer: str | None,
        heartbeat_timeout_s: float,
        client: AsyncClient,
        cancel_event: asyncio.Event,
        hooks: StreamHooks,
    ) -> StreamEnd: ...


class SseTransport:
    """Server-sent events of `GET /v1/threads/{thread}/watch`."""

    name: Literal["sse", "ws"] = "sse"

    async def run(
        self,
        *,
        endpoint: str,
        thread: str,
        cursor: str | None,
        since_clock: int | None,
        api_key: str | None,
        bearer: str | None,
        heartbeat_timeout_s: float,
        client: AsyncClient,
        cancel_event: asyncio.Event,
        hooks: StreamHooks,
    ) -> StreamEnd:
        """Run one stream, from opening to end. Raises nothing but CancelledError.

        `client` has `endpoint` and `api_key`; `bearer` replaces its token for this stream.
        """
        since = "" if since_clock is None else f"?since_clock={since_clock}"
        path = f"/v1/threads/{quote(thread, safe='')}/watch{since}"
        limit = heartbeat_timeout_s if heartbeat_timeout_s > 0 else None
        try:
            async with client.watch(path, cursor or "", bearer=bearer or "") as events:
                hooks.on_open()
                while True:
                    async with asyncio.timeout(limit):
                        event = await anext(events, None)
                    if event is None:
                        return StreamEnd("transport_error", cursor, "the stream ended")
                    cursor = event.id or cursor
                    data = event.data if isinstance(event.data, dict) else {}
                    end = _take(event.name, data, cursor, hooks)
                    if end is not None:
                        return end
        except TimeoutError:
            return StreamEnd("heartbeat_timeout", cursor, f"nothing was heard for {heartbeat_timeout_s:g} s")
        except SyncropelError as error:
            return StreamEnd("transport_error", cursor, error.message)


def _take(name: str, data: dict[str, Any], cursor: str | None, hooks: StreamHooks) -> StreamEnd | None:
    """Handle an event; return why the stream is over, if it is."""
    if name == "record.created" and isinstance(record := data.get("record"), dict):
        hooks.on_record({"id": data.get("id"), **record}, cursor)
    elif name == "heartbeat":
        hooks.on_heartbeat()
    elif name == "error":
        lagged = data.get("code") == "lagged"
        return StreamEnd("lagged" if lagged else "transport_error", cursor, str(data.get("message", "")))
    elif name == "server_shutdown":
        after = data.get("retry_after_ms")
        secs = after / 1000 if isinstance(after, int | float) and after >= 0 else _RESTART_SECS
        return StreamEnd("server_shutdown", cursor, "the daemon is stopping", secs)
    return None


@dataclass(frozen=True)
class Wanted:
    """A subscription's options; times in seconds."""

    endpoint: str
    thread: str
    since_clock: int | None
    api_key: str | None
    bearer: str | None
    on_record: Callback
    on_error: Callable[[SubscribeError], None] | None
    on_open: Callable[[], None] | None
    on_heartbeat: Callable[[], None] | None
    reconnect_base_s: float
    reconnect_max_s: float
    max_reconnects: float
    heartbeat_timeout_s: float


class Subscription:
    """Follows a thread in its own task until it is closed; each record is delivered once.

    Created by `Client.subscribe`.
    """

    def __init__(self, wanted: Wanted, transport: Transport, client: AsyncClient) -> None:
        self._wanted, self._transport, self._client = wanted, transport, client
        self._cursor: str | None = None
        self._attempt = 0
        self._closing = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._task = self._loop.create_task(self._follow())

    @property
    def thread(self) -> str:
        """The followed thread."""
        return self._wanted.thread

    @property
    def transport_name(self) -> Literal["sse", "ws"]:
        """The name of its transport."""
        return self._transport.name

    @property
    def cursor(self) -> str | None:
        """Where a new stream would continue; None before the first record."""
        return self._cursor

    @property
    def closed(self) -> bool:
        """Whether nothing more will come: it was closed, or gave up."""
        return self._task.done()

    def close(self) -> None:
        """Stop following. Safe to call twice, and from any thread."""
        with suppress(RuntimeError):  # the event loop is gone, and the task with it
            self._loop.call_soon_threadsafe(self._stop)

    async def wait_closed(self, timeout: float | None = None) -> None:
        """Wait until it is closed, for at most `timeout` seconds."""
        await asyncio.wait([self._task], timeout=timeout)

    def _stop(self) -> None:
        self._closing.set()
        self._task.cancel()

    async def _follow(self) -> None:
        while not self._closing.is_set():
            end = await self._stream()
            self._cursor = end.last_cursor or self._cursor
            if end.reason == "client_close":
                return
            pause = self._pause(end)
            error = SubscribeError(end.reason, end.error or end.reason, self._attempt, pause)
            _call(self._wanted.on_error, error)
            if self._attempt >= self._wanted.max_reconnects:
                return
            self._attempt += 1
            await asyncio.sleep(pause)

    async def _stream(self) -> StreamEnd:
        wanted = self._wanted
        try:
            return await self._transport.run(
                endpoint=wanted.endpoint,
                thread=wanted.thread,
                cursor=self._cursor,
                since_clock=wanted.since_clock if self._cursor is None else None,
                api_key=wanted.api_key,
                bearer=wanted.bearer,
                heartbeat_timeout_s=wanted.heartbeat_timeout_s,
                client=self._client,
                cancel_event=self._closing,
                hooks=StreamHooks(self._on_record, lambda: _call(wanted.on_open), self._on_heartbeat),
            )
        except Exception as error:  # noqa: BLE001 - a transport of the program's own may raise anything
            log.exception("the transport of a subscription failed")
            return StreamEnd("transport_error", self._cursor, f"{type(error).__name__}: {error}")

    def _pause(self, end: StreamEnd) -> float:
        wanted = self._wanted
        if end.reason == "server_shutdown":
            return min(end.retry_after_s or 0.0, wanted.reconnect_max_s)
        first, longest = wanted.reconnect_base_s, wanted.reconnect_max_s
        return backoff_secs(self._attempt + 1, first, longest, random.random())

    def _on_record(self, record: dict[str, Any], cursor: str | None) -> None:
        if not self._closing.is_set():
            self._attempt = 0
            self._cursor = cursor or self._cursor
            _call(self._wanted.on_record, record)

    def _on_heartbeat(self) -> None:
        self._attempt = 0
        _call(self._wanted.on_heartbeat)


def _call(function: Callable[..., object] | None, *args: object) -> None:
    """Call the program's callback; an error in it is logged, and the subscription continues."""
    try:
        if function is not None:
            function(*args)
    except Exception:  # noqa: BLE001 - a mistake in the program's own function must not end the stream
        log.exception("a callback of a subscription failed")
