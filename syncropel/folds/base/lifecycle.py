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

from bisect import insort
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


@dataclass(slots=True)
class Arc:
    """The result of the turns so far. Apply them in order."""

    opening: str = ""
    """The INTEND that has to be fulfilled; empty while nothing is open."""
    opened_at: int = _NEVER
    open: dict[str, None] = field(default_factory=dict)
    """The INTENDs that are not settled, the opening one first."""
    closing: Turn | None = None
    """What closed the thread, while it is closed."""
    ahead: dict[str, Turn] = field(default_factory=dict)
    """Statements about INTENDs that are still to come."""

    def take(self, turn: Turn) -> None:
        """Apply the next turn."""
        if turn.way == "intends":
            if not self.opening:
                self.opening, self.opened_at, self.closing = turn.record, turn.at, None
            self.open[turn.record] = None
            if (said := self.ahead.pop(turn.record, None)) is not None:
                self._settle(said)
        elif turn.about == WHOLE or turn.about in self.open:
            self._settle(turn)
        else:
            self.ahead.setdefault(turn.about, turn)

    def _settle(self, turn: Turn) -> None:
        if turn.about not in (WHOLE, self.opening):
            del self.open[turn.about]
        elif self.closing is None:
            self.closing, self.opening = turn, ""
            self.open.clear()


@dataclass(slots=True)
class Lifecycle:
    """The lifecycle of one thread."""

    step: int = _NEVER
    know: int = _NEVER
    turns: list[Turn] = field(default_factory=list)
    _arc: Arc | None = field(default=None, compare=False, repr=False)

    def apply(self, record: Record) -> None:
        """Apply a record of the thread."""
        at = moment(record)
        if record.act in _STEPS:
            self.step = max(self.step, at)
        elif record.act == "KNOW":
            self.know = max(self.know, at)
        turn = _turn(record, at)
        if turn is None:
            return
        last = not self.turns or self.turns[-1] < turn
        insort(self.turns, turn)
        if self._arc is not None and last:
            self._arc.take(turn)
        else:
            self._arc = None

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
