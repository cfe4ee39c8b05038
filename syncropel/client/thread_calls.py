"""Requests about the past of threads, and bundles of them; see `client.calls`.

A thread is given by its id or by its task's alias.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import quote, urlencode

from syncropel.client.calls import Call
from syncropel.client.late import schema

PATIENCE_SECS: Final = 600.0
"""How long counting, or checking and writing, a large bundle may take."""


def _path(thread: str, rest: str = "") -> str:
    return f"/v1/threads/{quote(thread, safe='')}{rest}"


def thread(name: str) -> Call[schema.ThreadSummary]:
    """The summary of one thread."""
    return Call(schema.ThreadSummary, _path(name))


def replay(name: str, *, since: int = 0, limit: int = 100) -> Call[schema.ReplayPage]:
    """The records after position `since`, at most `limit`, each with the state before and after it."""
    return Call(schema.ReplayPage, _path(name, "/replay"), query={"since": since, "limit": limit})


def replay_at(name: str, position: int) -> Call[schema.ReplayMoment]:
    """The thread as of this position; 0 is before its first record."""
    return Call(schema.ReplayMoment, _path(name, f"/replay/{position}"))


def status_changes(name: str) -> Call[schema.StatusChanges]:
    """Where the status changes."""
    return Call(schema.StatusChanges, _path(name, "/replay/changes"))


def thread_diff(name: str, other: str, *, since: int = 0, limit: int = 1000) -> Call[schema.ThreadDiff]:
    """Two threads side by side; `since`: how many rows to skip."""
    return Call(
        schema.ThreadDiff, _path(name, "/diff"), query={"with": other, "since": since, "limit": limit}
    )


def watch_path(name: str, since_clock: int) -> str:
    """The event stream of a thread's records above this clock. It takes a thread id, not an alias."""
    return _path(name, f"/watch?since_clock={since_clock}")


def snapshot_path(threads: Sequence[str], *, causal_closure: bool = False, to_namespace: str = "") -> str:
    """Where to download a bundle of these threads, or of the whole log when none is named.

    `to_namespace`: the receiver; the bundle then contains only what may be shared with it.
    """
    query = [("threads", thread) for thread in threads] or [("all", "true")]
    query += [("causal_closure", "true")] if causal_closure else []
    query += [("to_namespace", to_namespace)] if to_namespace else []
    return f"/v1/threads/snapshot?{urlencode(query)}"


def restore(
    bundle: bytes,
    *,
    dry_run: bool = False,
    on_conflict: str = "fail",
    reserved: bool = False,
    take_up_work: bool = False,
) -> Call[schema.RestoreReport]:
    """Import a bundle. `on_conflict`: fail or skip. Repeatable: the second time everything exists."""
    flags = {"dry_run": dry_run, "reserved": reserved, "take_up_work": take_up_work}
    query = {"on_conflict": on_conflict, **{name: "true" for name, given in flags.items() if given}}
    return Call(
        schema.RestoreReport,
        "/v1/threads/restore",
        "POST",
        query=query,
        lines=bundle,
        patience_secs=PATIENCE_SECS,
    )


def trust() -> Call[schema.Page[schema.TrustOut]]:
    """Whose results were accepted, and how often."""
    return Call(schema.Page[schema.TrustOut], "/v1/trust")
