"""The lineage of a log: a small file beside it, and another one with its backups.

It says which log this is, how far it is known to go, and where it was copied. It is written only after the
records it mentions are durable, so it may lag behind the log and is never ahead of it: a log that has less
than its lineage says has lost records.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from syncropel.system.durable import sync

VERSION: Final = 1
CHECKPOINTS_KEPT: Final = 32
COPIES_KEPT: Final = 200


@dataclass(frozen=True, slots=True)
class Point:
    """How far a log went: its last sequence and that record's id, the digest of all ids, the time (unix
    seconds). `backup`: the path of the copy that has exactly this; empty if it was the log's own file.
    """

    sequence: int = 0
    id: str = ""
    digest: str = ""
    at: float = 0.0
    backup: str = ""


@dataclass(frozen=True, slots=True)
class Loss:
    """Known records that are no longer in the log: it `had` this many and `has` that many since `at`.

    `since`: when the last remaining record was appended; `backup`: the path of a copy with more of them, if
    known; `accepted`: whether an operator accepted it, or the log was exactly an earlier copy.
    """

    at: float
    had: int
    has: int
    since: float = 0.0
    backup: str = ""
    accepted: bool = False


@dataclass(frozen=True, slots=True)
class Lineage:
    """What is known of one log. `begun` and `head.sequence` allow its digest to be continued
    (`RunningDigest`).
    """

    log: str
    head: Point = field(default_factory=Point)
    begun: str = ""
    main: tuple[int, int] | None = None
    """Size and mtime (ns) of the log's own file after the last checkpoint."""
    points: tuple[Point, ...] = ()
    """Where the log was copied, and where its own file was complete, oldest first."""
    losses: tuple[Loss, ...] = ()
    accepted: tuple[str, ...] = ()
    """Altered records that an operator accepted: the hash of each current form."""
    serial: int = 0
    """Grows with each write: of two files of one log the higher is the newer."""

    def with_point(self, point: Point) -> Lineage:
        """With one more restore point; as many are kept as are useful."""
        points = [one for one in self.points if one.backup != point.backup or not point.backup]
        points.append(point)
        copies = [one for one in points if one.backup][-COPIES_KEPT:]
        files = [one for one in points if not one.backup][-CHECKPOINTS_KEPT:]
        return replace(self, points=tuple(sorted((*copies, *files), key=lambda one: (one.sequence, one.at))))


class Unreadable(Exception):
    """Raised for a damaged lineage file; says how."""


@dataclass(frozen=True)
class LineageFile:
    """The files of one lineage: `path` beside the log, `copy` with its backups."""

    path: Path
    copy: Path | None = None

    def read(self) -> tuple[list[Lineage], list[str]]:
        """What is known, the newest for each log, the file beside the log first; and what cannot be read."""
        known: dict[str, Lineage] = {}
        problems: list[str] = []
        for path in self.paths():
            try:
                one = read_lineage(path)
            except Unreadable as error:
                problems.append(str(error))
                continue
            if one is not None and (one.log not in known or known[one.log].serial < one.serial):
                known[one.log] = one
        return list(known.values()), problems

    def paths(self) -> Iterator[Path]:
        """The one beside the log first."""
        yield self.path
        if self.copy is not None:
            yield self.copy

    def write(self, lineage: Lineage, *, everywhere: bool) -> None:
        """Write each file atomically; `everywhere`: including the one with the backups. Raises OSError."""
        failed: OSError | None = None
        if everywhere and self.copy is not None:
            try:  # first: if the home was removed, only this one is left
                self.copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                write_lineage(self.copy, lineage)
            except OSError as error:
                failed = error
        write_lineage(self.path, lineage)
        if failed is not None:
            raise failed

    def set_aside(self, stamp: str) -> list[Path]:
        """Rename what is there; return the new names."""
        kept = []
        for path in self.paths():
            aside = path.with_name(f"{path.name}.{stamp}")
            with suppress(FileNotFoundError):
                path.rename(aside)
                kept.append(aside)
        return kept


def read_lineage(path: Path) -> Lineage | None:
    """The contents of a file; None when it does not exist. Raises Unreadable."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise Unreadable(f"{path} cannot be read: {error}") from None
    try:
        seal, version = document.pop("seal"), document["version"]
        if version != VERSION:
            raise Unreadable(f"{path} has version {version}; this version of syncropel knows {VERSION}")
        if seal != _seal(document):
            raise Unreadable(f"{path} is not as it was written")
        return _parsed(document)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Unreadable(f"{path} is no lineage: {type(error).__name__} {error}") from None


def write_lineage(path: Path, lineage: Lineage) -> None:
    """Write one file durably and atomically. Raises OSError; then the previous one stays."""
    document: dict[str, Any] = {"version": VERSION, **asdict(lineage)}
    text = json.dumps({**document, "seal": _seal(json.loads(json.dumps(document)))}, indent=1) + "\n"
    draft = path.with_name(f".{path.name}.tmp")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    os.replace(draft, path)
    sync(path.parent)


def _seal(document: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def _parsed(document: dict[str, Any]) -> Lineage:
    main = document["main"]
    return Lineage(
        log=str(document["log"]),
        head=Point(**document["head"]),
        begun=str(document["begun"]),
        main=None if main is None else (int(main[0]), int(main[1])),
        points=tuple(Point(**one) for one in document["points"]),
        losses=tuple(Loss(**one) for one in document["losses"]),
        accepted=_texts(document["accepted"]),
        serial=int(document["serial"]),
    )


def _texts(values: Sequence[Any]) -> tuple[str, ...]:
    return tuple(map(str, values))
