"""A clock that stands still, and a client without a network."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from syncropel.client import Call, Event, Target
from syncropel.errors import RemoteError, SyncropelError
from syncropel.wire import FleetStatus, InboxItem, JoinStatus, OutputPage, Page, TaskSummary
from syncropel.wire.explain import TaskWhy

INBOX = "/v1/inbox"
TARGET = Target(url="http://127.0.0.1:7700")


class Clock:
    """Time that passes when told. `sleep` returns only when the clock has been moved that far."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now
        self.slept: list[float] = []
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, secs: float) -> None:
        self.slept.append(secs)
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.now + secs, future))
        await future

    def advance(self, secs: float) -> None:
        self.now += secs
        for due, future in self._sleepers:
            if due <= self.now + 1e-9 and not future.done():
                future.set_result(None)
        self._sleepers = [one for one in self._sleepers if not one[1].done()]


class FakeClient:
    """Says on its stream what it is given, and answers calls by path.

    An exception put where an answer should be is raised.
    """

    def __init__(self) -> None:
        self.refuse: BaseException | None = None
        self.answers: dict[str, Any] = {INBOX: Page[InboxItem](data=[])}
        self.asked: Counter[str] = Counter()
        self.sent: list[Call[Any]] = []
        self.opened = 0
        self.closed = False
        self._events: asyncio.Queue[Event | BaseException | None] = asyncio.Queue()
        self._output: asyncio.Queue[Event | BaseException | None] = asyncio.Queue()
        self.outputs: list[str] = []
        """Where output was followed, query and all."""

    def snapshot(self, status: FleetStatus) -> None:
        self.say("fleet.snapshot", status.model_dump(mode="json"))

    def say(self, name: str, data: Any) -> None:
        self._events.put_nowait(Event(name, data))

    def break_with(self, error: BaseException | None) -> None:
        """End the stream: with an error, or as if the daemon closed it."""
        self._events.put_nowait(error)

    def writes(self, *what: OutputPage | Event | BaseException | None) -> None:
        """Say this on the next stream of output; an error or None ends it."""
        for one in what:
            page = Event("output", one.model_dump(mode="json")) if isinstance(one, OutputPage) else one
            self._output.put_nowait(page)

    def tasks(self, tasks: list[TaskSummary]) -> None:
        self.answers["/v1/tasks"] = Page[TaskSummary](data=tasks)

    def join(self, join: JoinStatus) -> None:
        self.answers[f"/v1/tasks/{join.thread}/join"] = join

    def explain(self, why: TaskWhy) -> None:
        self.answers[f"/v1/tasks/{why.thread}/why"] = why

    @asynccontextmanager
    async def watch(self, path: str, last_id: str = "") -> AsyncIterator[AsyncIterator[Event]]:
        is_output = "/output?" in path
        self.opened += not is_output
        self.outputs += [path] if is_output else []
        if self.refuse is not None:
            raise self.refuse
        yield self._stream(self._output if is_output else self._events)

    async def _stream(self, said: asyncio.Queue[Event | BaseException | None]) -> AsyncIterator[Event]:
        while (event := await said.get()) is not None:
            if isinstance(event, BaseException):
                raise event
            yield event

    async def send(self, call: Call[Any]) -> Any:
        self.asked[call.path] += 1
        self.sent.append(call)
        answer = self.answers.get(call.path, SyncropelError(f"nothing is known of {call.path}"))
        if call.path.endswith("/output") and call.path not in self.answers:
            answer = RemoteError(404, "not_found", "NO_OUTPUT", "it has no output", "")
        if isinstance(answer, BaseException):
            raise answer
        return answer

    async def close(self) -> None:
        self.closed = True
