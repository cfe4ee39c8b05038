"""Threads for expressions that would block the event loop, separate for each purpose.

Each lane has a quick thread, for evaluations of a few milliseconds, and a slow one. Slow evaluations only
wait for other slow ones, and no number of operators' questions delays a join.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from typing import Final, TypeVar

from syncropel.cel.budget import MAX_SECS, QUICK_STEPS, Budget, Runaway

Done = TypeVar("Done")
left_the_loop: ContextVar[asyncio.Future[None] | None] = ContextVar("left_the_loop", default=None)
"""Done as soon as the current task starts waiting for a lane, so that those who wait for the task can go on
with others.
"""


class Lane:
    """Two threads for expressions of one purpose."""

    def __init__(self, name: str) -> None:
        self.quick: Final = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"cel-{name}-quick")
        self.slow: Final = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"cel-{name}-slow")

    async def evaluate(
        self, work: Callable[[Budget], Done], secs: float = MAX_SECS, *, slow: bool = False
    ) -> Done:
        """The result of `work` within its budget, with at most `secs` of processor time. Raises what it
        raises.

        `work` may be started twice. `slow`: it is known to need more than the quick thread allows.
        """
        if not slow:
            try:
                return await self._on(self.quick, lambda: work(Budget(QUICK_STEPS, secs)))
            except Runaway:
                pass
        return await self._on(self.slow, lambda: work(Budget(secs=secs)))

    def wait_for(self, work: Callable[[Budget], Done], secs: float = MAX_SECS) -> Done:
        """Like `evaluate`, for a thread that may block; never for the event loop's."""
        try:
            return self.quick.submit(lambda: work(Budget(QUICK_STEPS, secs))).result()
        except Runaway:
            return self.slow.submit(lambda: work(Budget(secs=secs))).result()

    async def compile(self, work: Callable[[], Done]) -> Done:
        """The result of compiling a long source."""
        return await self._on(self.slow, work)

    async def _on(self, thread: ThreadPoolExecutor, work: Callable[[], Done]) -> Done:
        left = left_the_loop.get()
        if left is not None and not left.done():
            left.set_result(None)
        return await asyncio.get_running_loop().run_in_executor(thread, work)


JOINS: Final = Lane("joins")
"""Joins of this instance's current fan-outs."""
RULES: Final = Lane("rules")
"""Rules that something waits for."""
QUESTIONS: Final = Lane("questions")
"""Evaluations for display: expressions being tried, replays, fold and health rules."""
LANES: Final = (JOINS, RULES, QUESTIONS)
