"""Backups without a daemon: `python -m syncropel.daemon.backup_tool VERB --home PATH`.

`spl backup` runs it: only the daemon's floor may open a store. It answers with one JSON document on stdout.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from platformdirs import user_data_path

from syncropel.engine.ingest.live import rebuild
from syncropel.errors import NotFound, SetupError, StoreError, SyncropelError, complaint
from syncropel.settings.config import Home, load_settings
from syncropel.settings.identity import read_identity
from syncropel.store.lineage.judging import Judgement, log_id
from syncropel.store.lineage.lineage import Loss
from syncropel.store.lock import StoreLock
from syncropel.store.sqlite.backup import Order, backup, backup_path, lineage_files
from syncropel.store.sqlite.connection import corrupt, explain
from syncropel.store.sqlite.integrity import Walked, walk
from syncropel.store.sqlite.lineage_opening import begin_anew, move_aside
from syncropel.store.sqlite.manifest import Entry, Rotation, entries, prune, read_manifest
from syncropel.store.sqlite.store import SqliteStore

VERBS: Final = ("now", "list", "verify", "restore", "prune")


def main(argv: Sequence[str] | None = None) -> int:
    """Gives the exit status: 0 done, 1 not, with the reason on stderr."""
    parser = argparse.ArgumentParser(prog="python -m syncropel.daemon.backup_tool", description="Backups.")
    parser.add_argument("verb", choices=VERBS)
    parser.add_argument("--home", required=True)
    parser.add_argument("--backup", default="", help="the path of one, or its name in the usual folder")
    parser.add_argument("--to", default="", help="the folder to write one to")
    args = parser.parse_args(argv)
    try:
        told = _run(args.verb, Home(Path(args.home).absolute()), args.backup, args.to)
    except SyncropelError as error:
        print(*complaint(error.message, error.hint), sep="\n", file=sys.stderr)  # noqa: T201
        return 1
    print(json.dumps(told))  # noqa: T201
    return 0


def _run(verb: str, home: Home, name: str, to: str) -> Any:
    place = place_of(home)
    if verb == "now":
        return now(home, place if not to else Path(to).absolute() / place.name, keep=not to)
    if verb == "list":
        return [told(one) for one in entries(place.parent)]
    if verb == "prune":
        settings = load_settings(home, os.environ).backup
        gone = prune(place.parent, Rotation(settings.keep_starts, settings.keep_days), time.time())
        return [str(one) for one in gone]
    chosen = find(place, name)
    return verify(chosen) if verb == "verify" else restore(home, chosen)


def place_of(home: Home) -> Path:
    """Where the newest backup of this home is, there or not. Raises SetupError."""
    identity = read_identity(home)
    if identity is None:
        raise SetupError(f"{home.display()} has no identity, and so no backups", "is SYNCROPEL_HOME right?")
    return backup_path(user_data_path("syncropel"), f"instance-{identity.did.rpartition(':')[2]}")


def find(place: Path, name: str) -> Path:
    """The backup of this path or name; without one the newest. Raises NotFound."""
    chosen = place
    if name:
        beside = place.with_name(Path(name).name)
        chosen = beside if "/" not in name and beside.is_file() else Path(name)
    if not chosen.is_file():
        raise NotFound(f"there is no backup {chosen}", "see what there is: spl backup list")
    return chosen.absolute()


def told(one: Entry) -> dict[str, Any]:
    """A backup as a document; what is not known is None."""
    manifest = None if one.manifest is None else asdict(one.manifest)
    return {
        "path": str(one.path),
        "records": None if one.manifest is None else one.manifest.records,
        "made_at": one.made_at,
        "bytes": one.path.stat().st_size,
        "aside": one.aside,
        "manifest": manifest,
    }


def now(home: Home, place: Path, *, keep: bool) -> dict[str, Any]:
    """Take a backup of a store that no daemon has open. Raises SetupError when it cannot be copied."""
    settings = load_settings(home, os.environ).backup
    rotation = Rotation(settings.keep_starts, settings.keep_days) if keep else None
    saved = backup(home.store, place, order=Order("now", time.time(), rotation))
    if saved.refused:
        raise SetupError(f"no backup was taken: {saved.refused}", "see: spl store verify")
    manifest = read_manifest(place)
    kept = None if saved.kept is None else str(saved.kept)
    digest = "" if manifest is None else manifest.digest
    return {"object": "backup", "path": str(place), "records": saved.records, "digest": digest, "kept": kept}


def verify(path: Path) -> dict[str, Any]:
    """Restore a backup into a scratch folder, check each record, fold it, and compare it with its manifest.

    Raises StoreCorrupt when something is wrong.
    """
    with tempfile.TemporaryDirectory(prefix="spl-verify-") as scratch:
        copy = Path(scratch) / "hub.db"
        shutil.copyfile(path, copy)
        walked = _walked(path, copy)
        threads, tasks = asyncio.run(_folded(copy))
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


def _walked(path: Path, copy: Path) -> Walked:
    try:
        with closing(sqlite3.connect(copy, isolation_level=None)) as log:
            return walk(log, path)
    except sqlite3.Error as error:
        raise explain(error, path) from error


async def _folded(copy: Path) -> tuple[int, int]:
    """How many threads and tasks a log has, by folding it all."""
    store = await SqliteStore.open(copy, clock=time.time)
    try:
        live = await rebuild(store)
        return live.index.count, live.task_count
    finally:
        await store.close()


def restore(home: Home, path: Path) -> dict[str, Any]:
    """Put a backup in the place of the store, whose files are kept by another name.

    The backup is checked first. Raises StoreError while a daemon runs, StoreCorrupt for a damaged backup.
    """
    lock = StoreLock(home.store)
    try:
        at, draft = time.time(), home.store.with_name(f"{home.store.name}.restoring")
        files = lineage_files(home.lineage, place_of(home))
        try:
            shutil.copyfile(path, draft)
            os.chmod(draft, 0o600)
            walked = _walked(path, draft)
            _sync(draft)
        except OSError as error:
            raise StoreError(f"cannot copy {path}: {error.strerror}", "nothing was changed") from None
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        kept = move_aside(home.store, at, ("", "-wal", "-shm", ".arriving"))
        draft.replace(home.store)
        _sync(home.store.parent)
        known, _ = files.read()
        former = known[0] if known else None
        loss = None
        if former is not None and former.head.sequence > walked.end.sequence:
            loss = Loss(at, former.head.sequence, walked.end.sequence, walked.end.at, "", accepted=True)
        with closing(sqlite3.connect(home.store, isolation_level=None)) as log:
            own = log_id(log)
            begin_anew(log, files, Judgement("shorter", own, former, loss), at, accepted=True)
        return {
            "path": str(path),
            "records": walked.end.sequence,
            "kept": [str(one) for one in kept],
            "lost": 0 if loss is None else loss.had - loss.has,
        }
    finally:
        lock.release()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


if __name__ == "__main__":
    sys.exit(main())
