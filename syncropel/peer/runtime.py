"""Time as the engine sees it: passed in, so that tests and simulations control it."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from syncropel.folds.control.grace import Moment

_BOOT_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", None)
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


def boottime() -> float:
    """Seconds since this machine booted, including suspends; where no clock counts those,
    monotonic seconds."""
    return time.monotonic() if _BOOT_CLOCK is None else time.clock_gettime(_BOOT_CLOCK)


@cache
def boot_id() -> str:
    """Which boot `boottime` counts from; empty where boots cannot be distinguished."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip() if _BOOT_CLOCK is not None else ""
    except (OSError, UnicodeDecodeError):
        return ""


@dataclass(frozen=True)
class Runtime:
    """`now`: unix seconds. `monotonic`: seconds that never go back. `sleep`: waits that many seconds.

    `boottime`: seconds since the boot called `boot_id`. `share`: a random number from 0 to 1.
    """

    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    boottime: Callable[[], float] = boottime
    boot_id: Callable[[], str] = boot_id
    share: Callable[[], float] = random.random

    def moment(self) -> Moment:
        """Now, by this machine's clocks."""
        return Moment(self.now(), self.boottime(), self.boot_id())
