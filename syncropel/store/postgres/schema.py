"""The tables and functions of a log in PostgreSQL: created, and brought up to date."""

from __future__ import annotations

from importlib.resources import files
from typing import Final

from syncropel import __version__
from syncropel.store.postgres.connection import Log

VERSION: Final = 1
_LOCK: Final = 0x53594E43
"""Keeps two processes from migrating at once, whatever they migrate to."""


def migrate(log: Log) -> None:
    """Bring the schema up to date, one step after the other in one transaction; do nothing when it is.

    Steps only add: an earlier release goes on with a later schema, unless `log_head.protocol` keeps it out.
    Raises psycopg.Error.
    """
    if _found(log) >= VERSION:
        return
    with log.transaction():
        log.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        log.execute("SET LOCAL lock_timeout = '10s'")
        log.execute("CREATE SCHEMA IF NOT EXISTS syncropel")
        log.execute(
            "CREATE TABLE IF NOT EXISTS syncropel.migrations"
            " (version integer PRIMARY KEY, at timestamptz NOT NULL DEFAULT now(), by text NOT NULL)"
        )
        for version in range(_found(log) + 1, VERSION + 1):
            log.execute(_script(version), prepare=False)
            log.execute(
                "INSERT INTO syncropel.migrations (version, by) VALUES (%s, %s)", (version, __version__)
            )


def _found(log: Log) -> int:
    """The version that the database has, 0 for none."""
    row = log.execute("SELECT to_regclass('syncropel.migrations') IS NOT NULL").fetchone()
    if row is None or not row[0]:
        return 0
    row = log.execute("SELECT coalesce(max(version), 0) FROM syncropel.migrations").fetchone()
    assert row is not None
    return int(row[0])


def _script(version: int) -> str:
    return (files("syncropel.store") / "sql" / "postgres" / f"{version:04}.sql").read_text(encoding="utf-8")
