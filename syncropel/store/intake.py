"""What every store does to a record before appending it, and its messages when it refuses one."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from syncropel.errors import Conflict, IngestFailed, InvalidRecord, SyncropelError
from syncropel.record.model import MAX_CLOCK, Record
from syncropel.record.threads import FLEET_CONTROL, RESERVED, clock_ceiling
from syncropel.store.base import Hold, Outcome, Settled
from syncropel.store.refusals import StoreHeld

log = logging.getLogger(__name__)


def taken_in(records: Sequence[Record]) -> list[Record | SyncropelError]:
    """Each record with its canonical body and, if the clock is known, its id; or its error.

    This is the expensive half of an append, done before the transaction so that the commit is short.
    """
    return [_taken_in(record) for record in records]


def _taken_in(record: Record) -> Record | SyncropelError:
    try:
        if record.clock is not None and not 0 <= record.clock <= MAX_CLOCK:
            raise InvalidRecord(f"clock {record.clock} is not from 0 to 2^63-1", "or leave it out")
        if record.clock is not None and not record.id:
            return record.identified()
        if not (record.thread.isascii() and record.actor.isascii()):
            record.with_clock(0)  # text that cannot be hashed is detected here, not in the middle of a group
        return record.encoded()
    except SyncropelError as error:
        return error


def tell(settled: Settled | None, outcomes: list[Outcome]) -> None:
    """Call `settled`, if given. An exception in it is only logged: its records are in the log already."""
    if settled is None:
        return
    try:
        settled(outcomes)
    except Exception:
        log.exception("what follows an append failed")


def clock_taken(record: Record) -> IngestFailed:
    """The refusal of a record whose actor has another one at the same clock of the thread."""
    return IngestFailed(
        f"DuplicateClock: {record.actor} has another record at clock {record.clock} on {record.thread}",
        "leave the clock out to get the next one, or read the thread and take a higher one",
    )


def not_held() -> Conflict:
    """The refusal to accept a loss when nothing is lost."""
    return Conflict("the log is not held: it has every record that was known", "see: spl status")


def refuse_held(records: Sequence[Record], hold: Hold | None) -> None:
    """Raise StoreHeld unless a held log accepts these: freezes, and their lifting."""
    if hold is not None and any(record.thread != FLEET_CONTROL for record in records):
        raise StoreHeld(hold.told, hold.hint)


def assigned(record: Record, highest: int, now: float) -> Record | SyncropelError:
    """The record at the next clock of its thread, or why there is none.

    `highest`: the highest clock there below the ceiling, -1 for none. On a reserved thread the next clock is
    at least the time, in ms: a log restored from an older copy does not reuse a clock.
    """
    ceiling = clock_ceiling(record.thread)
    if highest >= ceiling:
        way = "use another thread"
        if record.thread in RESERVED:  # a record of an older log has it
            way = "only the daemon itself can write on this thread now: use the command that does"
        return IngestFailed(f"{record.thread} has a record at clock {highest}: no clock is left", way)
    clock = highest + 1
    if record.thread in RESERVED:
        clock = max(clock, min(int(now * 1000), ceiling))
    return record.with_clock(clock)


def as_stored(record: Record, judged_by: str | None) -> Record:
    """`record` as the log has it: an id does not cover `judged_by`, so the first one posted stays."""
    return record if record.judged_by == judged_by else replace(record, judged_by=judged_by)
