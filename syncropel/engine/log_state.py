"""The state of this instance's log, as it is told to operators and to the coordinator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from syncropel.policy.guard import record_altered
from syncropel.wire.log_state import LogState

if TYPE_CHECKING:
    from syncropel.engine.engine import Engine

_LISTED: Final = 100
"""Threads with altered records that are listed."""


def log_state(engine: Engine) -> LogState:
    """What is wrong with the log, the gravest first: it was replaced, it is held, it cannot be reached,
    records were altered.
    """
    store, found = engine.store, engine.quarantine.found
    threads = sorted({one.thread for one in found.values()})[:_LISTED]
    if (replaced := store.replaced) is not None:
        return LogState(
            state="replaced", problem=replaced.message, hint=replaced.hint, altered=threads, stops_all=True
        )
    if (hold := store.hold) is not None:
        return LogState(state="held", problem=hold.told, hint=hold.hint, altered=threads, stops_all=True)
    if (gone := store.unreachable) is not None:
        return LogState(state="unreachable", problem=gone.message, hint=gone.hint, altered=threads)
    if not found:
        return LogState()
    first = min(found.values(), key=lambda one: one.sequence)
    error, stops = record_altered(first.id, first.thread), bool(engine.ingest.live.standing.altered)
    more = f", and {len(found) - 1} more" if len(found) > 1 else ""
    stop = "; emergency stop: it may rule over others" if stops else ""
    return LogState(
        state="altered",
        problem=f"{error.message}{more}{stop}",
        hint=error.hint,
        altered=threads,
        stops_all=stops,
    )
