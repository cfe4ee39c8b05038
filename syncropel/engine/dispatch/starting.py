"""The gate of a goal: once a freeze is confirmed here, no goal that it covers starts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from syncropel.adapters import Startable
from syncropel.engine.ingest.door import Ingest

Work = TypeVar("Work")

START_SECS: Final = 0.05
"""How long a freeze waits for a goal that is passing the gate."""
_LOOK_SECS: Final = 0.005


class StartGate(Generic[Work]):
    """Checks the freezes, opens the gate, and sees the goal begin, while no freeze can come in.

    An earlier check may be outdated when the goal starts: creating a process takes longer than writing and
    confirming a freeze.
    """

    def __init__(self, ingest: Ingest, may_begin: Callable[[Work], bool]) -> None:
        self._ingest = ingest
        self._may_begin = may_begin

    async def let_through(self, work: Work, goal: Startable) -> bool:
        """Start the goal; return False when it must not start, or a freeze could not wait for it
        any longer."""
        async with self._ingest.undisturbed() as control_waits:
            if not self._may_begin(work):
                return False
            goal.go()
            began = asyncio.get_running_loop().time()
            try:
                while not goal.started.done():
                    await asyncio.wait({goal.started}, timeout=_LOOK_SECS)
                    late = asyncio.get_running_loop().time() - began >= START_SECS
                    if late and control_waits() and not goal.started.done():
                        goal.strike()  # before the freeze is in the log, not after
                        return False
            except asyncio.CancelledError:
                if not goal.started.done():
                    goal.strike()
                raise
            return True
