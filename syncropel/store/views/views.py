"""The views in one SQLite file, or in memory: read at once, written in one transaction at a time."""

from __future__ import annotations

import contextlib
import logging
import re
import sqlite3
import threading
import weakref
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from syncropel.errors import StoreError, Unavailable
from syncropel.store.sqlite.connection import BUSY_SECONDS, Connection, close_after_reads
from syncropel.store.views.batch import ActorRow, Batch, ForkRow
from syncropel.store.views.writing import write

log = logging.getLogger("syncropel.store.views")

VERSION: Final = 1
"""Goes up whenever the tables would get other rows from the same log: they are then built anew."""
_APPLICATION_ID: Final = 0x53594E56
_CACHE_KIB: Final = 16 * 1024
_WHO: Final = "check the disk and who owns it"
_NUMBERED: Final = re.compile(r"views-([0-9]{1,9})\.db")
_FILES: Final = ("", "-wal", "-shm")


class ViewsError(StoreError):
    """The views cannot be read, written, or removed; the log is not concerned."""


def views_path(store: Path) -> Path:
    """Where the views of the log in this file are."""
    return store.with_name(f"views-{VERSION}.db")


def drop(path: Path) -> bool:
    """Remove the files of views; return whether there were any. Nobody may have them open. Raises
    ViewsError.
    """
    there = [Path(f"{path}{end}") for end in (*_FILES, ".damaged")]
    found = any(one.exists() for one in there)
    try:
        for one in there:
            one.unlink(missing_ok=True)
    except OSError as error:
        raise ViewsError(f"cannot remove {path}: {error.strerror}", _WHO) from error
    return found


def drop_older(path: Path) -> list[Path]:
    """Remove the views of earlier versions beside these; return their files, without what SQLite keeps beside
    each. Raises ViewsError.
    """
    found = (_NUMBERED.fullmatch(one.name) for one in path.parent.glob("views-*.db"))
    older = [path.with_name(one[0]) for one in found if one is not None and int(one[1]) < VERSION]
    for one in older:
        drop(one)
    return sorted(older)


