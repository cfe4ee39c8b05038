"""Replay: the folded state of a thread after any number of its records, as fast backwards as forwards.

Positions follow the log: the state at a position is the fold of the records appended until then, and so what
was known at that time. `why`, what-if, and the replay itself all walk through it.

Some states on the way are kept as checkpoints. A step folds the few records from the previous checkpoint,
never all from the start, and the number of checkpoints is bounded however long the thread grows.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from syncropel.folds.base.order import fold_order, rank
from syncropel.folds.fanout.state import CHILD_DONE, number
from syncropel.folds.replay.fork import fork
from syncropel.folds.replay.late_verdicts import LateVerdicts, adds_only, is_plain_verdict
from syncropel.folds.replay.thread_state import Judge, ThreadState
from syncropel.record.model import StoredRecord

MAX_CHECKPOINTS: Final = 64
FIRST_SPACING: Final = 64


@dataclass(frozen=True, slots=True)
class Change:
    """The record at `position` (from 1) changes the status from `before` to `after`."""

    position: int
    before: str
    after: str


class Replay:
    """A thread and a position in it. Not thread-safe.

    `spacing`: the initial number of records between two checkpoints; it doubles whenever there would be too
    many.
    """

    def __init__(
        self,
        thread: str,
        records: Iterable[StoredRecord],
        judge: Judge,
        *,
        spacing: int = FIRST_SPACING,
        max_checkpoints: int = MAX_CHECKPOINTS,
    ) -> None:
        self.thread = thread
        self.records: list[StoredRecord] = []
        """All known records, in log order."""
        self.changes: list[Change] = []
        """Where the status changes, by position."""
        self.revision = 0
        """The highest sequence among the records."""
        self.began: dict[tuple[int, int], float] = {}
        """When attempts with a result began (unix seconds), by subtask and attempt."""
        self._known: set[str] = set()
        self._highest = [-1]
        """By position, the highest clock until then."""
        self._parents: set[str] = set()
        """The records that others name as a parent."""
        self._behind_children: set[str] = set()
        """Those that came after one that names them so: they may move others of their clock."""
        self._verdicts: LateVerdicts | None = None
        """Of the state at the present position; None until a verdict comes late."""
        self._judge = judge
        self._spacing = max(1, spacing)
        self._max_checkpoints = max(1, max_checkpoints)
        self._start = ThreadState.empty(thread)
        self._first_status = self._start.status(judge)
        self._checkpoints: dict[int, ThreadState] = {}
        self._state = fork(self._start)
        self._position = 0
        self.extend(records)

    @property
    def total(self) -> int:
        """The number of records, which is the last position."""
        return len(self.records)

    @property
    def highest_clock(self) -> int:
        """The highest valid clock among the records, -1 without any."""
        return self._highest[-1]

    def extend(self, records: Iterable[StoredRecord]) -> None:
        """Add records of the thread, in any order. Known ones are ignored.

        One that belongs between others in the log is inserted there: the positions after it move up by one.
        """
        fresh = {stored.record.id: stored for stored in records if stored.record.id not in self._known}
        if not fresh:
            return
        self._known.update(fresh)
        self.revision = max(self.revision, *(stored.sequence for stored in fresh.values()))
        first = min(stored.sequence for stored in fresh.values())
        kept = bisect_left(self.records, first, key=_sequence_of)
        self._forget_after(kept)
        self.records = self.records[:kept] + sorted([*self.records[kept:], *fresh.values()], key=_sequence_of)
        for stored in self.records[kept:]:
            self._highest.append(max(self._highest[-1], rank(stored.record)))
            self._note_beginning(stored)
            if stored.record.id in self._parents:
                self._behind_children.add(stored.record.id)
            self._parents.update(stored.record.parents)
        self._fold_from(kept)

    def _note_beginning(self, stored: StoredRecord) -> None:
        body = stored.record.body
        index, attempt = body.get("index"), body.get("attempt", 1)
        if stored.record.topic == CHILD_DONE and type(index) is int and type(attempt) is int:
            end = min(number(body.get("at"), stored.received_at), stored.received_at)
            self.began.setdefault((index, attempt), end - max(0.0, number(body.get("wall_time_secs"))))

    def state(self, position: int) -> ThreadState:
        """The state after the first `position` records. It is valid until the next call of any method.

        Raises IndexError for a position below 0 or above `total`.
        """
        if not 0 <= position <= self.total:
            raise IndexError(f"position {position} is not from 0 to {self.total}")
        nearest = self._checkpoint_before(position)
        if not nearest <= self._position <= position:
            self._go_to(nearest)
        while self._position < position:
            self._step()
        return self._state

    def status(self, position: int) -> str:
        """The status after the first `position` records."""
        at = bisect_right(self.changes, position, key=_position_of)
        return self.changes[at - 1].after if at else self._first_status

    def next_change(self, position: int) -> int | None:
        """The first position above this one at which the status changes."""
        at = bisect_right(self.changes, position, key=_position_of)
        return self.changes[at].position if at < len(self.changes) else None

    def previous_change(self, position: int) -> int | None:
        """The last position below this one at which the status changes."""
        at = bisect_left(self.changes, position, key=_position_of)
        return self.changes[at - 1].position if at else None

    @property
    def checkpoints(self) -> list[int]:
        """The positions whose states are kept."""
        return sorted(self._checkpoints)

    def _checkpoint_before(self, position: int) -> int:
        at = position - position % self._spacing
        while at and at not in self._checkpoints:
            at -= self._spacing
        return at

    def _go_to(self, checkpoint: int) -> None:
        self._state, self._position = fork(self._checkpoints.get(checkpoint, self._start)), checkpoint
        self._verdicts = None

    def _step(self) -> None:
        """Fold one more record."""
        stored = self.records[self._position]
        record, verdicts = stored.record, self._verdicts
        late = rank(record) <= self._highest[self._position]
        moves = late and record.id in self._behind_children
        if not moves and (not late or adds_only(record)):
            self._state.apply(stored)
            if verdicts is not None and not verdicts.follow(record, self._state):
                self._verdicts = None
        elif moves or verdicts is None or not verdicts.take(self._state, stored):
            self._state = self._folded(self._position + 1)
            self._verdicts = None
            if is_plain_verdict(record):
                ordered = fold_order(self.records[: self._position + 1])
                self._verdicts = LateVerdicts.of(self.thread, ordered)
        self._position += 1

    def _folded(self, position: int) -> ThreadState:
        """The state at a position whose record belongs before earlier ones: folded again from the last
        checkpoint whose records all precede the others.
        """
        lowest, at = rank(self.records[position - 1].record), position - 1
        while at and (self._highest[at] >= lowest or at not in self._checkpoints):
            at -= 1
            lowest = min(lowest, rank(self.records[at].record))
        state = fork(self._checkpoints.get(at, self._start))
        for stored in fold_order(self.records[at:position]):
            state.apply(stored)
        return state

    def _forget_after(self, position: int) -> None:
        del self._highest[position + 1 :]
        self._checkpoints = {at: state for at, state in self._checkpoints.items() if at <= position}
        self.changes = [change for change in self.changes if change.position <= position]
        if self._position > position:
            self._go_to(0)

    def _fold_from(self, position: int) -> None:
        """Fold the records after `position` once, finding the changes of status and leaving checkpoints."""
        self.state(position)
        status = self.status(position)
        for at in range(position + 1, self.total + 1):
            self._step()
            after = self._state.status(self._judge)
            if after != status:
                self.changes.append(Change(at, status, after))
                status = after
            if at % self._spacing == 0:
                self._keep(at, self._state)

    def _keep(self, position: int, state: ThreadState) -> None:
        if len(self._checkpoints) >= self._max_checkpoints:
            self._spacing *= 2
            self._checkpoints = {
                at: kept for at, kept in self._checkpoints.items() if at % self._spacing == 0
            }
        if position % self._spacing == 0:
            self._checkpoints[position] = fork(state)


def _sequence_of(stored: StoredRecord) -> int:
    return stored.sequence


def _position_of(change: Change) -> int:
    return change.position
