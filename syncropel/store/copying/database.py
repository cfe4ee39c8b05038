"""A log in a database, as it is copied."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import psycopg

from syncropel.errors import Conflict
from syncropel.store.copying.copying import CHUNK, Copied, Row
from syncropel.store.postgres.address import Address
from syncropel.store.postgres.checking import looking_at
from syncropel.store.postgres.connection import Log, Session
from syncropel.store.postgres.explaining import explain
from syncropel.store.postgres.rows import COLUMNS, held, plain, released
from syncropel.store.postgres.schema import migrate
from syncropel.store.sqlite.rows import NOTED

_SELECT: Final = (
    f"SELECT {COLUMNS}, {NOTED} FROM syncropel.records WHERE sequence > %s ORDER BY sequence LIMIT {CHUNK}"
)
_COPY: Final = (
    "COPY syncropel.records (sequence, id, thread, clock, actor, act, topic, data_type, judged_by, parents,"
    f" body, received_at, {NOTED}) FROM STDIN"
)
_NAMES: Final = frozenset({2, 4, 5, 6, 7, 8})
"""Columns of texts that may have NUL."""


class DatabaseToCopy:
    """The database at `address`."""

    def __init__(self, address: Address) -> None:
        self._address = address

    @property
    def shown(self) -> str:
        return self._address.shown

    @contextmanager
    def reading(self) -> Iterator[OpenDatabase]:
        with looking_at(self._address) as log:
            self._refuse_used(log)
            yield OpenDatabase(log)

    @contextmanager
    def writing(self) -> Iterator[OpenDatabase]:
        try:
            session = Session(self._address, writes=True)
            try:
                migrate(session.log)
                with session.log.transaction():
                    session.log.execute("SET LOCAL synchronous_commit = 'on'")
                    session.log.execute("SELECT FROM syncropel.log_head FOR UPDATE")
                    self._refuse_used(session.log)
                    there: Any = session.log.execute(
                        "SELECT last, EXISTS (SELECT FROM syncropel.records) FROM syncropel.log_head"
                    ).fetchone()
                    if there[0] or there[1]:
                        raise Conflict(
                            f"{self.shown} has {there[0]} records already",
                            "a log is copied to an empty place alone: name another database",
                        )
                    yield OpenDatabase(session.log)
            finally:
                session.close()
        except psycopg.Error as error:
            raise explain(error, self._address) from error

    def _refuse_used(self, log: Log) -> None:
        used = log.execute(
            "SELECT leader, address FROM syncropel.log_head WHERE until > clock_timestamp()"
        ).fetchone()
        if used is not None:
            raise Conflict(
                f"a daemon has {self.shown} open: {used[0]} at {used[1]}", "stop it first: spl stop"
            )


class OpenDatabase:
    """An open database, for reading and for writing."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def count(self) -> int:
        found: Any = self._log.execute("SELECT last FROM syncropel.log_head").fetchone()
        return int(found[0])

    def rows(self) -> Iterator[list[Row]]:
        at = 0
        while found := self._log.execute(_SELECT, (at,), binary=True).fetchall():
            yield [(*plain(row[:-2]), *row[-2:]) for row in found]
            at = found[-1][0]

    def acknowledged(self) -> Iterator[list[str]]:
        with self._log.cursor(name="acknowledged") as cursor:
            cursor.execute("SELECT record_id FROM syncropel.acknowledged")
            while found := cursor.fetchmany(CHUNK):
                yield [released(row[0]) for row in found]

    def write(self, rows: Sequence[Row]) -> None:
        with self._log.cursor() as cursor, cursor.copy(_COPY) as copy:
            for sequence, id_, *rest in rows:
                copy.write_row((sequence, bytes.fromhex(id_), *_held(rest)))

    def acknowledge(self, record_ids: Sequence[str]) -> None:
        ids = [held(one) for one in record_ids]
        self._log.execute(
            "INSERT INTO syncropel.acknowledged SELECT unnest(%s::text[]) ON CONFLICT DO NOTHING", (ids,)
        )

    def finish(self, copied: Copied) -> None:
        """Say where the log ends."""
        self._log.execute(
            "UPDATE syncropel.log_head SET last = %s, ruled = %s, term = %s",
            (copied.records, copied.ruled, copied.term),
        )


def _held(values: Sequence[Any]) -> Iterator[Any]:
    for column, value in enumerate(values, 2):
        yield held(value) if column in _NAMES and value is not None else value
