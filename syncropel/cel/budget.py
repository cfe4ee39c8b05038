"""What one evaluation may cost. CEL's only loops are its macros, so counting iterations bounds everything.

A budget is counted in steps, one for each part of the expression that is evaluated, so the same expression
over the same values always costs the same. A deadline is the second line of defence.
"""

from __future__ import annotations

import time
from typing import Final

from syncropel.errors import SyncropelError

MAX_STEPS: Final = 500_000
"""Steps of one evaluation: about a quarter of a second."""
INLINE_STEPS: Final = 2_000
"""Steps that may run on the event loop: about a millisecond. Anything longer moves to a lane."""
QUICK_STEPS: Final = 20_000
"""Steps that may occupy a lane's quick thread: a few milliseconds."""
MAX_SECS: Final = 1.0
"""Deadline of one evaluation, in seconds of its thread's processor time: load on the machine is not the
expression's fault, and must not make a rule deny.
"""
MAX_SIZE: Final = 1_048_576
"""Longest text in characters, or list in elements, that an expression may build."""
_LOOK_EVERY: Final = 256


class Runaway(SyncropelError):
    """Raised when an evaluation is stopped because it would cost too much."""

    code = "EXPRESSION_RUNAWAY"
    status = 422
    type = "invalid_request"
    timed_out = False
    """Whether the deadline passed, which may not happen again, rather than the steps running out,
    which will."""


class Budget:
    """Counts the steps of one evaluation and stops it when they run out. Belongs to the thread that created
    it.
    """

    __slots__ = ("_deadline", "limit", "look_at", "steps")

    def __init__(self, limit: int = MAX_STEPS, secs: float = MAX_SECS) -> None:
        self.limit = limit
        self.steps = 0
        self._deadline = time.thread_time() + secs
        self.look_at = min(_LOOK_EVERY, limit + 1)

    def spend(self, steps: int) -> None:
        """Spend this many steps. Raises Runaway when fewer are left, or the deadline has passed."""
        self.steps += steps
        if self.steps >= self.look_at:
            self.check()

    def check(self) -> None:
        """Check whether to continue; `steps` calls it from `look_at` on. Raises Runaway."""
        self.look_at = min(self.steps + _LOOK_EVERY, self.limit + 1)
        if self.steps > self.limit:
            raise Runaway(
                f"the expression was stopped after {self.limit} steps", "look at fewer elements, nest less"
            )
        self.look()

    def look(self) -> None:
        """Raises Runaway when the deadline has passed."""
        if time.thread_time() > self._deadline:
            late = Runaway("the expression was stopped: it took too long", "look at fewer elements")
            late.timed_out = True
            raise late

    def build(self, size: int) -> None:
        """Account for building a text or list of this size. Raises Runaway when it is too large."""
        if size > MAX_SIZE:
            raise Runaway(
                f"the expression was stopped: it builds a value longer than {MAX_SIZE}",
                "build a shorter value",
            )
        self.spend(size >> 6)
