"""Searches a thread's records, including those that have not been loaded yet."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from syncropel.client import thread_calls
from tui.connection.replay_reader import Asks

if TYPE_CHECKING:
    from syncropel.wire.replay import ReplayFrame

PAGE: Final = 100
"""Records per request, as in a replay: parsing more at once would hold up the keys."""


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
    """Return the position of the nearest match: after `start` when way is 1, before it when -1; None without
    a match. `on_page` is told before each page how far the search has got.

    Nothing that is read is kept. Raises SyncropelError when the daemon cannot be asked.
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
