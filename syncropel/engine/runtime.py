"""Time as the engine sees it: passed in, so that tests and simulations decide what it is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Runtime:
    """`now`: unix seconds. `monotonic`: seconds that never go back. `sleep`: waits that many seconds."""

    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
