"""Backups without a daemon: `python -m syncropel.daemon.backup_tool VERB --home PATH`.

`spl backup` runs it: only the daemon's floor may open a store. It answers with one JSON document on stdout.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from syncropel.daemon.backup_checks import archives_beside, verify
from syncropel.daemon.backup_restore import PARTS, Wanted, own_did, place_of, restore
from syncropel.daemon.belongings.beside import Beside, owner_of
from syncropel.daemon.belongings.places import KINDS, archives, instance_of, prune_archives
from syncropel.daemon.belongings.saving import save_keys
from syncropel.errors import NotFound, SetupError, SyncropelError, complaint
from syncropel.settings.config import load_settings
from syncropel.settings.home import Home
from syncropel.settings.identity import read_identity
from syncropel.store.sqlite.backup import Order, backup
from syncropel.store.sqlite.manifest import Entry, Rotation, entries, prune, read_manifest

VERBS: Final = ("now", "keys", "list", "verify", "restore", "prune")


def main(argv: Sequence[str] | None = None) -> int:
    """Gives the exit status: 0 done, 1 not, with the reason on stderr."""
    parser = argparse.ArgumentParser(prog="python -m syncropel.daemon.backup_tool", description="Backups.")
    parser.add_argument("verb", choices=VERBS)
    parser.add_argument("--home", required=True)
    parser.add_argument("--backup", default="", help="the path of one, or its name in the usual folder")
    parser.add_argument("--to", default="", help="the folder to write one to")
    parser.add_argument("--with", dest="parts", action="append", choices=PARTS, default=[])
    parser.add_argument("--instance", default="", help="whose files, where a folder has those of several")
    parser.add_argument("--passphrase", action="store_true", help="read it from stdin")
    args = parser.parse_args(argv)
    # Not an argument, and not in the environment: both can be seen from outside.
    passphrase = sys.stdin.buffer.read().decode() if args.passphrase else ""
    try:
        told = _run(args, Home(Path(args.home).absolute()), passphrase)
    except SyncropelError as error:
        print(*complaint(error.message, error.hint), sep="\n", file=sys.stderr)  # noqa: T201
        return 1
    print(json.dumps(told))  # noqa: T201
    return 0


def _run(args: argparse.Namespace, home: Home, passphrase: str) -> Any:
    if args.verb == "verify":
        chosen = find(home, args.backup)
        return {**verify(chosen), "archives": archives_beside(chosen.parent, passphrase)}
    if args.verb == "restore":
        chosen = find(home, args.backup)
        return restore(home, chosen, Wanted(tuple(args.parts), args.instance, passphrase), os.environ)
    place = place_of(home)
    folder = Path(args.to).absolute() if args.to else place.parent
    if args.verb == "now":
        return now(home, folder / place.name, keep=not args.to)
    if args.verb == "keys":
        return keys(home, folder, passphrase)
    if args.verb == "list":
        return [told(one) for one in entries(place.parent)]
    kept, at = rotation_of(home), time.time()
    gone = prune(place.parent, kept, at)
    for kind in KINDS:
        gone += prune_archives(place.parent, kind, instance_of(own_did(home)), kept, at)
    return [str(one) for one in gone]


def rotation_of(home: Home) -> Rotation:
    settings = load_settings(home, os.environ).backup
    return Rotation(settings.keep_starts, settings.keep_days)


def find(home: Home, name: str) -> Path:
    """The backup of this path or name; without one the newest. Raises NotFound, SetupError."""
    if "/" in name or (name and read_identity(home) is None):  # works where the home is gone
        chosen = Path(name)
    else:
        place = place_of(home)
        beside = place.with_name(name) if name else place
        chosen = beside if not name or beside.is_file() else Path(name)
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
    settings, at = load_settings(home, os.environ), time.time()
    rotation = rotation_of(home) if keep else None
    saved = backup(home.store, place, order=Order("now", at, rotation))
    if saved.refused:
        raise SetupError(f"no backup was taken: {saved.refused}", "see: spl store verify")
    owner = owner_of(home, own_did(home), settings, os.environ)
    beside = Beside(owner, place_of(home).parent, settings.backup.passphrase_file)
    try:
        beside(place.parent, rotation, at)
    except OSError as error:
        raise SetupError(
            f"the log was copied to {place}, but not what belongs beside it: {error}", "check the folder"
        ) from None
    manifest = read_manifest(place)
    kept = None if saved.kept is None else str(saved.kept)
    digest = "" if manifest is None else manifest.digest
    return {"object": "backup", "path": str(place), "records": saved.records, "digest": digest, "kept": kept}


def keys(home: Home, folder: Path, passphrase: str) -> dict[str, Any]:
    """Save keys and secrets into a folder of backups, sealed unless the passphrase is empty.

    Raises SetupError.
    """
    owner = owner_of(home, own_did(home), load_settings(home, os.environ), os.environ)
    try:
        path = save_keys(owner, folder, rotation_of(home), time.time(), passphrase)
    except OSError as error:
        raise SetupError(f"cannot save the keys in {folder}: {error}", "check the folder") from None
    unsealed = [str(one.path) for one in archives(folder, "keys") if not one.sealed and one.path != path]
    return {"path": str(path), "sealed": bool(passphrase), "unsealed": unsealed}


if __name__ == "__main__":
    sys.exit(main())
