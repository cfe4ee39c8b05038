"""Finds a record of a thread by what stands in it, also where nobody has looked yet."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from syncropel.client import thread_calls
from tui.connection.replay_reader import Asks

if TYPE_CHECKING:
    from syncropel.wire.replay import ReplayFrame

PAGE: Final = 100
"""Records that are read at once, as in a replay: taking more apart in one go would hold up the keys."""


async def find(
    asks: Asks,
    thread: str,
    *,
    start: int,
    total: int,
    way: int,
    passes: Callable[[ReplayFrame], bool],
    on_page: Callable[[int], None],
) -> int | None:
    """The position of the nearest record that passes: after `start` for way 1, before it for -1. None when
    there is none. `on_page` is told before each page how far it has looked.

    Keeps nothing of what it reads. Raises SyncropelError when the daemon cannot be asked.
    """
    place = start
    while (place < total) if way > 0 else (place > 1):
        on_page(place)
        since = place if way > 0 else max(0, place - 1 - PAGE)
        limit = PAGE if way > 0 else place - 1 - since
        page = await asks.send(thread_calls.replay(thread, since=since, limit=limit))
        found = [one.position for one in page.data if passes(one)]
        if found:
            return found[0] if way > 0 else found[-1]
        if not page.data:
            return None
        place = page.data[-1].position if way > 0 else page.data[0].position
    return None
