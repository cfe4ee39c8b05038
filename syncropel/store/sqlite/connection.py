"""SQLite connections on threads of their own, and the meaning of their errors for a person."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import quote

import aiosqlite

from syncropel.errors import StoreCorrupt, StoreError
from syncropel.store.refusals import StoreBusy, StoreFull

BUSY_SECONDS: Final = 5.0
"""How long a connection waits for another process's lock before it gives up."""

_CACHE_KIB: Final = 64 * 1024
_CHECKPOINT_PAGES: Final = 4000
_WAL_LIMIT_BYTES: Final = 64 * 1024 * 1024

_Result = TypeVar("_Result")


class Connection(aiosqlite.Connection):
    """A connection whose thread runs a whole function at a time.

    Each hop to the thread and back costs more than the statement it carries, so a transaction or a query with
    its decoding is one function, not one call per statement.
    """

    def __init__(self, connector: Callable[[], sqlite3.Connection]) -> None:
        super().__init__(connector, iter_chunk_size=1)
        # A process that fails before it closes its store must end anyway; whatever was answered is on the
        # disk by then. Before 0.22 the connection was its own thread.
        self._ending: asyncio.Future[Any] | None = None
        thread: Any = getattr(self, "_thread", self)
        thread.daemon = True

    def stop(self) -> asyncio.Future[Any] | None:
        self._ending = super().stop()
        return self._ending

    async def opened(self) -> Connection:
        """This connection, once it is open. Raises sqlite3.Error, after its thread has ended."""
        try:
            await self
        except BaseException:
            # It would report its end to a loop that may be closed by then, and print a traceback.
            if self._ending is not None:
                await self._ending
            raise
        return self

    async def run(self, job: Callable[[sqlite3.Connection], _Result]) -> _Result:
        """Run `job` on the connection's thread. Cancelling the caller does not stop it."""
        execute: Callable[..., Awaitable[_Result]] = self._execute
        return await execute(job, self._conn)


async def open_writer(path: Path) -> Connection:
    """The only connection that writes and checkpoints. The file is created if it is missing."""

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)

    return await Connection(connect).opened()


async def open_reader(path: Path) -> Connection:
    """A connection that can only read; each function it runs sees the last commit before it.

    It has all files of the store open from the start, so that it keeps working when they are removed.
    """
    connection = await Connection(partial(read_only, path)).opened()
    try:
        await connection.run(lambda log: log.execute("SELECT count(*) FROM meta").fetchone())
    except BaseException:
        await connection.close()
        raise
    return connection


def read_only(path: Path) -> sqlite3.Connection:
    """A plain read-only connection for the calling thread. Raises sqlite3.Error."""
    return sqlite3.connect(read_only_uri(path), uri=True, timeout=BUSY_SECONDS, isolation_level=None)


def close_after_reads(connection: sqlite3.Connection, lock: threading.Lock) -> None:
    """Close a connection that several threads use, each of them under this lock: SQLite crashes the process
    when a connection is closed under a running read.
    """
    with lock:
        connection.close()


def read_only_uri(path: Path) -> str:
    """What sqlite3 opens this file by, for reading alone."""
    return f"file:{quote(str(path))}?mode=ro"


def tune_writer(connection: sqlite3.Connection) -> None:
    """Write-ahead log, each commit on disk before it is answered, checkpoints in larger steps."""
    # FULL: with NORMAL a power loss takes records whose callers were told that they are stored.
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",
        f"wal_autocheckpoint = {_CHECKPOINT_PAGES}",
        f"journal_size_limit = {_WAL_LIMIT_BYTES}",
        f"cache_size = -{_CACHE_KIB}",
    ):
        connection.execute(f"PRAGMA {pragma}")


def explain(error: sqlite3.Error, path: Path) -> StoreError:
    """The StoreError that explains `error` for the store at `path`."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return corrupt(path, str(error))
    if code == sqlite3.SQLITE_FULL:
        return StoreFull(f"no room left for {path}: {error}", "free some disk space; nothing was lost")
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreBusy(
            f"{path} was locked by another process for {BUSY_SECONDS:g} s: {error}",
            "close what has the file open, then try again",
        )
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return unwritable(path, str(error))
    return StoreError(f"cannot use {path}: {error}", "check the disk and its file system")


def unwritable(path: Path, reason: str) -> StoreError:
    """The error for a store whose file or folder cannot be written."""
    return StoreError(
        f"cannot write {path}: {reason}", f"check who owns it and {path.parent}, and their modes"
    )


def corrupt(path: Path, reason: str) -> StoreCorrupt:
    """The error for a file at `path` that is not a store, or is damaged."""
    return StoreCorrupt(
        f"{path} is damaged or not a record store: {reason}",
        f"move {path.name} and its -wal and -shm files aside, copy a backup to {path}, and start again",
    )
