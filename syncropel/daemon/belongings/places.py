"""Which archives a folder of backups has, and what they are called."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

from syncropel.store.sqlite.manifest import Entry, Rotation, superfluous

Kind = Literal["home", "keys"]
KINDS: Final[tuple[Kind, ...]] = ("home", "keys")
_NAME: Final = re.compile(r"(home|keys)-([0-9a-f]{16})\.(\d{8}T\d{6}\.\d{6})Z\.(tar|sealed)")
_STAMP: Final = "%Y%m%dT%H%M%S.%f"


@dataclass(frozen=True, slots=True)
class Found:
    """One archive. `instance`: the last part of its instance's DID; `made_at`: unix seconds."""

    path: Path
    kind: Kind
    instance: str
    made_at: float
    sealed: bool


def archive_path(folder: Path, kind: Kind, did: str, now: float, *, sealed: bool = False) -> Path:
    """Where an archive that is made now goes."""
    stamp = datetime.fromtimestamp(now, UTC).strftime(_STAMP)
    return folder / f"{kind}-{instance_of(did)}.{stamp}Z.{'sealed' if sealed else 'tar'}"


def instance_of(did: str) -> str:
    """The last part of an instance's DID."""
    return did.rpartition(":")[2]


def archives(folder: Path, kind: Kind) -> list[Found]:
    """Every archive of this kind in a folder, newest first."""
    found = []
    for path in folder.glob(f"{kind}-*"):
        named = _NAME.fullmatch(path.name)
        if named is not None and named[1] == kind and path.is_file():
            made_at = datetime.strptime(named[3], _STAMP).replace(tzinfo=UTC).timestamp()
            found.append(Found(path, kind, named[2], made_at, named[4] == "sealed"))
    return sorted(found, key=lambda one: one.made_at, reverse=True)


def newest(folder: Path, kind: Kind, instance: str) -> Found | None:
    """The newest archive of an instance; None when it has none here."""
    return next((one for one in archives(folder, kind) if one.instance == instance), None)


def prune_archives(folder: Path, kind: Kind, instance: str, rotation: Rotation, now: float) -> list[Path]:
    """Remove the archives of an instance that the rotation does not keep; return which. Raises OSError."""
    ours = [one for one in archives(folder, kind) if one.instance == instance]
    entries = [Entry(one.path, None, one.made_at, aside=False) for one in ours]
    gone = [one.path for one in superfluous(entries, rotation, now)]
    for path in gone:
        path.unlink(missing_ok=True)
    return gone
