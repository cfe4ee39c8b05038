"""The connection to the daemon: one event stream, and the truth about how it is.

    RETRYING ──snapshot──> LIVE ──silence──> STALE ──any event──> LIVE
       ^  ^                  └─────stream breaks─────┐
       │  └──────────────────────────────────────────┘
       └─3 refused tries─> DOWN (goes on trying; a snapshot makes it LIVE)

Nothing that the daemon or the network does raises out of here: every failure becomes a `Link` with a message
and a hint. Clock, sleep and randomness are given, so that tests pass time by hand.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from syncropel import client
from syncropel import wire as schema
from syncropel.backoff import backoff_secs
from syncropel.errors import DaemonNotRunning, RemoteError, SyncropelError
from syncropel.wire.start_words import STARTING
from tui.model.link import Link, Phase, Trouble

if TYPE_CHECKING:
    from syncropel.client import Event

WATCH: Final = "/v1/fleet/watch"
SILENCE: Final = 2.5  # heartbeat intervals of silence before data counts as stale
REFUSALS: Final = 3  # failed tries before "retrying" becomes "down"
BASE_SECS: Final = 0.5
STARTING_SECS: Final = 2.0
"""Between two looks at a daemon that reads its log."""
MAX_SECS: Final = 5.0
UNSEEN_SECS: Final = 30.0
"""Longest wait between two tries while nobody is looking."""


class Stream(Protocol):
    """The part of the client that the connection uses."""

    def watch(self, path: str, last_id: str = "") -> AbstractAsyncContextManager[AsyncIterator[Event]]: ...


@dataclass(frozen=True)
class Broken:
    """How a stream ended. `delay` is the daemon's requested wait before the next try, if any."""

    message: str
    hint: str = ""
    delay: float | None = None
    kind: Trouble = ""


class Connection:
    """Keeps one stream open indefinitely; reports what it hears and the connection's state."""

    def __init__(
        self,
        stream: Stream,
        on_status: Callable[[schema.FleetStatus], None],
        on_link: Callable[[Link], None],
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._stream, self._on_status, self._on_link = stream, on_status, on_link
        self._clock, self._sleep, self._jitter = clock, sleep, jitter
        self._inner: asyncio.Future[Any] | None = None
        self._nudged = False
        self._refused = 0
        self.link = Link()
        self.most = MAX_SECS
        """Longest wait between two tries, in seconds."""

    def hurry(self) -> None:
        """Somebody is looking: stop waiting for the next try."""
        if self.link.retry_at is not None:
            self.reconnect()

    def reconnect(self) -> None:
        """Try again now, whatever is going on."""
        self._nudged = True
        if self._inner is not None:
            self._inner.cancel()

    async def run(self) -> None:
        """Connect, follow, and start over, until cancelled."""
        while True:
            self._nudged = False
            self._tell(self.link.trying(self._refused + 1))
            followed = await self._hold(self._follow())
            if self._nudged:
                continue
            broken = _reason(followed)
            heard = self.link.phase is Phase.LIVE
            self._refused = 0 if heard or broken.kind == "starting" else self._refused + 1
            if broken.kind == "denied":
                self._refused = max(self._refused, REFUSALS)
            pause = broken.delay
            if pause is None:
                pause = backoff_secs(self._refused + 1, BASE_SECS, self.most, self._jitter())
            phase = Phase.DOWN if self._refused >= REFUSALS else Phase.RETRYING
            again = self._clock() + pause
            self._tell(
                self.link.lost(phase, self._refused + 1, again, broken.message, broken.hint, broken.kind)
            )
            await self._hold(self._pause(pause))

    async def _pause(self, secs: float) -> None:
        await self._sleep(secs)

    async def _hold(self, work: Coroutine[Any, Any, Any]) -> asyncio.Future[Any]:
        """Run `work` so that `reconnect` can end it without ending this task; return it when it is done."""
        inner = self._inner = asyncio.ensure_future(work)
        try:
            await asyncio.wait({inner})
        except asyncio.CancelledError:
            inner.cancel()
            await asyncio.wait({inner})
            raise
        return inner

    async def _follow(self) -> Broken:
        async with self._stream.watch(WATCH) as events:
            async for event in events:
                if (broken := self._hear(event)) is not None:
                    return broken
        return Broken("the daemon closed the stream", "it may be restarting; see: spl status")

    def _hear(self, event: Event) -> Broken | None:
        data = event.data if isinstance(event.data, dict) else {}
        if event.name == "server_shutdown":
            after = data.get("retry_after_ms")
            known = isinstance(after, int | float) and 0 <= after <= 60_000
            return Broken(
                "the daemon is shutting down",
                "it reconnects by itself when the daemon is back",
                after / 1000 if known and isinstance(after, int | float) else None,
            )
        if event.name == "error":
            message, hint = (
                str(data.get("message") or "the daemon ended the stream"),
                str(data.get("hint", "")),
            )
            return Broken(message, hint, BASE_SECS)
        if event.name == "fleet.snapshot":
            status = client.reading.document(schema.FleetStatus, event.data)
            self._refused = 0
            limit = SILENCE * max(status.heartbeat_interval_secs, 0.1)
            self._on_status(status)
            self._tell(self.link.live(self._clock(), limit))
        elif self.link.phase is Phase.LIVE:
            self._tell(self.link.live(self._clock(), self.link.limit))
        return None

    def _tell(self, link: Link) -> None:
        self.link = link
        self._on_link(link)


def _reason(ended: asyncio.Future[Any]) -> Broken:
    """Why a stream ended, in words an operator can act on."""
    if ended.cancelled():
        return Broken("the connection was given up", "it is tried again by itself")
    error = ended.exception()
    if error is None:
        result = ended.result()
        assert isinstance(result, Broken)
        return result
    if isinstance(error, RemoteError) and error.code == STARTING:
        return Broken(error.message, error.hint, STARTING_SECS, "starting")
    if isinstance(error, RemoteError):
        kind: Trouble = "denied" if error.status in (401, 403) else ""
        return Broken(f"{error.message} (HTTP {error.status} {error.code})", error.hint, kind=kind)
    if isinstance(error, SyncropelError):
        absent = isinstance(error, DaemonNotRunning)
        return Broken(error.message, error.hint, kind="absent" if absent else "")
    return Broken(f"unexpected: {type(error).__name__}: {error}", "if it stays, please report it")
