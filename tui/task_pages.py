"""All tasks, page by page, the newest change first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from syncropel.api.schema import TaskSummary
from syncropel.client import calls

MOST_PAGES: Final = 10
"""A console that read for ever would show nothing; what is left unread is said."""


async def read_tasks(send: Callable[[Any], Awaitable[Any]]) -> tuple[list[TaskSummary], bool]:
    """The tasks, and whether these are all. A task that changes meanwhile is announced, and read again then.

    Raises SyncropelError as `send` does.
    """
    found: dict[str, TaskSummary] = {}
    before: int | None = None
    for _ in range(MOST_PAGES):
        page = await send(calls.tasks(before=before))
        for one in page.data:
            found.setdefault(one.thread, one)
        before = page.next_cursor
        if before is None:
            break
    return list(found.values()), before is None
