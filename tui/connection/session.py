"""Everything that belongs to one daemon: its client, its stream, its pollers, and what is known of it.

Sessions cannot affect each other: news goes into this session's own world, whichever is in front.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final, Protocol

from syncropel import client
from syncropel.client import calls, explain_calls
from syncropel.errors import RemoteError, SyncropelError
from tui.connection.coalescing_poller import CoalescingPoller
from tui.connection.events import MAX_SECS, UNSEEN_SECS, Connection
from tui.connection.inbox import InboxReader
from tui.connection.runner import Runner, Subprocess
from tui.connection.task_pages import TaskPages
from tui.model.access import Access
from tui.model.link import Link
from tui.model.notes import Drafts
from tui.model.notices import Notice, Told
from tui.model.setup import Fleet
from tui.model.world import JOIN, TASKS, World

if TYPE_CHECKING:
    from syncropel.client import Call, Event, Target
    from syncropel.client.calls import Answer
    from syncropel.wire import FleetStatus, InboxItem

NOTICES: Final = 200
_NO_JOIN: Final = (404, 409)  # no such task; or not fanned out


class Client(Protocol):
    """The part of a client that the console needs."""

    def watch(self, path: str, last_id: str = "") -> AbstractAsyncContextManager[AsyncIterator[Event]]: ...

    async def send(self, call: Call[Answer]) -> Answer: ...

    async def close(self) -> None: ...


def _over_http(target: Target) -> Client:
    return client.AsyncClient(target)


@dataclass(frozen=True)
class Outside:
    """Where time, randomness, and the network come from; tests supply their own."""

    client: Callable[[Target], Client] = _over_http
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    jitter: Callable[[], float] = random.random
    runner: Runner = field(default_factory=Subprocess)


class Session:
    """One daemon. `on_news` is called with this session whenever its world has changed.

    `key` distinguishes it from every other session, including an earlier one of the same fleet.
    """

    def __init__(
        self, fleet: Fleet, outside: Outside, on_news: Callable[[Session], None], key: str = ""
    ) -> None:
        self.fleet, self.target, self.clock = fleet, fleet.target, outside.clock
        self.key = key or fleet.name
        self.access = Access(fleet.read_only, firm=fleet.firm)
        self.outside = outside
        self.world = World()
        self.notices: deque[Notice] = deque(maxlen=NOTICES)
        """What an operator should be told, newest last."""
        self.drafts = Drafts()
        """Notes of a review that was not sent yet."""
        self._untold: list[Notice] = []
        self._told = Told(actor=fleet.target.actor)
        self._ended: asyncio.Queue[str] = asyncio.Queue()
        self._on_news = on_news
        self._who_due = False
        self._revision, self._tasks_due = -1, False
        self._reading = TASKS
        self._attended = False
        self._explained: object = None
        self._unfolded: frozenset[str] = frozenset()
        self._read_at: dict[str, object] = {}
        self._pages = TaskPages(self.send)
        self._connection = Connection(
            self, self._heard, self._linked, clock=outside.clock, sleep=outside.sleep, jitter=outside.jitter
        )
        self._connection.most = UNSEEN_SECS
        self._poller = CoalescingPoller(self._read, self._unread, sleep=outside.sleep, jitter=outside.jitter)
        self.inbox = InboxReader(
            self,
            self._waits,
            self._not_known_what_waits,
            lambda: self.world.link.is_live and not fleet.offline,
            sleep=outside.sleep,
            jitter=outside.jitter,
        )

    # life cycle

    async def run(self) -> None:
        """Follow the daemon until cancelled, with one stream. While nobody is looking, the only other
        requests ask what became of fan-outs that ended, and what waits for the operator.
        """
        async with asyncio.TaskGroup() as both:
            both.create_task(self._connection.run())
            both.create_task(self._look_up())
            both.create_task(self.inbox.run())

    async def attend(self) -> None:
        """Read the tasks and whatever else screens show, until cancelled: somebody is looking."""
        self._attended, self._connection.most = True, MAX_SECS
        self._connection.hurry()
        if self.world.link.is_live:
            self._tasks_due = self._who_due = True  # the operator may have left before the answers arrived
            self._poller.ask()
            self.inbox.ask()
        try:
            await self._poller.run()
        finally:
            self._attended, self._connection.most = False, UNSEEN_SECS

    async def close(self) -> None:
        if "_client" in vars(self):
            await self._client.close()

    def reconnect(self) -> None:
        """Try again now, and read the tasks again."""
        self._tasks_due = True
        self._pages.forget()
        self._poller.ask()
        self.inbox.ask()
        self._connection.reconnect()

    def settle(self, fleet: Fleet) -> None:
        """Apply a changed context of the same daemon: name, colour, and how it opens."""
        if fleet.read_only != self.fleet.read_only:
            self.access = replace(self.access, why=fleet.read_only, until=None)
        self.fleet = fleet

    # permission to change

    @property
    def closed(self) -> str:
        """Why nothing can be changed from here now; empty when changes are allowed."""
        return self.access.closed(self.clock())

    @property
    def read_only(self) -> bool:
        return bool(self.closed)

    def unlock(self) -> None:
        """Allow changes for a while."""
        self.access = self.access.unlocked(self.clock())
        self._on_news(self)

    def lock(self) -> None:
        self.access = self.access.locked()
        self._on_news(self)

    # requests

    @cached_property
    def _client(self) -> Client:
        """Created on first use: importing it takes long, and nothing that is drawn needs it."""
        return self.outside.client(self.target)

    async def send(self, call: Call[Answer]) -> Answer:
        """Send a request to the daemon. Raises `SyncropelError`, worded for the operator."""
        return await self._client.send(call)

    def watch(self, path: str, last_id: str = "") -> AbstractAsyncContextManager[AsyncIterator[Event]]:
        """Open another event stream of this daemon, for a screen that needs one. Raises as `send`."""
        return self._client.watch(path, last_id)

    def follow(self, thread: str | None) -> None:
        """Somebody is looking at this task: keep its join up to date."""
        if thread is not None and thread != self.world.chosen:
            self.world = self.world.choose(thread)
            self._poller.ask()
            self._on_news(self)

    def unfold(self, threads: frozenset[str]) -> None:
        """Somebody is looking at these tasks inside the followed one: keep their joins up to date, too."""
        if threads != self._unfolded:
            self._unfolded = threads
            self._poller.ask()

    # news

    def _heard(self, status: FleetStatus) -> None:
        again = not self.world.link.is_live
        if not self._attended:
            for thread in self._told.ended(status):
                self._ended.put_nowait(thread)
            self._notice(*self._told.progressed(status))
        self._notice(*self._told.heard(status))
        around, self.world = self.world.around(), self.world.heard(status, self.clock())
        self._who_due = self._who_due or again
        if again and self.world.inbox is not None:  # something may have come or gone meanwhile
            self.world = replace(self.world, inbox_trouble="it is being read again")
        self.inbox.heard(status, again=again, closely=self._attended)
        if again:
            self._pages.forget()
        if again or status.tasks_revision != self._revision:
            self._revision, self._tasks_due = status.tasks_revision, True
            self._poller.ask()
        elif self.world.around() != around:
            self._poller.ask()  # a join tells what holds it, which is not in its records
        self._on_news(self)

    async def _look_up(self) -> None:
        """Ask, one after another, whether fan-outs that ended while nobody was looking have joined."""
        while True:
            thread = await self._ended.get()
            try:
                task = await self.send(calls.task(thread))
            except Exception:  # noqa: BLE001 - the stream beside it goes on, whatever comes of a question
                continue  # the task is gone, or the daemon is: the list will tell when somebody looks
            self._notice(*self._told.looked_up(task))
            self._on_news(self)

    def _waits(self, items: list[InboxItem]) -> None:
        self.world = self.world.waits(items)
        self._notice(*self._told.waits(items, self.world.moment(self.clock()).now))
        self._on_news(self)

    def _not_known_what_waits(self, why: str) -> None:
        self.world = replace(self.world, inbox_trouble=why)
        self._on_news(self)

    def _notice(self, told: Told, news: list[Notice]) -> None:
        self._told = told
        self.notices.extend(news)
        self._untold += news

    def untold(self) -> list[Notice]:
        """The notices since the last call."""
        news, self._untold = self._untold, []
        return news

    def _linked(self, link: Link) -> None:
        self.world = self.world.linked(link)
        told, news = self._told.linked(link, self.world.moment(self.clock()).now)
        self._notice(told, [] if self._attended else news)  # an operator who is looking sees it in the header
        self._on_news(self)

    async def _read(self) -> None:
        """Read our own identity after each connect, the tasks when they changed, and the chosen
        task's join."""
        if self._who_due:
            self._who_due = False
            await self._ask_who()
        if self._tasks_due:
            self._tasks_due, self._reading = False, TASKS
            try:
                tasks = await self._pages.read()
            except SyncropelError:
                self._tasks_due = True
                raise
            self.world = self.world.listed(tasks, all_read=self._pages.all_read)
            self._notice(*self._told.listed(tasks, self.world.moment(self.clock()).now))
            self._on_news(self)
        if (chosen := self.world.chosen) is None:
            return
        self._reading = JOIN
        if self.world.has_fan_out(chosen):
            await self._read_join(chosen)
        for thread in sorted(self._unfolded):
            await self._read_inside(thread)
        if (grounds := self.world.grounds()) != self._explained:
            await self._ask_why(chosen)
            self._explained = grounds

    async def _read_join(self, thread: str) -> None:
        try:
            self.world = self.world.joined(await self.send(calls.join(thread)))
        except RemoteError as error:
            if error.status not in _NO_JOIN:
                raise
            self.world = self.world.joined(None)
        self._on_news(self)

    async def _read_inside(self, thread: str) -> None:
        """Read a nested task's join, unless the task is unchanged since the last read."""
        task = self.world.task(thread)
        if task is not None and thread in self.world.nested and self._read_at.get(thread) == task:
            return
        try:
            self.world = self.world.joined_inside(await self.send(calls.join(thread)))
        except RemoteError as error:
            if error.status not in _NO_JOIN:
                raise
            return
        self._read_at[thread] = task
        self._on_news(self)

    async def _ask_why(self, thread: str) -> None:
        try:
            self.world = self.world.explained(await self.send(explain_calls.why(thread)))
        except SyncropelError:
            self.world = self.world.explained(None)  # the join's own explanation is shown instead
        self._on_news(self)

    async def _ask_who(self) -> None:
        try:
            self.access = self.access.told(await self.send(calls.whoami()))
        except SyncropelError:
            return  # an older daemon does not tell; it still refuses what is not allowed
        self._on_news(self)

    def _unread(self, error: SyncropelError) -> None:
        hint = f" → {error.hint}" if error.hint else ""
        self.world = self.world.failed(self._reading, f"{error.message}{hint}")
        self._on_news(self)
