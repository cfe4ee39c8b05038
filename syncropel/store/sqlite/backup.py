"""The startup backup: a copy of the store outside its home that never takes the place of a better one.

A wiped home must not wipe its backup at the next start. So a backup is replaced only by a store that holds
everything in it; a store that has less, or another log, sends the old backup aside as `hub.db.bak.1`,
`.2` and so on, and an empty or damaged store is not copied at all. Nothing here deletes a good backup.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final

from syncropel.errors import StoreError
from syncropel.store.sqlite.connection import corrupt, explain, read_only
from syncropel.store.sqlite.schema import check

FILE_NAME: Final = "hub.db.bak"
STOPPED: Final = "the daemon was told to stop"
_PAGES: Final = 1024
"""Pages (4 KiB) that are copied between two looks whether to stop."""
_INSTRUCTIONS: Final = 20_000
"""Instructions of SQLite's between two such looks."""


@dataclass(frozen=True, slots=True)
class BackupResult:
    """What became of one backup."""

    path: Path
    """Where the backup is, whether or not this call wrote it."""
    records: int
    """How many records the backup at `path` holds now; 0 when there is none."""
    refused: str = ""
    """Why the store was not copied, in words for a log; empty when the backup is as new as the store."""
    kept: Path | None = None
    """Where an earlier backup went that holds records which this store has not."""


@dataclass(frozen=True, slots=True)
class _Contents:
    """A log as far as it takes to tell whether another one continues it."""

    records: int
    last_id: str


def backup_path(data_root: Path, instance_key: str) -> Path:
    """`<data_root>/backups/<instance key>/hub.db.bak`: outside the home, so that removing it spares this."""
    return data_root / "backups" / instance_key / FILE_NAME


class Stopped(Exception):
    """Raised inside a backup that is to end before it is done."""


Stopping = Callable[[], bool]
"""Whether the backup is to end now; asked on its thread, every few milliseconds."""


def backup(store: Path, destination: Path, stopping: Stopping = lambda: False) -> BackupResult:
    """Copy the store to `destination`, unless what is there is better. Blocks for as long as the copy takes.

    The store may be open and in use. The copy is checked before it gets its name, all at once. Whatever
    stands in the way is told in the result, for a backup must not keep a daemon from starting. One that
    `stopping` ends leaves everything as it was.
    """
    draft = destination.with_name(f".{destination.name}.tmp")
    try:
        return _backup(store, destination, draft, stopping)
    except Stopped:
        return BackupResult(destination, _records_in(destination), refused=STOPPED)
    except (StoreError, OSError, sqlite3.Error) as error:
        reason = explain(error, store).message if isinstance(error, sqlite3.Error) else str(error)
        return BackupResult(destination, _records_in(destination), refused=reason)
    finally:
        with suppress(OSError):
            draft.unlink()


def _backup(store: Path, destination: Path, draft: Path, stopping: Stopping) -> BackupResult:
    if not store.exists():
        return BackupResult(destination, _records_in(destination), refused=f"there is no store at {store}")
    earlier = _contents_or_none(destination)
    now = _contents(store)
    if now.records == 0:
        return BackupResult(destination, _records_in(destination), refused=f"{store} holds no record")
    if now == earlier:
        return BackupResult(destination, now.records)
    destination.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _copy(store, draft, stopping)
    copied = _contents(draft)
    kept = None
    if destination.exists() and not (earlier and _continues(draft, earlier)):
        kept = _set_aside(destination)
    draft.replace(destination)
    _sync(destination.parent)
    return BackupResult(destination, copied.records, kept=kept)


def _copy(store: Path, draft: Path, stopping: Stopping) -> None:
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    with closing(read_only(store)) as source, closing(sqlite3.connect(draft, isolation_level=None)) as target:
        # One snapshot throughout: without it each commit would begin the copy anew.
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM meta").fetchone()

        def step(*_: int) -> None:
            if stopping():
                raise Stopped

        source.backup(target, pages=_PAGES, progress=step)
        # One file that can be copied about: the write-ahead log comes back when a store is opened.
        target.execute("PRAGMA journal_mode = DELETE")
        found = _checked(target, stopping)
    if found != "ok":
        raise corrupt(store, found)
    _sync(draft)


def _checked(copied: sqlite3.Connection, stopping: Stopping) -> str:
    """What SQLite finds wrong with the pages of a copy; `ok` when it finds nothing."""
    copied.set_progress_handler(lambda: int(stopping()), _INSTRUCTIONS)
    try:
        found: str = copied.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.OperationalError:
        if stopping():
            raise Stopped from None
        raise
    return found


def _contents(path: Path) -> _Contents:
    """What the log at `path` holds. Raises StoreError or sqlite3.Error when it is not a store."""
    with closing(read_only(path)) as connection:
        check(connection, path)
        row = connection.execute("SELECT sequence, id FROM records ORDER BY sequence DESC LIMIT 1").fetchone()
        return _Contents(*(row or (0, "")))


def _contents_or_none(path: Path) -> _Contents | None:
    if not path.exists():
        return None
    try:
        return _contents(path)
    except (StoreError, sqlite3.Error):
        return None


def _records_in(path: Path) -> int:
    contents = _contents_or_none(path)
    return contents.records if contents else 0


def _continues(path: Path, earlier: _Contents) -> bool:
    """Whether the log at `path` has the earlier one's last record in its place: logs only ever grow."""
    with closing(read_only(path)) as connection:
        row = connection.execute("SELECT id FROM records WHERE sequence = ?", (earlier.records,)).fetchone()
    return earlier.records == 0 or (row is not None and row[0] == earlier.last_id)


def _set_aside(path: Path) -> Path:
    aside = next(
        name for number in count(1) if not (name := path.with_name(f"{path.name}.{number}")).exists()
    )
    path.rename(aside)
    return aside


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
