"""Logs as the release before version 2 left them."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from syncropel.record.model import Record
from syncropel.store.sqlite.rows import to_row

_SCHEMA = Path(__file__).with_suffix(".sql")


def write_version_1(path: Path, records: Sequence[Record]) -> None:
    """A log of these records, all with their clocks."""
    with closing(sqlite3.connect(path, isolation_level=None)) as log:
        log.execute("PRAGMA journal_mode = WAL")
        log.executescript(_SCHEMA.read_text(encoding="utf-8"))
        log.execute("BEGIN")
        log.executemany(
            f"INSERT INTO records VALUES (NULL,{','.join('?' * 11)})",
            [to_row(one.identified(), 5.0) for one in records],
        )
        log.execute("COMMIT")
