"""What can be asked of a daemon about the past of a thread; see `client.calls`.

A thread goes by its id or by its task's alias.
"""

from __future__ import annotations

from urllib.parse import quote

from syncropel.api.schema.replay import ReplayMoment, ReplayPage, StatusChanges, ThreadDiff
from syncropel.api.schema.threads import ThreadSummary
from syncropel.client.calls import Call


def _path(thread: str, rest: str = "") -> str:
    return f"/v1/threads/{quote(thread, safe='')}{rest}"


def thread(name: str) -> Call[ThreadSummary]:
    """One thread in a line."""
    return Call(ThreadSummary, _path(name))


def replay(name: str, *, since: int = 0, limit: int = 100) -> Call[ReplayPage]:
    """The records after position `since`, at most `limit`, each with the state before and after it."""
    return Call(ReplayPage, _path(name, "/replay"), query={"since": since, "limit": limit})


def replay_at(name: str, position: int) -> Call[ReplayMoment]:
    """The thread as it stood at this position; 0 is before its first record."""
    return Call(ReplayMoment, _path(name, f"/replay/{position}"))


def status_changes(name: str) -> Call[StatusChanges]:
    """Where the status changes."""
    return Call(StatusChanges, _path(name, "/replay/changes"))


def thread_diff(name: str, other: str) -> Call[ThreadDiff]:
    """Two threads side by side."""
    return Call(ThreadDiff, _path(name, "/diff"), query={"with": other})
