"""Opens the log of a home where its settings say that it is: the file in the home, or a database."""

from __future__ import annotations

import json
import logging
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from importlib.util import find_spec
from typing import TYPE_CHECKING

from syncropel.errors import SetupError, StoreError
from syncropel.settings.config import Settings
from syncropel.settings.home import Home
from syncropel.settings.identity import read_identity
from syncropel.store.lineage.lineage import LineageFile
from syncropel.store.sqlite.connection import read_only
from syncropel.store.sqlite.reserve import Reserve
from syncropel.store.sqlite.store import SqliteStore

if TYPE_CHECKING:
    from syncropel.store.postgres.address import Address
    from syncropel.store.postgres.store import PostgresStore

log = logging.getLogger("syncropel.daemon")

IN_DATABASE = "use the backups of the database: pg_dump, or those of whoever runs it"
"""The hint where something is for the file alone."""


async def open_log(
    home: Home,
    settings: Settings,
    environ: Mapping[str, str],
    *,
    reserve: Reserve | None = None,
    lineage: LineageFile | None = None,
) -> SqliteStore | PostgresStore:
    """Open the log of a home. `reserve` and `lineage`: of the file, for which alone they are.

    Raises StoreError, and SetupError when the home seems to have its log elsewhere.
    """
    if not settings.store.url:
        _refuse_forgotten_database(home)
        return await SqliteStore.open(home.store, clock=time.time, reserve=reserve, lineage=lineage)
    address = address_of(settings, environ)
    from syncropel.store.postgres.store import PostgresStore

    identity = read_identity(home)
    opened = await PostgresStore.open(
        address,
        clock=time.time,
        did="" if identity is None else identity.did,
        known=home.known_log,
        beside=home.store,
        waiting=lambda told: log.warning("%s", told, extra={"on_screen": True}),
    )
    try:
        if opened.count == 0:
            _refuse_forgotten_file(home, address)
    except BaseException:
        await opened.close()
        raise
    return opened


def address_of(settings: Settings, environ: Mapping[str, str]) -> Address:
    """Where the database is, with the password. Raises SetupError."""
    if find_spec("psycopg") is None:
        raise SetupError(
            "[store] url names a database, and the package psycopg is not installed",
            "pip install 'syncropel-console[postgres]'",
        )
    from syncropel.store.postgres.address import read_address

    return read_address(settings.store.url, settings.store.password(environ))


def need_file(settings: Settings, what: str) -> None:
    """Raise SetupError when the log is in a database. `what`: what is for the file alone."""
    if settings.store.url:
        raise SetupError(f"the log is in a database: {what}", IN_DATABASE)


def _refuse_forgotten_file(home: Home, address: Address) -> None:
    """Raise SetupError when a database is empty and the file in the home is not."""
    if not home.store.exists():
        return
    try:
        with closing(read_only(home.store)) as file:
            records = file.execute("SELECT coalesce(max(sequence), 0) FROM records").fetchone()[0]
    except sqlite3.Error as error:
        raise StoreError(f"cannot read {home.store}: {error}", "move it away if it is not needed") from error
    if records:
        raise SetupError(
            f"the log at {address.shown} is empty, and {home.store} has {records} records",
            "take them over: spl store copy; or move that file away to begin without them",
        )


def _refuse_forgotten_database(home: Home) -> None:
    """Raise SetupError when a home had its log in a database, and would begin an empty one in a file."""
    if home.store.exists():
        return
    try:
        url = json.loads(home.known_log.read_text(encoding="utf-8"))["url"]
    except FileNotFoundError:
        return
    except (OSError, ValueError, KeyError, TypeError):
        url = "a database"
    raise SetupError(
        f"this home has its log at {url}, and [store] url is empty",
        f"set it in {home.config}; to begin an empty log instead: rm {home.known_log}",
    )
