"""The grace of a hard freeze, on the clocks of the machine that keeps it.

A grace travels as what is left of it, and from then on runs on the machine's boot clock, which goes on while
the machine sleeps and which nobody sets. So a wall clock that is wrong lengthens no grace.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from syncropel.folds.fanout.state import number

HEARD: Final = "heard"


@dataclass(frozen=True, slots=True)
class Moment:
    """Now, by the clocks of this machine in seconds: the wall's since 1970, the boot clock's since the boot
    called `boot_id`, which is empty where none is known."""

    wall: float
    boot: float
    boot_id: str


@dataclass(frozen=True, slots=True)
class Heard:
    """How much of a grace was left at a moment, in seconds."""

    left: float
    at: Moment

    def left_at(self, now: Moment) -> float:
        """What is left now, for a process that begins to keep this grace: the shortest that a clock says.

        What was left counts too: a wall clock that went back, on a machine that was booted anew, says more.
        """
        lefts = [self.left, self.left - (now.wall - self.at.wall)]
        if now.boot_id and now.boot_id == self.at.boot_id:
            lefts.append(self.left - (now.boot - self.at.boot))
        return max(0.0, min(lefts))

    def body(self) -> dict[str, Any]:
        """As a freeze record keeps it."""
        at = self.at
        return {"left": self.left, "at": at.wall, "boot": at.boot, "boot_id": at.boot_id}


def heard_from(body: dict[str, Any]) -> Heard | None:
    """What a freeze record keeps; None in one that keeps nothing."""
    kept = body.get(HEARD)
    if not isinstance(kept, dict):
        return None
    at = Moment(number(kept.get("at")), number(kept.get("boot")), str(kept.get("boot_id", "")))
    return Heard(max(0.0, number(kept.get("left"))), at)
