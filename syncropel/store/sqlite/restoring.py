"""What a restore into a SQLite log looks up, and where it keeps its promise."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Sequence
from typing import Final

from syncropel.record.model import Record
from syncropel.store.restoring import Known, Timed
from syncropel.store.sqlite.restore_journal import RestoreJournal

_IN_LOG: Final = """
    SELECT id, sequence, received_at, judged_by FROM records WHERE id IN (SELECT value FROM json_each(?))
"""
_TAKEN: Final = """
    SELECT wanted.key FROM json_each(?) AS wanted CROSS JOIN records
    WHERE thread = json_extract(wanted.value, '$[0]') AND clock = json_extract(wanted.value, '$[1]')
        AND actor = json_extract(wanted.value, '$[2]')
"""


def look_up(connection: sqlite3.Connection, records: Sequence[Record]) -> tuple[Known, set[int]]:
    """Which of these the log has, and at which indexes a clock is taken, even by the same record."""
    ids = json.dumps([record.id for record in records])
    places = json.dumps([(record.thread, record.clock, record.actor) for record in records])
    known = {row[0]: tuple(row[1:]) for row in connection.execute(_IN_LOG, (ids,))}
    return known, {row[0] for row in connection.execute(_TAKEN, (places,))}


class JournalApart:
    """A journal whose file is written on another thread."""

    def __init__(self, journal: RestoreJournal) -> None:
        self._journal = journal

    async def promise(self, records: Sequence[Timed]) -> None:
        await asyncio.to_thread(self._journal.promise, records)

    async def fulfilled(self) -> None:
        await asyncio.to_thread(self._journal.fulfilled)
