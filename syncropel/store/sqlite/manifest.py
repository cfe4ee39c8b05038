"""What a backup says about itself, in a file beside it, and which backups there are."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

from syncropel import __version__

VERSION: Final = 1
CURRENT: Final = "hub.db.bak"
"""The newest backup, which is the one to copy back by hand."""
_EARLIER: Final = re.compile(r"hub\.db\.\d{8}T\d{6}(\.\d+)?Z\.bak")
_ASIDE: Final = re.compile(r"hub\.db\.bak\.\d+")
_DAY_SECS: Final = 86400.0

Kind = Literal["start", "now", "schedule"]


@dataclass(frozen=True, slots=True)
class Manifest:
    """One backup: its records, the id of the last one, the digest of all ids, when it was made (unix
    seconds), by which version, and why. `log`: the log's id, empty where it has none.
    """

    records: int
    head: str
    digest: str
    log: str
    made_at: float
    kind: Kind
    by: str = __version__


@dataclass(frozen=True, slots=True)
class Entry:
    """One backup in a folder. `manifest`: None when there is none that can be read. `aside`: it was kept
    because a later log lacked some of it, and nothing removes it.
    """

    path: Path
    manifest: Manifest | None
    made_at: float
    aside: bool


@dataclass(frozen=True, slots=True)
class Rotation:
    """How many backups stay: those of the last starts, and the last one of each of the last days."""

    starts: int = 7
    days: int = 14


def manifest_path(backup: Path) -> Path:
    """Where the manifest of a backup is."""
    return backup.with_name(f"{backup.name}.json")


def read_manifest(backup: Path) -> Manifest | None:
    """The manifest of a backup; None when it has none that can be read."""
    try:
        document: dict[str, Any] = json.loads(manifest_path(backup).read_text(encoding="utf-8"))
        if document.pop("version") != VERSION:
            return None
        found = Manifest(**document)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    sound = isinstance(found.records, int) and isinstance(found.made_at, (int, float))
    return found if sound else None


def write_manifest(backup: Path, manifest: Manifest) -> None:
    """Write the manifest of a backup durably and atomically. Raises OSError."""
    path = manifest_path(backup)
    draft = path.with_name(f".{path.name}.tmp")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(json.dumps({"version": VERSION, **asdict(manifest)}, indent=1) + "\n")
        file.flush()
        os.fsync(descriptor)
    os.replace(draft, path)


def earlier_name(current: Path, made_at: float) -> Path:
    """A free name for a backup that is no longer the newest."""
    stamp = datetime.fromtimestamp(made_at, UTC).strftime("%Y%m%dT%H%M%S.%f")
    return current.with_name(f"hub.db.{stamp}Z.bak")


def entries(folder: Path) -> list[Entry]:
    """Every backup in a folder, newest first."""
    found = []
    for path in folder.glob("hub.db*"):
        aside = _ASIDE.fullmatch(path.name) is not None
        if path.name == CURRENT or aside or _EARLIER.fullmatch(path.name):
            manifest = read_manifest(path)
            made_at = manifest.made_at if manifest is not None else path.stat().st_mtime
            found.append(Entry(path, manifest, made_at, aside))
    # By name first: without a manifest the times of files decide, and copying one by hand changes these.
    return sorted(found, key=lambda one: (one.path.name == CURRENT, one.made_at), reverse=True)


def superfluous(found: Sequence[Entry], rotation: Rotation, now: float) -> list[Entry]:
    """Those that the rotation removes; never the newest, nor one that was kept aside."""
    ours = [one for one in found if not one.aside]
    kept = {one.path for one in ours[: max(1, rotation.starts)]}
    days: set[int] = set()
    for one in ours:
        day = int(one.made_at // _DAY_SECS)
        if day not in days and now - one.made_at < rotation.days * _DAY_SECS:
            days.add(day)
            kept.add(one.path)
    return [one for one in ours if one.path not in kept and one.path.name != CURRENT]


def prune(folder: Path, rotation: Rotation, now: float) -> list[Path]:
    """Remove what the rotation no longer keeps, with the manifests; return what was removed.
    Raises OSError."""
    gone = superfluous(entries(folder), rotation, now)
    for one in gone:
        one.path.unlink(missing_ok=True)
        manifest_path(one.path).unlink(missing_ok=True)
    return [one.path for one in gone]
