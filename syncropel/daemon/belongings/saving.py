"""Saves what an instance has beside its log into a folder of backups.

Two archives, since only one of them is secret: `home-…` has settings and task files, `keys-…` has the
identity and the secrets, sealed with a passphrase where one is given. A new one is written when something
changed. The earlier ones stay as long as the backups of the log do.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from syncropel.daemon.belongings.archive import Contents, check, pack
from syncropel.daemon.belongings.places import (
    Found,
    archive_path,
    instance_of,
    newest,
    prune_archives,
)
from syncropel.daemon.belongings.sealing import WrongPassphrase, seal, unseal
from syncropel.errors import SetupError, StoreCorrupt
from syncropel.settings.home import Home
from syncropel.store.sqlite.manifest import Rotation
from syncropel.system.durable import sync

SETTINGS: Final = ("config.toml", "contexts.toml", "console.json")
"""Files of a home that a person or a command wrote, and no record holds."""
_PRIVATE: Final = 0o600


@dataclass(frozen=True, slots=True)
class Owner:
    """An instance whose files are saved. `data`: the folder of task files; None for a worker."""

    home: Home
    did: str
    data: Path | None

    @property
    def folders(self) -> list[Path]:
        """Every folder that is saved with all that is in it."""
        return [self.home.keys, self.home.secrets, *([] if self.data is None else [self.data])]


def save_home(owner: Owner, folder: Path, rotation: Rotation, now: float) -> Path:
    """Save settings and task files; return the newest archive that has them. Raises OSError, SetupError."""
    latest = newest(folder, "home", instance_of(owner.did))
    path = archive_path(folder, "home", owner.did, now)
    files = [("config/" + name, owner.home.path / name) for name in SETTINGS]
    with _draft(folder, path) as (draft, file):
        chosen = [(name, one) for name, one in files if one.is_file()]
        chosen += [] if owner.data is None else below("data", owner.data)
        contents = _packed(file, owner, now, chosen)
        if latest is not None and _same(_contents_of(latest), contents):
            return latest.path
        _finish(file, draft, path)
    prune_archives(folder, "home", instance_of(owner.did), rotation, now)
    return path


def save_keys(owner: Owner, folder: Path, rotation: Rotation, now: float, passphrase: str) -> Path:
    """Save keys and secrets, sealed unless the passphrase is empty; return the archive. It is written anew
    unless the newest one opens with this passphrase and has the same.

    Raises OSError, SetupError.
    """
    latest = newest(folder, "keys", instance_of(owner.did))
    path = archive_path(folder, "keys", owner.did, now, sealed=bool(passphrase))
    files = [*below("keys", owner.home.keys), *below("secrets", owner.home.secrets)]
    plain = io.BytesIO()
    contents = _packed(plain, owner, now, files)
    if latest is not None and latest.sealed == bool(passphrase):
        with suppress(WrongPassphrase):
            if _same(_contents_of(latest, passphrase), contents):
                return latest.path
    body = seal(plain.getvalue(), passphrase) if passphrase else plain.getvalue()
    with _draft(folder, path) as (draft, file):
        file.write(body)
        _finish(file, draft, path)
    prune_archives(folder, "keys", instance_of(owner.did), rotation, now)
    return path


def open_archive(found: Found, passphrase: str = "") -> BinaryIO:
    """An archive to read from. Raises StoreCorrupt, WrongPassphrase, SetupError."""
    if not found.sealed:
        with _reading(found):
            return found.path.open("rb")
    return io.BytesIO(unseal(bytes_of(found), passphrase, found.path))


def bytes_of(found: Found) -> bytes:
    """The whole of an archive, as it is on the disk. Raises SetupError."""
    with _reading(found):
        return found.path.read_bytes()


@contextmanager
def _reading(found: Found) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SetupError(
            f"cannot read {found.path}: {error.strerror}", "check its owner, its permissions, and its disk"
        ) from None


def below(name: str, folder: Path) -> list[tuple[str, Path]]:
    """Every file in a folder and those in it, as `name/…`, in order; links are left out."""
    found = [Path(at) / one for at, _, files in os.walk(folder, onerror=_raise) for one in files]
    whole = [one for one in found if one.is_file() and not one.is_symlink()]
    return sorted((f"{name}/{one.relative_to(folder).as_posix()}", one) for one in whole)


def _raise(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


def _packed(file: BinaryIO, owner: Owner, now: float, files: list[tuple[str, Path]]) -> Contents:
    try:
        return pack(file, owner.did, now, files)
    except OSError as error:
        raise SetupError(
            f"cannot save {error.filename}: {error.strerror}", "check its owner and its permissions"
        ) from None


def _contents_of(found: Found, passphrase: str = "") -> Contents | None:
    """None where it is damaged: then a sound one is written beside it."""
    try:
        with open_archive(found, passphrase) as file:
            return check(file, str(found.path))
    except (StoreCorrupt, SetupError, OSError):
        return None


def _same(former: Contents | None, now: Contents) -> bool:
    return former is not None and former.files == now.files


@contextmanager
def _draft(folder: Path, path: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """A file in the folder that is gone afterwards, unless it got its name."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.tmp")
    handle = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, _PRIVATE)
    try:
        with os.fdopen(handle, "w+b") as file:
            yield draft, file
    finally:
        draft.unlink(missing_ok=True)


def _finish(file: BinaryIO, draft: Path, path: Path) -> None:
    """Make a draft durable, and give it its name."""
    file.flush()
    os.fsync(file.fileno())
    draft.replace(path)
    sync(path.parent)
