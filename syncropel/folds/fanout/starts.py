"""Starts of an attempt, and how many are too many: each ended with its worker going down."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from syncropel.folds.fanout.spec import LARGEST
from syncropel.record.model import MAX_NAME_CHARS

CRASH_LOOP: Final = "crash_loop"
"""The reason for not starting an attempt again: its instances went down under it."""
MAX_STARTS: Final = 3
"""How often an attempt is started without a result."""
MAX_LOSSES: Final = 15
"""How often its worker may go down under an attempt, even if the attempt keeps running: long work survives
crashes of a worker, but a goal that kills each daemon that takes it over must end.
"""
WENT_DOWN: Final = "instance_went_down"
"""How a start ended: its daemon came back, and there was no result."""
VANISHED: Final = "instance_vanished"
"""How a start ended: its instance did not come back."""
MOST_TOLD: Final = 16
"""Most starts listed in a body."""
_LARGEST_PID: Final = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Start:
    """One start, or a run that a daemon took over (`taken_back`). `at`: unix seconds; `pid`: of the goal's
    first process, 0 when it has none or it is not known; `ended`: how it ended, empty for one that has a
    result, or may still have one.
    """

    at: float
    instance: str
    pid: int = 0
    ended: str = ""
    taken_back: bool = False

    def as_body(self) -> dict[str, Any]:
        """The form used in records and heartbeats."""
        body = {"at": self.at, "instance": self.instance, "pid": self.pid, "ended": self.ended}
        return {**body, "taken_back": True} if self.taken_back else body


def read_starts(value: Any) -> tuple[Start, ...]:
    """The starts listed in a body; invalid ones are omitted."""
    items = value[:MOST_TOLD] if isinstance(value, list) else ()
    return tuple(start for item in items if (start := read_start(item)) is not None)


def read_start(item: Any) -> Start | None:
    """The start in a part of a body, if it is valid."""
    if not isinstance(item, Mapping):
        return None
    at, pid = item.get("at"), item.get("pid")
    if isinstance(at, bool) or not isinstance(at, int | float) or not 0 <= at <= LARGEST:
        return None
    known = pid if type(pid) is int and 0 < pid <= _LARGEST_PID else 0
    instance, ended = (str(item.get(key) or "")[:MAX_NAME_CHARS] for key in ("instance", "ended"))
    return Start(float(at), instance, known, ended, item.get("taken_back") is True)


def lost(starts: Iterable[Start], how: str = WENT_DOWN) -> tuple[Start, ...]:
    """These starts, marked as having failed to produce a result."""
    return tuple(start if start.ended else replace(start, ended=how) for start in starts)


def loops(starts: Sequence[Start]) -> bool:
    """Whether an attempt with these starts must not be started again."""
    return _begun(starts) >= MAX_STARTS or len(starts) >= MAX_LOSSES


def is_last(starts: Sequence[Start]) -> bool:
    """Whether the next start is the last one allowed: then nothing else runs beside it, so that the cause of
    a worker going down is known.
    """
    return not loops(starts) and (_begun(starts) == MAX_STARTS - 1 or len(starts) == MAX_LOSSES - 1)


def _begun(starts: Iterable[Start]) -> int:
    return sum(not one.taken_back for one in starts)
