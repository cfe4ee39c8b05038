"""The grace of a hard freeze, measured by the clocks of the machine that applies it.

A grace is sent as the time remaining, and from then on runs on the machine's boot clock, which counts while
the machine sleeps and which nobody sets. So a wrong wall clock lengthens no grace.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from syncropel.folds.fanout.state import number

HEARD: Final = "heard"


@dataclass(frozen=True, slots=True)
class Moment:
    """The present, by this machine's clocks in seconds: the wall clock since 1970, the boot clock since the
    boot called `boot_id`, which is empty where it is unknown.
    """

    wall: float
    boot: float
    boot_id: str


@dataclass(frozen=True, slots=True)
class Heard:
    """How much of a grace was left at a given time, in seconds."""

    left: float
    at: Moment

    def left_at(self, now: Moment) -> float:
        """The time left for a process that starts counting this grace now: the shortest that any clock
        implies.

        The original remainder is an upper bound: after a reboot, a wall clock that went back would imply
        more.
        """
        lefts = [self.left, self.left - (now.wall - self.at.wall)]
        if now.boot_id and now.boot_id == self.at.boot_id:
            lefts.append(self.left - (now.boot - self.at.boot))
        return max(0.0, min(lefts))

    def body(self) -> dict[str, Any]:
        """The form stored in a freeze record."""
        at = self.at
        return {"left": self.left, "at": at.wall, "boot": at.boot, "boot_id": at.boot_id}


def heard_from(body: dict[str, Any]) -> Heard | None:
    """Parse the form stored in a freeze record; None if it has none."""
    kept = body.get(HEARD)
    if not isinstance(kept, dict):
        return None
    at = Moment(number(kept.get("at")), number(kept.get("boot")), str(kept.get("boot_id", "")))
    return Heard(max(0.0, number(kept.get("left"))), at)
