"""Puts back what was saved of an instance. What was there before stays, with the time in its name."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final

from syncropel.daemon.belongings.archive import check, extract
from syncropel.daemon.belongings.places import Found, Kind, archives
from syncropel.daemon.belongings.saving import below, open_archive
from syncropel.errors import NotFound, SetupError
from syncropel.settings.home import Home

_FOLDER: Final = 0o700
_FILE: Final = 0o600


@dataclass(frozen=True, slots=True)
class Checked:
    """An archive that was read through and is sound, open to read from. `files`: how many it has."""

    did: str
    files: int
    body: BinaryIO

    def __enter__(self) -> Checked:
        return self

    def __exit__(self, *_: object) -> None:
        self.body.close()


def choose(folder: Path, kind: Kind, own: str, named: str = "") -> Found:
    """The newest archive of the instance `named`; else of `own`; else of the only one that has any there.

    Raises NotFound when there is none, SetupError when there are several to choose from.
    """
    found = archives(folder, kind)
    names = sorted({one.instance for one in found})
    what = "keys" if kind == "keys" else "settings and task files"
    if not found or (named and named not in names):
        of = f" of instance {named}" if named else ""
        hint = f"there are those of {', '.join(names)}" if names else "see: spl backup now --help"
        raise NotFound(f"there are no {what}{of} in {folder}", hint)
    wanted = named or (own if own in names else names[0])
    if wanted not in (named, own) and len(names) > 1:
        raise SetupError(
            f"{folder} has the {what} of several instances: {', '.join(names)}", "say which: --instance NAME"
        )
    return next(one for one in found if one.instance == wanted)


def checked(found: Found, passphrase: str) -> Checked:
    """Read an archive through. Raises StoreCorrupt, WrongPassphrase, SetupError, OSError."""
    if found.sealed and not passphrase:
        raise SetupError(f"{found.path} is sealed, and no passphrase was given", "add --passphrase-file FILE")
    body = open_archive(found, passphrase)
    try:
        contents = check(body, str(found.path))
    except BaseException:
        body.close()
        raise
    return Checked(contents.did, len(contents.files), body)


def put_keys(archive: Checked, home: Home, now: float) -> list[Path]:
    """Put keys and secrets back, each folder whole; return what was kept of the former. Raises OSError."""
    kept = []
    for name, folder in (("keys", home.keys), ("secrets", home.secrets)):
        files = list(extract(archive.body, name))
        if _present(folder) == {str(one): body for one, body in files}:
            continue
        draft = folder.with_name(f".{name}.restoring")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=_FOLDER, parents=True)
        for one, body in files:
            _write(draft / one, body)
        if folder.exists() and any(folder.iterdir()):
            aside = _aside(folder, now)
            folder.rename(aside)
            kept.append(aside)
        draft.rename(folder)  # an empty folder gives way
    return kept


def put_files(archive: Checked, name: str, folder: Path, now: float) -> list[Path]:
    """Put each file of the archive's folder `name` back into a folder; others that are there stay.
    Return what was kept of those that differed. Raises OSError.
    """
    kept = []
    for one, body in extract(archive.body, name):
        path = folder / one
        if path.is_file() and path.read_bytes() == body:
            continue
        if path.exists() or path.is_symlink():
            aside = _aside(path, now)
            path.rename(aside)
            kept.append(aside)
        _write(path, body)
    return kept


def _present(folder: Path) -> dict[str, bytes]:
    return {one.partition("/")[2]: path.read_bytes() for one, path in below("", folder)}


def _write(path: Path, body: bytes) -> None:
    path.parent.mkdir(mode=_FOLDER, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.restoring")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, _FILE)
    with os.fdopen(handle, "wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _aside(path: Path, now: float) -> Path:
    return path.with_name(f"{path.name}.{datetime.fromtimestamp(now, UTC).strftime('%Y%m%dT%H%M%S.%fZ')}")
