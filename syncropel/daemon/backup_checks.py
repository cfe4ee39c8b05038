"""Whether a backup can be restored: its log record by record, and the archives beside it."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from syncropel.daemon.belongings.places import KINDS, Found, archives
from syncropel.daemon.belongings.putting_back import checked
from syncropel.daemon.belongings.saving import bytes_of
from syncropel.daemon.belongings.sealing import check_seal
from syncropel.engine.views.opening import open_views, start_folds
from syncropel.store.sqlite.backup import Progress, quiet
from syncropel.store.sqlite.connection import corrupt, explain
from syncropel.store.sqlite.integrity import Walked, walk
from syncropel.store.sqlite.manifest import read_manifest
from syncropel.store.sqlite.store import SqliteStore


def verify(path: Path, progress: Progress = quiet) -> dict[str, Any]:
    """Restore a backup into a scratch folder, check each record, fold it, and compare it with its manifest.
    `progress` hears how far it is.

    Raises StoreCorrupt when something is wrong.
    """
    with tempfile.TemporaryDirectory(prefix="spl-verify-") as scratch:
        copy = Path(scratch) / "hub.db"
        shutil.copyfile(path, copy)
        walked = walked_copy(path, copy, progress)
        threads, tasks = asyncio.run(_folded(copy, progress))
    manifest = read_manifest(path)
    end = walked.end
    if manifest is not None and (manifest.records, manifest.head, manifest.digest) != (
        end.sequence,
        end.id,
        end.digest,
    ):
        raise corrupt(path, f"its manifest says {manifest.records} records with another digest")
    return {
        "path": str(path),
        "records": end.sequence,
        "digest": end.digest,
        "threads": threads,
        "tasks": tasks,
        "manifest": manifest is not None,
    }


def archives_beside(folder: Path, passphrase: str) -> list[dict[str, Any]]:
    """The newest archives of each instance in a folder of backups, read through as far as possible.
    `files`: None where a seal was only looked at from outside, since no passphrase was given.

    Raises StoreCorrupt, WrongPassphrase, SetupError, OSError.
    """
    newest: dict[tuple[str, str], Found] = {}
    for kind in KINDS:
        for one in archives(folder, kind):
            newest.setdefault((kind, one.instance), one)
    return [_looked_over(one, passphrase) for one in newest.values()]


def _looked_over(found: Found, passphrase: str) -> dict[str, Any]:
    told = {"path": str(found.path), "kind": found.kind, "made_at": found.made_at, "sealed": found.sealed}
    if found.sealed and not passphrase:
        check_seal(bytes_of(found), found.path)
        return {**told, "did": None, "files": None}
    with checked(found, passphrase) as archive:
        return {**told, "did": archive.did, "files": archive.files}


def walked_copy(path: Path, copy: Path, progress: Progress = quiet) -> Walked:
    """Read the copy of a backup at `path` record by record. Raises StoreCorrupt, StoreError."""
    try:
        with closing(sqlite3.connect(copy, isolation_level=None)) as log:
            count = log.execute("SELECT coalesce(max(sequence), 0) FROM records").fetchone()[0]
            return walk(log, path, pause=lambda at: progress("checking", at, count))
    except sqlite3.Error as error:
        raise explain(error, path) from error


async def _folded(copy: Path, progress: Progress) -> tuple[int, int]:
    """How many threads and tasks a log has, by folding it all into views beside the copy."""
    store = await SqliteStore.open(copy, clock=time.time)
    try:
        views = await open_views(store)
        try:
            live = (await start_folds(store, views, lambda at: progress("folding", at, store.count))).live
            return live.index.count, live.task_count
        finally:
            await views.close()
    finally:
        await store.close()
