"""Reads the logs of instances, each from where it was read last, one request an instance at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from syncropel.client import log_calls
from syncropel.errors import RemoteError, SyncropelError

if TYPE_CHECKING:
    from syncropel.wire import LogLine
    from tui.connection.stream_follower import Asks

GAP_SECS: Final = 2.0
"""How often the logs are looked at while somebody looks at them."""
_PAGE: Final = 500
_NO_ROUTE: Final = 404


@dataclass
class OfInstance:
    """How far the log of one instance is read. `trouble`: why it is not read at present. `missed`: lines that
    were gone before they could be read.
    """

    cursor: int | None = None
    trouble: str = ""
    missed: int = 0
    was_read: bool = field(default=False)


class LogReader:
    """`instances` are the DIDs wanted now; `deliver` gets the lines of one of them."""

    def __init__(
        self,
        asks: Asks,
        instances: Callable[[], Sequence[str]],
        deliver: Callable[[str, Sequence[LogLine]], None],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._asks, self._instances, self._deliver, self._sleep = asks, instances, deliver, sleep
        self.read: dict[str, OfInstance] = {}

    async def run(self) -> None:
        """Read until cancelled."""
        while True:
            await asyncio.gather(*(self._look(did) for did in self._instances()))
            await self._sleep(GAP_SECS)

    async def _look(self, did: str) -> None:
        known = self.read.setdefault(did, OfInstance())
        try:
            page = await self._asks.send(log_calls.instance_log(did, since=known.cursor, limit=_PAGE))
        except RemoteError as error:
            older = error.status == _NO_ROUTE and error.code == "NOT_FOUND" and "log" in error.message
            known.trouble = "the coordinator is of an older version" if older else error.message
            self._deliver(did, ())
        except SyncropelError as error:
            known.trouble = error.message
            self._deliver(did, ())
        else:
            known.trouble, known.was_read = "", True
            known.missed += page.missed if known.cursor is not None else 0
            known.cursor = page.next_cursor
            self._deliver(did, page.data)
