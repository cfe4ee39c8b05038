"""The tasks of a daemon: read page by page once, then only those that changed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

from syncropel.client import calls
from tui.model.tasks import merge

if TYPE_CHECKING:
    from syncropel.wire import TaskSummary

MOST_PAGES: Final = 10
"""A console that kept reading would never show anything; the unread rest is reported."""


class TaskPages:
    """The tasks read from one daemon, most recent change first. `all_read`: there are no older ones."""

    def __init__(self, send: Callable[[Any], Awaitable[Any]]) -> None:
        self._send = send
        self._known: dict[str, TaskSummary] = {}
        self._whole = False
        self.all_read = True

    def forget(self) -> None:
        """Read all of them next time: another daemon may answer, or another log."""
        self._whole = False

    async def read(self) -> list[TaskSummary]:
        """Return the current tasks. A task that changes meanwhile is announced, and read again then.

        Raises SyncropelError as `send` does, and keeps what was known.
        """
        if not (self._whole and await self._read_changes()):
            await self._read_all()
        return list(self._known.values())

    async def _read_changes(self) -> bool:
        """Whether one page covered everything that has changed."""
        newest = max((one.revision for one in self._known.values()), default=0)
        page = await self._send(calls.tasks(since=newest))
        if page.next_cursor is not None:
            return False
        self._known = merge(self._known, page.data)
        return True

    async def _read_all(self) -> None:
        found: dict[str, TaskSummary] = {}
        before: int | None = None
        for _ in range(MOST_PAGES):
            page = await self._send(calls.tasks(before=before))
            for one in page.data:
                found.setdefault(one.thread, one)
            before = page.next_cursor
            if before is None:
                break
        self._known, self._whole, self.all_read = found, True, before is None
