"""The clocks that a new record may have. A clock is kept or refused, never changed: the id follows from it.

These bounds bind new records alone. Bundles, copies of a log, and what a worker's own coordinator passes on
keep the clocks that they have; a bundle whose clock would leave no room on a reserved thread is refused.
"""

from __future__ import annotations

from typing import Final, Protocol

from syncropel.errors import Conflict, InvalidRecord, SyncropelError
from syncropel.folds.fanout.state import CHILD_DONE
from syncropel.folds.tasks.state import TaskState
from syncropel.policy.authority import Writer
from syncropel.record.model import MAX_POSTED_CLOCK, Record
from syncropel.record.threads import RESERVED, clock_ceiling

AHEAD_MS: Final = 60_000
"""How far a posted clock may be ahead of a reserved thread, in clocks: they count milliseconds there."""
HIGHEST_RESTORED: Final = 2**61
"""The highest clock of a bundle that counts on a reserved thread: far above every clock that a log comes to
by itself, and as far below the ceiling."""

_FREE: Final = frozenset({"engine", "coordinator"})
"""Authors whose clocks follow from the log, this one or the coordinator's."""


class ClockedState(Protocol):
    """The live folds that clocks are measured by."""

    @property
    def tasks(self) -> dict[str, TaskState]: ...
    @property
    def heads(self) -> dict[str, int]: ...


def check_clock(record: Record, state: ClockedState, writer: Writer, now: float) -> SyncropelError | None:
    """The reason to refuse the record's clock, or None. `now` in unix seconds."""
    if writer.author in _FREE:
        return None
    if record.topic == CHILD_DONE:
        return _check_report(record, state)
    clock, thread = record.clock, record.thread
    if clock is None:
        return None
    if thread in RESERVED:
        limit = max(state.heads.get(thread, -1), int(now * 1000)) + AHEAD_MS
        if clock > limit:
            return InvalidRecord(
                f"clock {clock} is more than {AHEAD_MS // 1000} s ahead of {thread!r}; at most {limit}",
                "leave the clock out to get the next one",
            )
    elif clock > MAX_POSTED_CLOCK:
        return InvalidRecord(
            f"clock {clock} is too high; at most 2^62 ({MAX_POSTED_CLOCK})",
            "leave the clock out, or use milliseconds since 1970",
        )
    return None


def check_bundled_clock(record: Record) -> SyncropelError | None:
    """The reason to refuse a clock that comes in a bundle, or None.

    One above the ceiling orders nothing and is history. One just below it would have the last word on its
    thread, with no clock left for the next freeze.
    """
    thread, clock = record.thread, record.clock
    if thread not in RESERVED or clock is None or not HIGHEST_RESTORED < clock <= clock_ceiling(thread):
        return None
    return InvalidRecord(
        f"clock {clock} would leave no room on {thread!r}; at most 2^61 ({HIGHEST_RESTORED})",
        "leave this record out of the bundle: no log comes to such a clock by itself",
    )


def report_clock(record: Record, state: ClockedState) -> int | None:
    """The clock that was promised to this report when its attempt was spawned; None without a spawn."""
    task = state.tasks.get(record.thread)
    return task.fanout.report_clock(record.body) if task is not None and task.fanout is not None else None


def _check_report(record: Record, state: ClockedState) -> SyncropelError | None:
    promised, body = report_clock(record, state), record.body
    if promised is None:
        return Conflict(
            f"no attempt {body.get('attempt', 1)!r} of subtask {body.get('index')!r} was spawned here",
            "report an attempt that the fan-out of this thread has given to an instance",
        )
    if record.clock is None or record.clock == promised:
        return None
    return InvalidRecord(
        f"the report of subtask {body.get('index')!r} has clock {record.clock}, not {promised}",
        "use the report_clock of the child INTEND",
    )


def placed_report(record: Record, state: ClockedState) -> Record:
    """The record; a report without a clock, as the first versions send it, gets the one promised to it."""
    if record.clock is not None or record.topic != CHILD_DONE:
        return record
    promised = report_clock(record, state)
    return record if promised is None else record.with_clock(promised)
