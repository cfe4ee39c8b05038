"""The lifecycle of a thread: open, active, observed, closed.

An INTEND opens a thread. DO and CALL make it active, KNOW makes it observed; the later one counts, and other
acts change nothing. A KNOW that fulfills the opening INTEND closes it, and so does what cancels it: a DO with
`cancels`, or a KNOW with the verdict `reject`. Later records leave it closed, except an INTEND: that opens it
again, and is then the one to fulfill.

`fulfills` and `cancels` are about what they name. The opening INTEND stands for the thread; another INTEND of
the thread is settled alone; anything else settles nothing. A record was written after what it names, whatever
their clocks say.

Applying records in any order gives the same state. Tasks, subtasks and reserved threads have folds of their
own for their status; this one knows which of their INTENDs are settled.
"""

from __future__ import annotations

from bisect import bisect, bisect_left, insort
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from syncropel.folds.base.order import rank
from syncropel.folds.fanout.child import COMPLETE, LOST, NOT_STARTED
from syncropel.folds.fanout.state import commutes
from syncropel.record.model import Record, is_record_id

Phase = Literal["open", "active", "observed", "closed"]
Way = Literal["intends", "fulfilled", "cancelled", "rejected"]

WHOLE: Final = ""
"""Stands for the thread as a whole, in place of an INTEND's id."""
_NEVER: Final = -(2**70)
"""Before any point in time."""
_STEPS: Final = ("DO", "CALL")
_FEW: Final = 16
"""Up to this many new turns are refolded on every query; the result of more is kept."""


class Turn(NamedTuple):
    """A record that opens a thread or settles something. `about`: the id of an INTEND, or WHOLE."""

    at: int
    record: str
    about: str
    way: Way


class Period(NamedTuple):
    """The time from the INTEND that opened a thread to the record that closed it, where there is one."""

    opening: Turn | None
    closing: Turn | None


_NOT_KNOWN: Final = Period(None, None)


@dataclass(slots=True)
class Arc:
    """The result of turns, whatever order they are taken in.

    A turn costs O(log n). After one that lies before the last period, the next look finds all periods again,
    at O(log n) each.
    """

    intends: list[Turn] = field(default_factory=list)
    """Every INTEND, in order."""
    closers: list[Turn] = field(default_factory=list)
    """What settles the thread as a whole, in order."""
    said: dict[str, Turn] = field(default_factory=dict)
    """The first turn that settles an INTEND, by the id of that."""
    _last: Period | None = field(default=None, compare=False, repr=False)

    def take(self, turn: Turn) -> None:
        """Take a turn."""
        if turn.way == "intends":
            insort(self.intends, turn)
        elif turn.about == WHOLE:
            insort(self.closers, turn)
        else:
            self.said[turn.about] = min(turn, self.said.get(turn.about, turn))
        self._last = self._followed(turn)

    def _followed(self, turn: Turn) -> Period | None:
        """The last period with this turn; None where it may have moved the periods before."""
        opening, closing = self._last or _NOT_KNOWN
        if opening is None or turn < opening:
            return None
        if turn.way != "intends":
            return Period(opening, self._closing(opening))
        if closing is None or turn < max(opening, closing):
            return self._last
        return Period(turn, self._closing(turn))

    @property
    def last(self) -> Period:
        """The last period."""
        if self._last is None:
            self._last = self._find_last()
        return self._last

    def _find_last(self) -> Period:
        if not self.intends:
            return Period(None, self.closers[0] if self.closers else None)
        opening = self.intends[0]
        while (closing := self._closing(opening)) is not None:
            following = bisect(self.intends, max(opening, closing))
            if following == len(self.intends):
                break
            opening = self.intends[following]
        return Period(opening, closing)

    def _closing(self, opening: Turn) -> Turn | None:
        """What closes the period that this INTEND opened. What was said of it before closes it at once."""
        named = self.said.get(opening.record)
        if named is not None and named < opening:
            return named
        at = bisect(self.closers, opening)
        whole = self.closers[at] if at < len(self.closers) else None
        return min(filter(None, (named, whole)), default=None)

    @property
    def opening(self) -> str:
        """The INTEND that has to be fulfilled; empty while nothing is open."""
        opening, closing = self.last
        return opening.record if opening is not None and closing is None else ""

    @property
    def opened_at(self) -> int:
        """The `moment` at which the last period began."""
        opening = self.last.opening
        return _NEVER if opening is None else opening.at

    @property
    def closing(self) -> Turn | None:
        """What closed the thread, while it is closed."""
        return self.last.closing

    @property
    def open(self) -> list[str]:
        """The INTENDs that are not settled, the opening one first."""
        opening, closing = self.last
        if opening is None or closing is not None:
            return []
        since = self.intends[bisect_left(self.intends, opening) :]
        return [turn.record for turn in since if turn.record not in self.said]


