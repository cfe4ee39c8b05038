"""A daemon, a clock and a client that do what a test says, without sockets and without waiting."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from syncropel.api.schema import FleetStatus, JoinStatus, Page, TaskSummary
from syncropel.client import Call, Event
from syncropel.errors import DaemonNotRunning, RemoteError, SyncropelError

NOT_RUNNING = DaemonNotRunning("no daemon is running at ~/.syncro", "start it: spl serve")


class FakeClock:
    """Local monotonic seconds, moved by hand."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


class FakeSleep:
    """Sleeps end when the test says so; how long they were meant to last is kept."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self._waiting: list[asyncio.Future[None]] = []

    async def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        await waiter

    def wake(self) -> None:
        """End all sleeps."""
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            if not waiter.done():
                waiter.set_result(None)


class FakeClient:
    """What the console asks, answered from attributes. `error` set: nobody is there, or they say no."""

    def __init__(self) -> None:
        self.error: SyncropelError | Exception | None = None
        self.tasks: list[TaskSummary] = []
        self.joins: dict[str, JoinStatus] = {}
        self.sent: list[str] = []
        self.opened = 0
        self.closed = False
        self.active = 0
        self.hold: asyncio.Event | None = None
        self._events: asyncio.Queue[Event | Exception | None] = asyncio.Queue()

    # For tests

    def push(self, status: FleetStatus | Any, name: str = "fleet.snapshot") -> None:
        """Send an event down the stream."""
        data = status.model_dump(mode="json") if isinstance(status, FleetStatus) else status
        self._events.put_nowait(Event(name, data))

    def cut(self, error: Exception | None = None) -> None:
        """End the stream: by itself, or with an error."""
        self._events.put_nowait(error)

    # For the console

    @asynccontextmanager
    async def watch(self, path: str, last_id: str = "") -> AsyncIterator[AsyncIterator[Event]]:
        self.opened += 1
        if self.error is not None:
            raise self.error
        self._events = asyncio.Queue() if self.opened > 1 else self._events
        yield self._stream()

    async def _stream(self) -> AsyncIterator[Event]:
        while True:
            event = await self._events.get()
            if event is None:
                return
            if isinstance(event, Exception):
                raise event
            yield event

    async def send(self, call: Call[Any]) -> Any:
        self.sent.append(call.path)
        self.active += 1
        assert self.active == 1, "two requests at the same time"
        try:
            await (self.hold.wait() if self.hold else asyncio.sleep(0))
        finally:
            self.active -= 1
        if self.error is not None:
            raise self.error
        if call.path == "/v1/tasks":
            since = (call.query or {}).get("since", -1)
            changed = [task for task in self.tasks if task.revision > int(since)]
            return Page[TaskSummary](data=changed)
        name = call.path.split("/")[3]
        if name not in self.joins:
            raise RemoteError(409, "conflict", "CONFLICT", f"{name} is not fanned out", "fan it out")
        return self.joins[name]

    async def close(self) -> None:
        self.closed = True
