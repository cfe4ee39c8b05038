"""A log in a file, as it is copied."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from syncropel.errors import Conflict, NotFound
from syncropel.store.copying.copying import CHUNK, Copied, Row
from syncropel.store.sqlite.connection import explain, read_only
from syncropel.store.sqlite.rows import COLUMNS, NOTED
from syncropel.store.sqlite.schema import check, prepare
from syncropel.system.durable import sync

_FROM: Final = f"FROM records WHERE sequence > ? ORDER BY sequence LIMIT {CHUNK}"
_FIRST_NOTED: Final = 2
"""The first version of the schema that has the columns NOTED."""
_INSERT: Final = f"INSERT INTO records ({COLUMNS}, {NOTED}) VALUES ({','.join('?' * 14)})"


class FileToCopy:
    """The file at `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def shown(self) -> str:
        return str(self._path)

    @contextmanager
    def reading(self) -> Iterator[OpenFile]:
        if not self._path.exists():
            raise NotFound(f"there is no log at {self._path}", "check the path")
        try:
            with closing(read_only(self._path)) as log:
                log.execute("BEGIN")
                noted = NOTED if check(log, self._path) >= _FIRST_NOTED else "0, NULL"
                yield OpenFile(log, noted)
        except sqlite3.Error as error:
            raise explain(error, self._path) from error

    @contextmanager
    def writing(self) -> Iterator[OpenFile]:
        if self._path.exists():
            raise Conflict(
                f"there is a file {self._path} already: a log is copied to an empty place alone",
                "name another path, or move that file away",
            )
        draft = self._path.with_name(f"{self._path.name}.copying")
        draft.unlink(missing_ok=True)
        try:
            draft.touch(mode=0o600)
            with closing(sqlite3.connect(draft, isolation_level=None)) as log:
                prepare(log, draft)
                log.execute("BEGIN IMMEDIATE")
                yield OpenFile(log)
                log.execute("COMMIT")
            sync(draft)
            os.link(draft, self._path)  # unlike a rename it never replaces what came meanwhile
            sync(self._path.parent)
        except sqlite3.Error as error:
            raise explain(error, draft) from error
        finally:
            draft.unlink(missing_ok=True)


class OpenFile:
    """An open file, for reading and for writing."""

    def __init__(self, log: sqlite3.Connection, noted: str = NOTED) -> None:
        self._log = log
        self._select = f"SELECT {COLUMNS}, {noted} {_FROM}"

    def count(self) -> int:
        return int(self._log.execute("SELECT count(*) FROM records").fetchone()[0])

    def rows(self) -> Iterator[list[Row]]:
        at = 0
        while found := self._log.execute(self._select, (at,)).fetchall():
            yield found
            at = found[-1][0]

    def acknowledged(self) -> Iterator[list[str]]:
        rows = self._log.execute("SELECT record_id FROM acknowledged")
        while found := rows.fetchmany(CHUNK):
            yield [row[0] for row in found]

    def write(self, rows: Sequence[Row]) -> None:
        self._log.executemany(_INSERT, rows)

    def acknowledge(self, record_ids: Sequence[str]) -> None:
        self._log.executemany("INSERT OR IGNORE INTO acknowledged VALUES (?)", [(one,) for one in record_ids])

    def finish(self, copied: Copied) -> None:
        """A file has nothing but its records."""
