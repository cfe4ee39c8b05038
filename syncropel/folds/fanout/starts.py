"""Starts of an attempt, and how many of them are too many: its worker went down under each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from syncropel.folds.fanout.spec import LARGEST
from syncropel.record.model import MAX_NAME_CHARS

CRASH_LOOP: Final = "crash_loop"
"""Why an attempt is not started again: its instances went down under it."""
MAX_STARTS: Final = 3
"""How often an attempt is started without a result."""
MAX_LOSSES: Final = 15
"""How often its worker may go down under an attempt, also while the attempt runs on: long work outlives the
crashes of a worker, but a goal that kills each daemon that takes it back must end."""
WENT_DOWN: Final = "instance_went_down"
"""How a start ended: its daemon came back, and it had no result."""
VANISHED: Final = "instance_vanished"
"""How a start ended: its instance did not come back."""
MOST_TOLD: Final = 16
"""How many starts a body tells of."""
_LARGEST_PID: Final = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Start:
    """One start, or a run that a daemon took back (`taken_back`). `at`: unix seconds; `pid`: of the goal's
    first process, 0 when it has none or it is not known; `ended`: a word, empty of one that has a result, or
    may still have."""

    at: float
    instance: str
    pid: int = 0
    ended: str = ""
    taken_back: bool = False

    def as_body(self) -> dict[str, Any]:
        """As it stands in a record or a heartbeat."""
        body = {"at": self.at, "instance": self.instance, "pid": self.pid, "ended": self.ended}
        return {**body, "taken_back": True} if self.taken_back else body


def read_starts(value: Any) -> tuple[Start, ...]:
    """The starts that a body tells of; what is no start is left out."""
    items = value[:MOST_TOLD] if isinstance(value, list) else ()
    return tuple(start for item in items if (start := read_start(item)) is not None)


def read_start(item: Any) -> Start | None:
    """The start that a part of a body tells of, if it is one."""
    if not isinstance(item, Mapping):
        return None
    at, pid = item.get("at"), item.get("pid")
    if isinstance(at, bool) or not isinstance(at, int | float) or not 0 <= at <= LARGEST:
        return None
    known = pid if type(pid) is int and 0 < pid <= _LARGEST_PID else 0
    instance, ended = (str(item.get(key) or "")[:MAX_NAME_CHARS] for key in ("instance", "ended"))
    return Start(float(at), instance, known, ended, item.get("taken_back") is True)


def lost(starts: Iterable[Start], how: str = WENT_DOWN) -> tuple[Start, ...]:
    """These starts, known to have come to nothing."""
    return tuple(start if start.ended else replace(start, ended=how) for start in starts)


def loops(starts: Sequence[Start]) -> bool:
    """Whether an attempt with these starts behind it is not to be started again."""
    return _begun(starts) >= MAX_STARTS or len(starts) >= MAX_LOSSES


def is_last(starts: Sequence[Start]) -> bool:
    """Whether the next start is the last: then nothing else is to run beside it, so that who is to blame for
    a worker that goes down is known."""
    return not loops(starts) and (_begun(starts) == MAX_STARTS - 1 or len(starts) == MAX_LOSSES - 1)


def _begun(starts: Iterable[Start]) -> int:
    return sum(not one.taken_back for one in starts)
