"""The one event stream to the daemon, and the truth about it.

    CONNECTING ──▶ LIVE ──silence──▶ STALE ──▶ LIVE
                    └──broken──▶ STALE ──a try failed──▶ RETRYING ──nobody there──▶ DOWN
                                                        └──401, 403──▶ DENIED
    Every state leads back to LIVE by itself, with the next good snapshot.

No Textual here: clock (monotonic seconds), sleep and random are passed in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, Protocol

from pydantic import ValidationError

from syncropel.api.schema import FleetStatus
from syncropel.client import Event
from syncropel.errors import DaemonNotRunning, DaemonUnreachable, RemoteError, SyncropelError
from tui.model.link import Link, Phase

WATCH_PATH: Final = "/v1/fleet/watch"
SILENT_INTERVALS: Final = 2.2  # two beats may be late by a little; more is silence
MAX_BACKOFF_SECS: Final = 5.0
FIRST_BACKOFF_SECS: Final = 0.25
REFUSALS_UNTIL_DOWN: Final = 3
DEFAULT_INTERVAL_SECS: Final = 5.0


class Watches(Protocol):
    """The part of the client that is used here."""

    def watch(self, path: str, last_id: str = "") -> AbstractAsyncContextManager[Any]: ...


class Connection:
    """Keeps the stream open for ever.

    `on_snapshot` gets each snapshot and when it came; `on_link` is called when the state moved.
    """

    def __init__(
        self,
        client: Watches,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        random: Callable[[], float],
        on_snapshot: Callable[[FleetStatus, float], None],
        on_link: Callable[[], None],
    ) -> None:
        self._client, self._clock, self._sleep, self._random = client, clock, sleep, random
        self._on_snapshot, self._on_link = on_snapshot, on_link
        self._open = False
        self._heard_at: float | None = None
        self._snapshot_at: float | None = None
        self._interval = DEFAULT_INTERVAL_SECS
        self._failures = 0
        self._refusals = 0
        self._retry_at: float | None = None
        self._error: SyncropelError | None = None
        self._asked_pause: float | None = None
        self._current: asyncio.Future[Any] | None = None

    def link(self) -> Link:
        """The state at this instant. Silence alone changes it, so ask again as time passes."""
        now = self._clock()
        age = None if self._heard_at is None else max(0.0, now - self._heard_at)
        if self._open and age is not None:
            if age <= self._interval * SILENT_INTERVALS:
                return Link(Phase.LIVE, age)
            hint = "is it busy or stopped? see: spl status; r reconnects"
            return Link(Phase.STALE, age, reason="the daemon is silent", hint=hint)
        shown_age = None if self._snapshot_at is None else max(0.0, now - self._snapshot_at)
        next_in = None if self._retry_at is None else max(0.0, self._retry_at - now)
        code, reason, hint = self._words()
        return Link(self._broken_phase(), shown_age, self._failures, next_in, code, reason, hint)

    def _broken_phase(self) -> Phase:
        if isinstance(self._error, RemoteError) and self._error.status in (401, 403):
            return Phase.DENIED
        if self._refusals >= REFUSALS_UNTIL_DOWN or (self._refusals and self._snapshot_at is None):
            return Phase.DOWN
        if self._failures > 1 or (self._failures and self._snapshot_at is None):
            return Phase.RETRYING
        return Phase.STALE if self._snapshot_at is not None else Phase.CONNECTING

    def _words(self) -> tuple[str, str, str]:
        if self._error is None:
            return "", "", ""
        code = self._error.code
        if isinstance(self._error, RemoteError) and self._error.status in (401, 403):
            code = f"{self._error.code} ({self._error.status})"
        return code, self._error.message, self._error.hint

    async def run(self) -> None:
        """Connect, read, and connect again; ends only when cancelled."""
        while True:
            await self._interruptible(self._session())
            self._open = False
            self._failures += 1
            pause = self._pause()
            self._retry_at = self._clock() + pause
            self._on_link()
            await self._interruptible(self._sleep(pause))
            self._retry_at = None
            self._on_link()

    def reconnect(self) -> None:
        """Drop what is going on, a stream or a pause, and try at once."""
        self._asked_pause = 0.0
        if self._current is not None:
            self._current.cancel()

    async def _interruptible(self, work: Awaitable[None]) -> None:
        """Wait for `work`, unless `reconnect` cuts it short."""
        self._current = task = asyncio.ensure_future(work)
        try:
            await asyncio.wait({task})
        finally:
            task.cancel()
            self._current = None
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error

    async def _session(self) -> None:
        """One stream from its opening to its end, whatever the end is."""
        try:
            async with self._client.watch(WATCH_PATH) as events:
                async for event in events:
                    self._take(event)
                    if self._asked_pause is not None:
                        return
            self._error = DaemonUnreachable("the daemon closed the connection", "trying again")
        except SyncropelError as error:
            self._error = error
            self._refusals = self._refusals + 1 if isinstance(error, DaemonNotRunning) else 0
        except Exception as error:  # noqa: BLE001  # whatever a stream may raise, the console outlives it and says so
            self._error = DaemonUnreachable(f"the connection broke: {type(error).__name__}", "trying again")

    def _take(self, event: Event) -> None:
        if event.name == "fleet.snapshot":
            self._take_snapshot(event.data)
        elif event.name == "server_shutdown":
            self._error = DaemonUnreachable("the daemon is stopping", "it comes back with: spl serve")
            self._asked_pause = _seconds(event.data)
            return
        elif event.name == "error":
            self._error = DaemonUnreachable("this console fell behind; the stream begins anew", "")
            self._asked_pause = FIRST_BACKOFF_SECS
            return
        was_live = self.link().live
        self._open = self._snapshot_at is not None
        self._heard_at = self._clock()
        if not was_live:
            self._on_link()

    def _take_snapshot(self, data: Any) -> None:
        try:
            status = FleetStatus.model_validate(data)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"])) or "it"
            raise DaemonUnreachable(
                f"the daemon sent a snapshot that cannot be read ({place}: {first['msg']})",
                "is the daemon as new as this console? see: spl version",
            ) from None
        now = self._clock()
        self._snapshot_at = self._heard_at = now
        self._interval = max(0.1, status.heartbeat_interval_secs)
        self._failures = self._refusals = 0
        self._error = None
        self._on_snapshot(status, now)

    def _pause(self) -> float:
        asked, self._asked_pause = self._asked_pause, None
        if asked is not None:
            return asked
        full = min(MAX_BACKOFF_SECS, FIRST_BACKOFF_SECS * 2.0 ** min(self._failures - 1, 10))
        return full * (0.5 + 0.5 * self._random())


def _seconds(data: Any) -> float:
    """`retry_after_ms` of a `server_shutdown` event, within reason."""
    asked = data.get("retry_after_ms") if isinstance(data, dict) else None
    if isinstance(asked, int | float):
        return min(MAX_BACKOFF_SECS, max(0.1, float(asked) / 1000))
    return 1.0
