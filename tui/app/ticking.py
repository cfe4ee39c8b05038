"""What the console does once a second."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from tui.app.announcer import Announcer
from tui.app.keys import Keys
from tui.app.painting import Painter

TICK_SECS: Final = 1.0


class Ticker:
    """Looks at keys and news that wait, and shows that time passes."""

    def __init__(self, keys: Keys, announcer: Announcer, painter: Painter) -> None:
        self._keys, self._announcer, self._painter = keys, announcer, painter

    async def run(
        self, sleep: Callable[[float], Awaitable[None]], call: Callable[[Callable[[], object]], object]
    ) -> None:
        """Tick for ever. `call` runs a function between two messages of the app."""
        while True:
            await sleep(TICK_SECS)
            call(self.tick)

    async def tick(self) -> None:
        """Do what is due after a second."""
        await self._keys.look()
        self._announcer.tick()
        self._painter.tick()
