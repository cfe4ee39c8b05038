"""Backups without a daemon: `python -m syncropel.daemon.backup_tool VERB --home PATH`.

`spl backup` runs it: only the daemon's floor may open a store. It answers with one JSON document on stdout.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, Final

from syncropel.daemon.backup_checks import archives_beside, verify
from syncropel.daemon.backup_restore import PARTS, Wanted, own_did, place_of, restore
from syncropel.daemon.belongings.beside import owner_of
from syncropel.daemon.belongings.places import KINDS, archives, instance_of, prune_archives
from syncropel.daemon.belongings.saving import save_keys
from syncropel.daemon.belongings.taking import Saved, take_now
from syncropel.daemon.log_opening import need_file
from syncropel.daemon.tool_errors import told
from syncropel.daemon.tool_progress import ToolProgress
from syncropel.errors import NotFound, SetupError
from syncropel.settings.config import load_settings
from syncropel.settings.home import Home
from syncropel.settings.identity import read_identity
from syncropel.store.sqlite.manifest import Entry, Rotation, entries, prune

VERBS: Final = ("now", "keys", "list", "verify", "restore", "prune")
_QUIET: Final = logging.NullHandler()


def main(argv: Sequence[str] | None = None) -> int:
    """Gives the exit status: 0 done, 1 not, with the reason on stderr."""
    parser = argparse.ArgumentParser(prog="python -m syncropel.daemon.backup_tool", description="Backups.")
    parser.add_argument("verb", choices=VERBS)
    parser.add_argument("--home", required=True)
    parser.add_argument("--backup", default="", help="the path of one, or its name in the usual folder")
    parser.add_argument("--to", action="append", default=[], help="the folder to write one to")
    parser.add_argument("--with", dest="parts", action="append", choices=PARTS, default=[])
    parser.add_argument("--instance", default="", help="whose files, where a folder has those of several")
    parser.add_argument("--passphrase", action="store_true", help="read it from stdin")
    parser.add_argument("--json", action="store_true", help="tell errors as JSON, too")
    args = parser.parse_args(argv)
    # Not an argument, and not in the environment: both can be seen from outside.
    passphrase = sys.stdin.buffer.read().decode() if args.passphrase else ""
    # What the engine logs of a backup is in the answer, too.
    logging.getLogger("syncropel").addHandler(_QUIET)
    home = Home(Path(args.home).absolute())
    return told(partial(_print, args, home, passphrase), home.store, as_json=args.json)


def _print(args: argparse.Namespace, home: Home, passphrase: str) -> int:
    print(json.dumps(_run(args, home, passphrase)))  # noqa: T201
    return 0


def _run(args: argparse.Namespace, home: Home, passphrase: str) -> dict[str, Any]:
    if args.verb == "verify":
        chosen = find(home, args.backup)
        with ToolProgress() as progress:
            found = verify(chosen, progress)
        return {**found, "archives": archives_beside(chosen.parent, passphrase)}
    if args.verb in ("now", "restore"):
        need_file(load_settings(home, os.environ), "spl backup copies and restores the file of a log alone")
    if args.verb == "restore":
        chosen = find(home, args.backup)
        wanted = Wanted(tuple(args.parts), args.instance, passphrase)
        with ToolProgress() as progress:
            return restore(home, chosen, wanted, os.environ, progress)
    place = place_of(home)
    folders = [Path(one).absolute() for one in args.to]
    if args.verb == "now":
        return now(home, folders[0] if folders else None)
    if args.verb == "keys":
        return keys(home, folders or [place.parent], passphrase)
    if args.verb == "list":
        return _list([document(one) for one in entries(place.parent)])
    kept, at = rotation_of(home), time.time()
    gone = prune(place.parent, kept, at)
    for kind in KINDS:
        gone += prune_archives(place.parent, kind, instance_of(own_did(home)), kept, at)
    return _list([str(one) for one in gone])


def _list(data: list[Any]) -> dict[str, Any]:
    return {"object": "list", "data": data, "next_cursor": None}


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


def document(one: Entry) -> dict[str, Any]:
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


def now(home: Home, folder: Path | None) -> dict[str, Any]:
    """Take a backup of a store that no daemon has open; `folder`: only into this one. Raises SetupError."""
    saved, settings = Saved(home, own_did(home), place_of(home)), load_settings(home, os.environ)
    with ToolProgress() as progress:
        return {"object": "backup", **take_now(saved, settings, os.environ, folder, progress)}


def keys(home: Home, folders: Sequence[Path], passphrase: str) -> dict[str, Any]:
    """Save keys and secrets into folders of backups, sealed unless the passphrase is empty.

    Raises SetupError.
    """
    owner = owner_of(home, own_did(home), load_settings(home, os.environ), os.environ)
    rotation, at, paths, unsealed = rotation_of(home), time.time(), list[str](), list[str]()
    for folder in folders:
        try:
            path = save_keys(owner, folder, rotation, at, passphrase)
        except OSError as error:
            raise SetupError(f"cannot save the keys in {folder}: {error}", "check the folder") from None
        paths.append(str(path))
        unsealed += [str(one.path) for one in archives(folder, "keys") if not one.sealed and one.path != path]
    return {"path": paths[0], "also": paths[1:], "sealed": bool(passphrase), "unsealed": unsealed}


if __name__ == "__main__":
    sys.exit(main())
