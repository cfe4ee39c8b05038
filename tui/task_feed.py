"""Tasks and the chosen fan-out, asked for again when a snapshot says that some task changed. No polling.

No Textual here: sleep is passed in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

from syncropel.api.schema import JoinStatus, Page, TaskSummary
from syncropel.client import calls
from syncropel.errors import RemoteError, SyncropelError

MIN_GAP_SECS: Final = 0.5  # at most two rounds a second, however fast tasks change
RETRY_SECS: Final = 2.0
PAGE: Final = 1000


class Sends(Protocol):
    """The part of the client that is used here."""

    async def send(self, call: Any) -> Any: ...


class TaskFeed:
    """One loop that fetches what became old, never two at a time; many changes become one round.

    `on_tasks` gets all tasks, newest change first. `on_join` gets the chosen task's thread and its join
    status, None when it is not fanned out. `on_error` gets the last error, None when a round went well.
    """

    def __init__(
        self,
        client: Sends,
        *,
        sleep: Callable[[float], Awaitable[None]],
        on_tasks: Callable[[tuple[TaskSummary, ...]], None],
        on_join: Callable[[str, JoinStatus | None], None],
        on_error: Callable[[SyncropelError | None], None],
    ) -> None:
        self._client, self._sleep = client, sleep
        self._on_tasks, self._on_join, self._on_error = on_tasks, on_join, on_error
        self._wanted: int | None = None
        self._have: int | None = None
        self._tasks: dict[str, TaskSummary] = {}
        self._chosen = ""
        self._join_of: tuple[str, int] | None = None
        self._wake = asyncio.Event()

    def revise(self, revision: int) -> None:
        """A snapshot says that tasks are at this revision."""
        if revision != self._wanted:
            self._wanted = revision
            self._wake.set()

    def restart(self) -> None:
        """The stream begins anew, perhaps from another daemon: nothing fetched so far can be built upon."""
        self._have = self._join_of = None
        self._wake.set()

    def choose(self, thread: str) -> None:
        """Follow this task's fan-out from now on; none when empty."""
        if thread != self._chosen:
            self._chosen = thread
            self._wake.set()

    async def run(self) -> None:
        """Fetch whenever there is something to fetch; ends only when cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self._round()
                self._on_error(None)
                await self._sleep(MIN_GAP_SECS)
            except SyncropelError as error:
                await self._wait_after(error)
            except Exception as error:  # noqa: BLE001  # a surprise is shown, never a crash of the console
                await self._wait_after(SyncropelError(f"{type(error).__name__}: {error}"))

    async def _wait_after(self, error: SyncropelError) -> None:
        self._on_error(error)
        self._wake.set()
        await self._sleep(RETRY_SECS)

    async def _round(self) -> None:
        wanted = self._wanted
        if wanted is not None and wanted != self._have:
            await self._fetch_tasks(wanted)
            self._have = wanted
        thread = self._chosen
        if thread and wanted is not None and self._join_of != (thread, wanted):
            self._on_join(thread, await self._join(thread))
            self._join_of = (thread, wanted)

    async def _fetch_tasks(self, wanted: int) -> None:
        since = self._have if self._have is not None and self._have < wanted else None
        page: Page[TaskSummary] = await self._client.send(calls.tasks(since=since, limit=PAGE))
        # A full page of changes may hide older ones: only a list from the beginning is certain then.
        if since is not None and len(page.data) == PAGE:
            page, since = await self._client.send(calls.tasks(limit=PAGE)), None
        changed = {task.thread: task for task in page.data}
        if since is None:
            self._tasks = changed
        else:
            self._tasks = changed | {key: task for key, task in self._tasks.items() if key not in changed}
        self._on_tasks(tuple(self._tasks.values()))

    async def _join(self, thread: str) -> JoinStatus | None:
        task = self._tasks.get(thread)
        if task is not None and not task.subtasks:
            return None
        try:
            status: JoinStatus = await self._client.send(calls.join(thread))
        except RemoteError as error:
            if error.status in (404, 409):  # gone, or not fanned out
                return None
            raise
        return status