class Views:
    """Views of one log. Reads are answered on the calling thread; any thread may read."""

    def __init__(self, path: Path | None, reader: sqlite3.Connection, writer: Connection | None) -> None:
        self.path = path
        """Their file; None in memory."""
        self._reader = reader
        self._writer = writer
        self._lock = threading.Lock()
        # Views in memory end with whoever holds them; at the end of the process threads may still read.
        self._end = weakref.finalize(self, close_after_reads, reader, self._lock)
        self._closed = False
        self.problem = ""
        """Why they cannot be read any more; empty while they can. They are built anew at the next start."""
        self.displaced = ""
        """Why they are in memory, though there is a place for them; empty otherwise."""

    @classmethod
    async def open(cls, path: Path | None = None) -> Views:
        """Open the views in this file, created if it is missing; without a path they are in memory.

        A file that is damaged or something else is removed: the log has everything. Raises ViewsError when
        the file cannot be written.
        """
        if path is None:
            reader = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
            reader.executescript(_script())
            return cls(None, reader, None)
        try:
            if _marker(path).exists():
                drop(path)
            try:
                return await cls._open_file(path)
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError):
                    raise
                log.warning("%s is damaged (%s): built anew from the log", path, error)
                drop(path)
                return await cls._open_file(path)
        except (OSError, sqlite3.Error) as error:
            raise ViewsError(f"cannot use {path}: {error}", _WHO) from error

    @classmethod
    async def _open_file(cls, path: Path) -> Views:
        path.touch(mode=0o600)
        writer = await Connection(partial(_connect, path)).opened()
        try:
            await writer.run(_prepare)
            reader = sqlite3.connect(
                path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            views = cls(path, reader, writer)
            reader.execute("PRAGMA query_only = 1")
            reader.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            reader.execute("SELECT count(*) FROM meta").fetchone()
        except BaseException:
            await writer.close()
            raise
        return views

    async def write(self, batch: Batch, at_record: str) -> None:
        """Write all of a batch or nothing. `at_record`: the id of the record at its position. Raises
        ViewsError.
        """
        job = partial(write, batch=batch, at_record=at_record)
        try:
            if self._writer is not None:
                await self._writer.run(job)
            else:
                with self._lock:
                    job(self._reader)
        except sqlite3.Error as error:
            told = f"cannot write {self.path}: {error}"
            raise ViewsError(told, "check the disk; the log is safe") from error

    async def close(self) -> None:
        """Close the file; from then on reads raise Unavailable. Safe to call twice."""
        self._closed = True
        self._end()
        if self._writer is not None:
            await self._writer.close()
            self._writer = None

    def meta(self) -> dict[str, str]:
        """`position` (a sequence), `at_record` (the id of its record), and `state` (JSON)."""
        return dict(self._rows("SELECT key, value FROM meta"))

    def thread(self, name: str) -> tuple[str, str | None] | None:
        """The JSON of a thread's summary, and of what its task adds to the counts."""
        found = self._rows("SELECT line, counted FROM threads WHERE thread = ?", name)
        return found[0] if found else None

    def threads_before(self, last: int | None, limit: int) -> list[str]:
        """Threads whose last record has a lower sequence, the latest first."""
        where = "" if last is None else "WHERE last < ?"
        values = () if last is None else (last,)
        return self._names(f"SELECT thread FROM threads {where} ORDER BY last DESC LIMIT {limit:d}", *values)

    def all_threads(self) -> list[str]:
        """Every thread, the oldest first."""
        return self._names("SELECT thread FROM threads ORDER BY first")

    def tasks_between(self, after: int, before: int, status: str | None, limit: int) -> list[tuple[str, int]]:
        """Threads of tasks that changed last between these sequences, both exclusive, with the sequence of
        the change, the latest first.
        """
        where = "task_sequence IS NOT NULL AND task_sequence > ? AND task_sequence < ?"
        end = f"ORDER BY task_sequence DESC LIMIT {limit:d}"
        if status is None:
            return self._rows(f"SELECT thread, task_sequence FROM threads WHERE {where} {end}", after, before)
        select = f"SELECT thread, task_sequence FROM threads WHERE status = ? AND {where} {end}"
        return self._rows(select, status, after, before)

    def open_children(self) -> list[str]:
        """Threads of subtasks without a result."""
        return self._names("SELECT thread FROM threads WHERE open_child")

    def with_worktree(self) -> list[str]:
        """Threads of subtasks that were given a repository, the oldest first."""
        return self._names("SELECT thread FROM threads WHERE worktree ORDER BY first")

    def active(self) -> list[str]:
        """Threads of tasks whose fan-out has not joined."""
        return self._names("SELECT thread FROM threads WHERE active")

    def named(self, alias: str) -> list[str]:
        """Threads of tasks with this alias, the oldest task first."""
        return self._names("SELECT thread FROM threads WHERE alias = ? ORDER BY created_at, thread", alias)

    def parts(self, parent: str) -> list[str]:
        """Threads of the tasks that are a part of this thread."""
        return self._names("SELECT thread FROM threads WHERE parent = ?", parent)

    def stale(self) -> list[str]:
        """Threads to be folded again."""
        return self._names("SELECT thread FROM stale")

    def spawned_by(self, child: str) -> str | None:
        """The thread whose fan-out a subtask belongs to."""
        found = self._names("SELECT parent FROM spawned WHERE child = ?", child)
        return found[0] if found else None

    def forks_of(self, child: str) -> list[ForkRow]:
        """Who forked this thread."""
        rows = self._rows("SELECT child, parent, clock, record FROM forked WHERE child = ?", child)
        return [ForkRow(*row) for row in rows]

    def runs_of(self, intend: str) -> list[str]:
        """Threads with observations of an attempt."""
        return self._names("SELECT DISTINCT thread FROM runs WHERE intend = ?", intend)

    def runs_on(self, child: str) -> list[str]:
        """Threads with observations of the runs on a subtask's thread."""
        return self._names("SELECT DISTINCT thread FROM runs WHERE child = ?", child)

    def starts(self) -> list[int]:
        """Sequences of the session records of attempts without a result, in order."""
        return [row[0] for row in self._rows("SELECT sequence FROM starts ORDER BY sequence")]

    def unreported(self) -> dict[str, str]:
        """Threads of results that were not acknowledged, by the result's id."""
        return dict(self._rows("SELECT result, thread FROM unreported"))

    def actors(self) -> list[ActorRow]:
        """Every actor."""
        rows = self._rows("SELECT actor, threads, last_activity, results, accepted, own FROM actors")
        return [ActorRow(*row) for row in rows]

    def dump(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every table but `meta`, its rows in order: to compare views with views."""
        select = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'meta' ORDER BY name"
        return {name: sorted(self._rows(f"SELECT * FROM {name}"), key=repr) for name in self._names(select)}

    def _names(self, statement: str, *values: str | int) -> list[str]:
        return [row[0] for row in self._rows(statement, *values)]

    def _rows(self, statement: str, *values: str | int) -> list[tuple[Any, ...]]:
        if self._closed:
            raise Unavailable("the daemon is stopping", "try again after the restart")
        try:
            with self._lock:
                return self._reader.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def _failed(self, error: sqlite3.Error) -> ViewsError:
        if not self.problem and self.path is not None:
            self.problem = f"cannot read {self.path}: {error}"
            log.critical("%s; restart the daemon, which builds it anew from the log", self.problem)
            with contextlib.suppress(OSError):
                _marker(self.path).touch()
        return ViewsError(f"cannot read {self.path}: {error}", "restart the daemon: it builds it anew")


def _marker(path: Path) -> Path:
    """Says that these views could not be read."""
    return path.with_name(path.name + ".damaged")


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)


def _prepare(connection: sqlite3.Connection) -> None:
    # A commit that a power cut takes is made again from the log, so nobody has to wait for the disk.
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", f"cache_size = -{_CACHE_KIB}"):
        connection.execute(f"PRAGMA {pragma}")
    tables: int = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if not tables:
        connection.executescript(_script())
    if connection.execute("PRAGMA application_id").fetchone()[0] != _APPLICATION_ID:
        raise sqlite3.DatabaseError("it is something else")


def _script() -> str:
    return (files("syncropel.store") / "sql" / "views.sql").read_text(encoding="utf-8")
