"""How a lineage comes to the end of a log that it does not know: at once if that is short, else beside all
other work. Reading the ids of five million records takes 5 to 15 s, in which nothing would be answered.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, Protocol, TypeVar

from syncropel.errors import StoreError
from syncropel.store.lineage.keeper import LineageKeeper
from syncropel.store.lineage.writing import LineageWriter

AT_ONCE: Final = 20_000
"""So many records are read before anything is answered, about 60 ms."""
STEP: Final = 4_000
"""And so many at a time after that, about 12 ms: no append and no read waits longer for it."""

log = logging.getLogger("syncropel.store")

_Result = TypeVar("_Result")


class Runs(Protocol):
    """Runs a job on a connection to the store."""

    def __call__(self, job: Callable[[sqlite3.Connection], _Result], /) -> Awaitable[_Result]: ...


def last_sequence(connection: sqlite3.Connection) -> int:
    """The highest sequence of the log, 0 when it is empty."""
    return int(connection.execute("SELECT coalesce(max(sequence), 0) FROM records").fetchone()[0])


def catch_up(keeper: LineageKeeper, connection: sqlite3.Connection, limit: int = AT_ONCE) -> None:
    """Let the keeper come to the end of the log, or `limit` records nearer; then it is `behind`. To be
    called when nothing is appended meanwhile. Raises sqlite3.Error.
    """
    if not keeper.behind or last_sequence(connection) - keeper.sequence <= limit:
        _follow(keeper, connection, limit)
        keeper.behind = keeper.sequence < last_sequence(connection)


async def catch_up_beside(writer: LineageWriter, read: Runs, between_commits: Runs) -> None:
    """Let the keeper of `writer` come to the end of the log while others append to it, and write down how far
    it is. `read` runs a job on a connection for reading, `between_commits` one on that which commits. An
    error of the disk ends it, and is logged; the next start goes on where this one got to.
    """
    keeper = writer.keeper
    try:
        while keeper.behind:
            if not await read(partial(_follow, keeper, limit=STEP)):
                await between_commits(partial(catch_up, keeper, limit=STEP))
            writer.soon()
    except StoreError as error:
        log.error("the lineage stays at record %d of the log: %s", keeper.sequence, error.message)


def _follow(keeper: LineageKeeper, connection: sqlite3.Connection, limit: int) -> bool:
    """Add the next ids, at most `limit`; return whether there may be more."""
    rows = connection.execute(
        "SELECT id, received_at FROM records WHERE sequence > ? ORDER BY sequence LIMIT ?",
        (keeper.sequence, limit),
    ).fetchall()
    if rows:
        keeper.follow([row[0] for row in rows], float(rows[-1][1]))
    return len(rows) == limit
