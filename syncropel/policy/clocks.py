"""The clocks that a new record may have. A clock is accepted or refused, never changed: the id depends on it.

These bounds apply to new records only. Bundles, copies of a log, and what a worker's own coordinator passes
on keep their clocks; a bundle whose clock would leave no room on a reserved thread is refused.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, Protocol

from syncropel.errors import Conflict, InvalidRecord, SyncropelError
from syncropel.folds.fanout.child import WORDS, ChildState
from syncropel.folds.fanout.clocks import free_clocks, word_clock
from syncropel.folds.fanout.state import CHILD_DONE
from syncropel.folds.fanout.told import FACTS
from syncropel.folds.tasks.state import TaskState
from syncropel.folds.working_set import WorkingSet
from syncropel.policy.authority import Writer
from syncropel.record.model import MAX_POSTED_CLOCK, Record
from syncropel.record.threads import PAST_CEILING, RESERVED, clock_ceiling, counts

AHEAD_MS: Final = 60_000
"""How far a posted clock may be ahead of a reserved thread, in clock units, which are milliseconds there."""
HIGHEST_RESTORED: Final = 2**61
"""The highest clock of a bundle that counts on a reserved thread: far above every clock that a log reaches by
itself, and as far below the ceiling.
"""

Given = set[tuple[str, str, int]]
"""Clocks that were given to records of one turn, by thread and actor."""
_FREE: Final = frozenset({"engine", "coordinator"})
"""Authors whose clocks follow from the log, this one or the coordinator's."""


class ClockedState(Protocol):
    """The live folds that clocks are checked against."""

    @property
    def tasks(self) -> WorkingSet[TaskState]: ...
    @property
    def children(self) -> WorkingSet[ChildState]: ...
    @property
    def heads(self) -> dict[str, int]: ...


def check_clock(record: Record, state: ClockedState, writer: Writer, now: float) -> SyncropelError | None:
    """Why the record's clock is refused, or None. `now` in unix seconds."""
    if writer.author in _FREE:
        return None
    if record.topic == CHILD_DONE:
        return _check_report(record, state)
    if record.topic in FACTS and record.clock is not None:
        return InvalidRecord(f"{record.topic} has clock {record.clock}", "leave the clock out")
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
    """Why a clock in a bundle is refused, or None.

    One above the ceiling orders nothing and is history. One just below the ceiling would have the last word
    on its thread, leaving no clock for the next freeze.
    """
    thread, clock = record.thread, record.clock
    if thread not in RESERVED or clock is None or clock <= HIGHEST_RESTORED:
        return None
    if not counts(thread, clock, record.body):
        return None
    return InvalidRecord(
        f"clock {clock} would leave no room on {thread!r}; at most 2^61 ({HIGHEST_RESTORED})",
        "leave this record out of the bundle: no log comes to such a clock by itself",
    )


def report_clock(record: Record, state: ClockedState) -> int | None:
    """The clock that was reserved for this report when its attempt was spawned; None without a spawn."""
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


class PastCeiling:
    """Clocks for the engine's own records on a reserved thread whose last clock an older log has taken."""

    def __init__(self) -> None:
        self._given: dict[str, int] = {}

    def place(self, record: Record, state: ClockedState, now: float) -> Record:
        """The record, placed above the ceiling if necessary. `now` in unix seconds."""
        thread, head = record.thread, state.heads.get(record.thread, -1)
        ceiling = clock_ceiling(thread)
        if record.clock is not None or thread not in RESERVED or head < ceiling:
            return record
        # As below the ceiling, no earlier than the present time: so no clock is reused after a restore.
        clock = max(head + 1, self._given.get(thread, -1) + 1, ceiling + int(now * 1000))
        self._given[thread] = clock
        body = {**record.body, PAST_CEILING: True}
        return replace(record, body=body, body_json="").with_clock(clock)


def placed_report(record: Record, state: ClockedState, given: Given) -> Record:
    """The record; a report without a clock, as the first versions send it, gets the one reserved for it.

    What is told again of a question, a message, or a subtask that is asked for gets the clock that it has in
    the log: no second record. Told for the first time it gets one that nobody needs for a report, or to end
    an attempt.
    """
    if record.clock is not None:
        return record
    placed = None
    if record.topic == CHILD_DONE:
        placed = report_clock(record, state)
    elif record.topic in FACTS:
        task = state.tasks.get(record.thread)
        if task is not None and (fanout := task.fanout) is not None:
            placed = fanout.told_at(record)
            if placed is None:
                free = free_clocks(fanout, task.clock, record.actor)
                placed = next(one for one in free if (record.thread, record.actor, one) not in given)
                given.add((record.thread, record.actor, placed))
    elif record.topic in WORDS:
        child, attempt = state.children.get(record.thread), record.body.get("attempt")
        if child is not None and type(attempt) is int and attempt > 0:
            known = child.clock_of(record)
            placed = word_clock(attempt, child.words) if known is None else known
    return record if placed is None else record.with_clock(placed)
