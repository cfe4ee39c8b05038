"""The backup: a copy of the store outside its home that never replaces a better one.

A wiped home must not wipe its backup at the next start. So a backup is replaced only by a store that has
everything in it; a store that has less, or another log, moves the old backup aside as `hub.db.bak.1`, `.2`,
and so on, and an empty or damaged store, or one with an altered record, is not copied at all. Nothing here
deletes a good backup but the rotation, which keeps the last ones.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Collection
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final

from syncropel.errors import StoreError
from syncropel.store.lineage.judging import log_id
from syncropel.store.lineage.lineage import LineageFile, Point
from syncropel.store.sqlite.apart import walk_apart
from syncropel.store.sqlite.connection import corrupt, explain, read_only
from syncropel.store.sqlite.integrity import Walked, walk_records
from syncropel.store.sqlite.manifest import (
    CURRENT,
    Kind,
    Manifest,
    Rotation,
    earlier_name,
    manifest_path,
    prune,
    read_manifest,
    write_manifest,
)
from syncropel.store.sqlite.schema import check
from syncropel.system.durable import sync

STOPPED: Final = "the daemon was told to stop"
_PAGES: Final = 1024
"""Pages (4 KiB) copied between two checks whether to stop."""
_INSTRUCTIONS: Final = 20_000
"""SQLite instructions between two such checks."""
APART: Final = 20_000
"""Records from which on a copy is checked in a process of its own."""
_REST_SECS: Final = 0.004
"""Pause after hashing a few records: the daemon serves beside it."""


@dataclass(frozen=True, slots=True)
class BackupResult:
    """The outcome of one backup."""

    path: Path
    """Where the backup is, whether or not this call wrote it."""
    records: int
    """How many records the backup at `path` has now; 0 when there is none."""
    refused: str = ""
    """Why the store was not copied, in words for a log; empty when the backup is as new as the store."""
    kept: Path | None = None
    """Where an earlier backup was moved that has records which this store lacks."""
    point: Point | None = None
    """Where the copy written by this call ends; None when it wrote none."""


@dataclass(frozen=True, slots=True)
class _Contents:
    """As much of a log as is needed to tell whether another one continues it."""

    records: int
    last_id: str


def backup_path(data_root: Path, instance_key: str) -> Path:
    """`<data_root>/backups/<instance key>/hub.db.bak`: outside the home, so that removing the
    home leaves it."""
    return data_root / "backups" / instance_key / CURRENT


def lineage_files(home_file: Path, place: Path) -> LineageFile:
    """The lineage at `home_file`, and its second file beside the backup at `place`."""
    return LineageFile(home_file, place.with_name("lineage.json"))


class Stopped(Exception):
    """Raised inside a backup that is to stop before it is done."""


Stopping = Callable[[], bool]
"""Whether the backup is to stop now; called on its thread, every few milliseconds."""


Progress = Callable[[str, int, int], None]
"""Told how far a backup is, on its thread: what it does (`copying` pages, `checking` records), how many are
done, of how many.
"""


def quiet(what: str, done: int, of: int) -> None:
    """A Progress that nobody hears."""


@dataclass(frozen=True, slots=True)
class Order:
    """The purpose and parameters of a backup. `now`: unix seconds. `rotation`: which earlier ones stay; None
    keeps none. `accepted`: hashes of altered records that an operator accepted. `progress` hears how far it
    is.
    """

    kind: Kind = "start"
    now: float = 0.0
    rotation: Rotation | None = None
    accepted: Collection[str] = ()
    progress: Progress = quiet


def backup(
    store: Path,
    destination: Path,
    stopping: Stopping = lambda: False,
    order: Order | None = None,
    source: sqlite3.Connection | None = None,
) -> BackupResult:
    """Copy the store to `destination`, unless the existing backup is better. Blocks while it copies.

    The store may be open and in use. The copy is checked, including each record, before it is renamed
    atomically. Obstacles are reported in the result, since a backup must not keep a daemon from starting. One
    stopped by `stopping` leaves everything as it was. `source`: a connection for reading the store, where its
    path no longer leads to it.
    """
    order = order or Order(now=time.time())
    draft = destination.with_name(f".{destination.name}.tmp")
    try:
        if source is not None:
            return _backup(source, store, destination, draft, stopping, order)
        if not store.exists():
            told = f"there is no store at {store}"
            return BackupResult(destination, _records_in(destination), refused=told)
        with closing(read_only(store)) as log:
            return _backup(log, store, destination, draft, stopping, order)
    except Stopped:
        return BackupResult(destination, _records_in(destination), refused=STOPPED)
    except (StoreError, OSError, sqlite3.Error) as error:
        reason = explain(error, store).message if isinstance(error, sqlite3.Error) else str(error)
        return BackupResult(destination, _records_in(destination), refused=reason)
    finally:
        with suppress(OSError):
            draft.unlink()


def _backup(
    source: sqlite3.Connection,
    store: Path,
    destination: Path,
    draft: Path,
    stopping: Stopping,
    order: Order,
) -> BackupResult:
    earlier = _contents_or_none(destination)
    check(source, store)
    now = _end(source)
    if now.records == 0:
        return BackupResult(destination, _records_in(destination), refused=f"{store} holds no record")
    if now == earlier:
        return BackupResult(destination, now.records)
    destination.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    manifest = _copy(source, store, draft, stopping, order)
    kept = None
    if destination.exists():
        if earlier and _continues(draft, earlier):
            _keep_earlier(destination, order)
        else:
            kept = _set_aside(destination)
    draft.replace(destination)
    write_manifest(destination, manifest)
    sync(destination.parent)
    if order.rotation is not None:
        prune(destination.parent, order.rotation, order.now)
    point = Point(manifest.records, manifest.head, manifest.digest, order.now, str(destination))
    return BackupResult(destination, manifest.records, kept=kept, point=point)


def _copy(source: sqlite3.Connection, store: Path, draft: Path, stopping: Stopping, order: Order) -> Manifest:
    """Write the draft, and verify that every page and every record of it is sound. Raises StoreCorrupt."""

    def step(_: int, left: int, pages: int) -> None:
        order.progress("copying", pages - left, pages)
        if stopping():
            raise Stopped

    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    with closing(sqlite3.connect(draft, isolation_level=None)) as target:
        # One snapshot throughout: without it each commit would restart the copy.
        source.execute("BEGIN")
        try:
            source.execute("SELECT count(*) FROM meta").fetchone()
            source.backup(target, pages=_PAGES, progress=step)
        finally:
            source.execute("ROLLBACK")
        # One self-contained file: the write-ahead log comes back when a store is opened.
        target.execute("PRAGMA journal_mode = DELETE")
        found = _checked(target, stopping)
        if found != "ok":
            raise corrupt(store, found)
        walked = _walked(target, draft, stopping, order)
        if walked.problem:
            raise corrupt(store, walked.problem)
        name = log_id(target)
    sync(draft)
    end = walked.end
    return Manifest(end.sequence, end.id, end.digest, name, order.now, order.kind)


def _walked(copied: sqlite3.Connection, path: Path, stopping: Stopping, order: Order) -> Walked:
    records = _end(copied).records

    def rest(at: int) -> None:
        order.progress("checking", at, records)
        if stopping():
            raise Stopped
        time.sleep(_REST_SECS)

    if records < APART:
        return walk_records(copied, pause=rest, accepted=order.accepted)
    walked = walk_apart(path, order.accepted, stopping, lambda at: order.progress("checking", at, records))
    if walked is None:
        raise Stopped
    return walked


def _checked(copied: sqlite3.Connection, stopping: Stopping) -> str:
    """What SQLite finds wrong with the pages of a copy; `ok` when nothing."""
    copied.set_progress_handler(lambda: int(stopping()), _INSTRUCTIONS)
    try:
        found: str = copied.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.OperationalError:
        if stopping():
            raise Stopped from None
        raise
    finally:
        copied.set_progress_handler(None, 0)
    return found


def _keep_earlier(destination: Path, order: Order) -> None:
    """Rename a backup that is about to be replaced, if any are kept."""
    if order.rotation is None:
        return
    manifest = read_manifest(destination)
    made_at = manifest.made_at if manifest is not None else destination.stat().st_mtime
    earlier = earlier_name(destination, made_at)
    if not earlier.exists():
        os.link(destination, earlier)  # at no moment is there no newest one
        if manifest is not None:
            write_manifest(earlier, manifest)


def _contents(path: Path) -> _Contents:
    """The contents of the log at `path`. Raises StoreError or sqlite3.Error when it is not a store."""
    with closing(read_only(path)) as connection:
        check(connection, path)
        return _end(connection)


def _end(log: sqlite3.Connection) -> _Contents:
    row = log.execute("SELECT sequence, id FROM records ORDER BY sequence DESC LIMIT 1").fetchone()
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
    with suppress(FileNotFoundError):
        manifest_path(path).rename(manifest_path(aside))
    return aside
