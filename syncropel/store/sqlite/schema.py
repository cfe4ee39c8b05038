"""Recognizes, creates, and checks the tables of a store file."""

from __future__ import annotations

import sqlite3
from importlib.resources import files
from pathlib import Path
from typing import Final

from syncropel.errors import StoreTooNew
from syncropel.store.sqlite.connection import corrupt

APPLICATION_ID: Final = 0x53594E43
SCHEMA_VERSION: Final = 2


def prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Create the tables in a new file; bring those of an earlier version to this one; or verify that the file
    is a store that this version can use.

    A refused file is left unchanged. Raises StoreCorrupt for a file that is something else, StoreTooNew for a
    store of a later version, sqlite3.Error when the file cannot be read or written.
    """
    if _is_blank(connection):
        connection.executescript(_script("schema.sql"))
    for version in range(check(connection, path) + 1, SCHEMA_VERSION + 1):
        connection.executescript(_script(f"to_version_{version}.sql"))
    # SQLite silently opens a file that it may not write for reading; a write that changes nothing detects
    # that now rather than at the first append.
    connection.execute("UPDATE meta SET value = value WHERE 0")
    connection.executescript(_script("caches.sql"))


def check(connection: sqlite3.Connection, path: Path) -> int:
    """The schema version of a store. Raises what is wrong with the file as `prepare` does, without writing to
    it.
    """
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise corrupt(path, "it belongs to another program")
    row = connection.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchone()
    if row is None or not str(row[0]).isdigit():
        raise corrupt(path, "it does not say which version of the schema it has")
    if int(row[0]) > SCHEMA_VERSION:
        raise StoreTooNew(
            f"{path} has schema version {row[0]}; this version of syncropel knows {SCHEMA_VERSION}",
            "upgrade syncropel, or start it with a backup from before the upgrade",
        )
    return int(row[0])


def _is_blank(connection: sqlite3.Connection) -> bool:
    application: int = connection.execute("PRAGMA application_id").fetchone()[0]
    tables: int = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    return application == 0 and tables == 0


def _script(name: str) -> str:
    return (files("syncropel.store") / "sql" / name).read_text(encoding="utf-8")
