"""Puts a backup in the place of a home's log, and what was saved beside it, as far as it is asked for."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from platformdirs import user_data_path

from syncropel.daemon.backup_checks import walked_copy
from syncropel.daemon.belongings.places import archives, instance_of
from syncropel.daemon.belongings.putting_back import Checked, checked, choose, put_files, put_keys
from syncropel.errors import SetupError, StoreError
from syncropel.settings.home import Home, data_dir_from
from syncropel.settings.identity import make_home, read_identity
from syncropel.store.lineage.judging import Judgement, log_id
from syncropel.store.lineage.lineage import Loss
from syncropel.store.lock import StoreLock
from syncropel.store.sqlite.backup import Progress, backup_path, lineage_files, quiet
from syncropel.store.sqlite.integrity import Walked
from syncropel.store.sqlite.lineage_opening import begin_anew, move_aside
from syncropel.system.durable import sync

PARTS: Final = ("keys", "config", "data")
"""What a restore puts back besides the log, when it is told to."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to restore besides the log. `instance`: whose, where the folder has those of several."""

    parts: tuple[str, ...] = ()
    instance: str = ""
    passphrase: str = ""


def own_did(home: Home) -> str:
    """The DID of the instance at home. Raises SetupError when it has none."""
    identity = read_identity(home)
    if identity is None:
        raise SetupError(f"{home.display()} has no identity, and so no backups", "is SYNCROPEL_HOME right?")
    return identity.did


def place_of(home: Home) -> Path:
    """Where the newest backup of this home is, there or not. Raises SetupError."""
    return backup_path(user_data_path("syncropel"), f"instance-{instance_of(own_did(home))}")


def restore(
    home: Home, path: Path, wanted: Wanted, environ: Mapping[str, str], progress: Progress = quiet
) -> dict[str, Any]:
    """Put a backup in the place of the store, and what is wanted beside it. What was there is kept by another
    name. `progress` hears how far it is.

    Everything is checked before anything is changed. Raises StoreError while a daemon runs, StoreCorrupt for
    what is damaged, WrongPassphrase, NotFound, SetupError.
    """
    with ExitStack() as ends:
        folder = home.path
        if home.store.exists() or home.keys.is_dir():
            _lock(home, ends)
        else:  # a home is made only for a backup that can be restored: its path may be mistyped
            folder = Path(ends.enter_context(TemporaryDirectory(prefix=".spl-", dir=_nearest(home.path))))
        at, beside = time.time(), _checked(home, path.parent, wanted, ends)
        draft, walked = _checked_copy(path, folder / f"{home.store.name}.restoring", progress)
        if folder != home.path:
            _lock(home, ends)
        try:
            kept = put_keys(beside["keys"], home, at) if "keys" in beside else []
            lost = _put_log(home, draft, walked, at, kept)
            if "config" in beside:
                kept += put_files(beside["config"], "config", home.path, at)
            if "data" in beside:
                kept += put_files(beside["data"], "data", data_dir_from(environ), at)
        except (OSError, sqlite3.Error) as error:
            raise StoreError(
                f"the restore was not completed: {error}", "mend that, and restore again"
            ) from None
        return {
            "path": str(path),
            "records": walked.end.sequence,
            "kept": [str(one) for one in kept],
            "lost": lost,
            "did": own_did(home),
            "put_back": sorted(beside),
            "others": _others(home, path.parent),
        }


def _lock(home: Home, ends: ExitStack) -> None:
    """Keep daemons from the home, which is made where there is none. Raises SetupError, StoreError."""
    make_home(home)
    ends.callback(StoreLock(home.store).release)


def _nearest(path: Path) -> Path:
    """The folder at this path, or the nearest one above it that is there."""
    return next(one for one in (path, *path.parents) if one.is_dir())


def _checked(home: Home, folder: Path, wanted: Wanted, ends: ExitStack) -> dict[str, Checked]:
    """The archives of each wanted part, read through."""
    if "keys" not in wanted.parts and read_identity(home) is None:
        raise SetupError(
            f"{home.display()} has no identity, and the log needs one",
            "restore the former one: --with-keys; or make a new one: spl init",
        )
    found: dict[str, Checked] = {}
    own = _own_instance(home)
    for part in PARTS:
        if part in wanted.parts:
            chosen = choose(folder, "keys" if part == "keys" else "home", own, wanted.instance)
            found[part] = ends.enter_context(checked(chosen, wanted.passphrase))
            own = chosen.instance  # keys and settings of one instance
    return found


def _own_instance(home: Home) -> str:
    try:
        identity = read_identity(home)
    except SetupError:  # a damaged key is a reason to restore it
        return ""
    return "" if identity is None else instance_of(identity.did)


def _checked_copy(path: Path, draft: Path, progress: Progress) -> tuple[Path, Walked]:
    """The copy of the backup at `draft`, and what is in it."""
    try:
        shutil.copyfile(path, draft)
        os.chmod(draft, 0o600)
        walked = walked_copy(path, draft, progress)
        sync(draft)
    except OSError as error:
        raise StoreError(f"cannot copy {path}: {error.strerror}", "nothing was changed") from None
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    return draft, walked


def _put_log(home: Home, draft: Path, walked: Walked, at: float, kept: list[Path]) -> int:
    """Put a checked copy in the place of the store; add to `kept` what was there. Return how many known
    records it lacks. Raises OSError, sqlite3.Error.
    """
    files = lineage_files(home.lineage, place_of(home))
    kept += move_aside(home.store, at, ("", "-wal", "-shm", ".arriving"))
    draft.replace(home.store)
    sync(home.store.parent)
    known, _ = files.read()
    former = known[0] if known else None
    loss = None
    if former is not None and former.head.sequence > walked.end.sequence:
        loss = Loss(at, former.head.sequence, walked.end.sequence, walked.end.at, "", accepted=True)
    with closing(sqlite3.connect(home.store, isolation_level=None)) as log:
        begin_anew(log, files, Judgement("shorter", log_id(log), former, loss), at, accepted=True)
    return 0 if loss is None else loss.had - loss.has


def _others(home: Home, folder: Path) -> bool:
    """Whether the folder has keys, and none of this instance."""
    names = {one.instance for one in archives(folder, "keys")}
    return bool(names) and instance_of(own_did(home)) not in names
