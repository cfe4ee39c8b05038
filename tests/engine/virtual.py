"""Virtual time: a loop whose clock jumps to the next timer as soon as nobody has anything to do."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from syncropel.peer.runtime import Runtime

EPOCH = 1_700_000_000.0
T = TypeVar("T")


class _Jump(selectors.DefaultSelector):
    """Instead of waiting for a timer it moves the clock there."""

    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None and not self.loop.outside:
            raise RuntimeError("everybody waits for something that cannot come")
        if self.loop.outside:  # a thread or a process is at work, and its time is real
            return super().select(timeout)
        ready = super().select(0)
        if not ready and timeout is not None:
            self.loop.now += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """`outside`: how many threads and processes are being waited for; while there are any, time stands."""

    def __init__(self) -> None:
        selector = _Jump()
        selector.loop = self
        self.now = 0.0
        self.outside = 0
        super().__init__(selector)

    def time(self) -> float:
        return self.now

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:  # type: ignore[override]
        self.outside += 1
        answer = super().run_in_executor(executor, func, *args)
        answer.add_done_callback(self._came_back)
        return answer

    def _came_back(self, _: object) -> None:
        self.outside -= 1

    def runtime(self) -> Runtime:
        """The engine's time on this loop."""
        return self.skewed(lambda: 0.0)

    def skewed(self, secs: Callable[[], float]) -> Runtime:
        """The same on a machine whose wall clock is ahead by this."""
        return Runtime(
            lambda: EPOCH + self.now + secs(),
            self.time,
            asyncio.sleep,
            self.time,
            lambda: "one boot",
            share=lambda: 1.0,
        )


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run on a loop with virtual time; what is still going at the end is cancelled."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)


def runtime() -> Runtime:
    """The engine's time on the running loop."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    return loop.runtime()


class Untouched:
    """A store whose files nobody but this process can reach, and which always answers."""

    hold = replaced = unsettled = unreachable = None

    async def altered_after(self, sequence: int, _: int) -> tuple[int, list[Any]]:
        return sequence, []