@dataclass(slots=True)
class Lifecycle:
    """The lifecycle of one thread."""

    step: int = _NEVER
    know: int = _NEVER
    turns: list[Turn] = field(default_factory=list)
    _arc: Arc | None = field(default=None, compare=False, repr=False)

    def apply(self, record: Record, at: int | None = None) -> None:
        """Apply a record of the thread. `at`: its `moment`, where that is known."""
        at = moment(record) if at is None else at
        if record.act in _STEPS:
            self.step = max(self.step, at)
        elif record.act == "KNOW":
            self.know = max(self.know, at)
        turn = _turn(record, at)
        if turn is None:
            return
        insort(self.turns, turn)
        if self._arc is not None:
            self._arc.take(turn)

    @property
    def arc(self) -> Arc:
        """What is open, or what closed the thread."""
        if self._arc is not None:
            return self._arc
        arc = Arc()
        for turn in self.turns:
            arc.take(turn)
        if len(self.turns) > _FEW:
            self._arc = arc
        return arc

    @property
    def phase(self) -> Phase:
        """The phase of the thread."""
        arc = self.arc
        if arc.closing is not None:
            return "closed"
        latest = max(self.step, self.know)
        if latest == _NEVER or latest < arc.opened_at:
            return "open"
        return "active" if latest == self.step else "observed"

    def intends(self) -> list[str]:
        """Every INTEND of the thread, in order."""
        return [turn.record for turn in self.turns if turn.way == "intends"]

    def settled(self) -> set[str]:
        """The ids that records name as fulfilled or cancelled, whatever became of the thread."""
        return {turn.about for turn in self.turns if turn.way != "intends"}


def moment(record: Record) -> int:
    """The sort key of a record on its thread: its clock; at equal clocks INTENDs, then steps, then KNOWs."""
    act = record.act
    return 4 * rank(record) + (0 if act == "INTEND" else 1 if act in _STEPS else 2 if act == "KNOW" else 3)


def is_intend(at: int) -> bool:
    """Whether a record with this `moment` is an INTEND."""
    return not at % 4


def opens_or_closes(record: Record) -> bool:
    """Whether this record opens a thread, or settles one of its INTENDs or the thread as a whole."""
    return _turn(record, 0) is not None


def cancelled(record: Record) -> str | None:
    """What this record cancels: an INTEND by its id, the WHOLE of its thread, or nothing (None)."""
    named = record.body.get("cancels")
    if record.act != "DO" or not named or commutes(record):
        return None
    return named if is_record_id(named) else WHOLE


def _turn(record: Record, at: int) -> Turn | None:
    if record.act == "INTEND":
        return Turn(at, record.id, record.id, "intends")
    if record.act == "DO":
        named = cancelled(record)
        return None if named is None else Turn(at, record.id, named, "cancelled")
    if record.act != "KNOW":
        return None
    if record.topic in (NOT_STARTED, LOST):
        return Turn(at, record.id, WHOLE, "cancelled")
    fulfills, rejects = record.body.get("fulfills"), record.body.get("verdict") == "reject"
    if isinstance(fulfills, str) and fulfills:
        return Turn(at, record.id, fulfills, "rejected" if rejects else "fulfilled")
    if rejects:
        return Turn(at, record.id, WHOLE, "rejected")
    return Turn(at, record.id, WHOLE, "fulfilled") if record.topic == COMPLETE else None
