"""An archive of files that proves itself: a tar whose last member has the hash of every other.

A plain `tar` opens it. A cut or altered archive is refused before any of it is used.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final

from syncropel.errors import StoreCorrupt

CONTENTS: Final = "contents.json"
VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Packed:
    """One file of an archive: the SHA-256 of its bytes in hex, and its permission bits."""

    sha256: str
    mode: int


@dataclass(frozen=True, slots=True)
class Contents:
    """What an archive must hold: whose it is, when it was made (unix seconds), and its files by name."""

    did: str
    made_at: float
    files: dict[str, Packed]


def pack(target: BinaryIO, did: str, made_at: float, files: Iterable[tuple[str, Path]]) -> Contents:
    """Write files to an archive under these names; return what it holds. Raises OSError."""
    packed: dict[str, Packed] = {}
    with tarfile.open(fileobj=target, mode="w") as tar:
        for name, path in files:
            body, found = path.read_bytes(), path.stat()
            packed[name] = Packed(hashlib.sha256(body).hexdigest(), found.st_mode & 0o777)
            _add(tar, name, body, found.st_mode & 0o777, found.st_mtime)
        contents = Contents(did, made_at, packed)
        text = json.dumps({"version": VERSION, **asdict(contents)}, indent=1) + "\n"
        _add(tar, CONTENTS, text.encode(), 0o600, made_at)
    return contents


def _add(tar: tarfile.TarFile, name: str, body: bytes, mode: int, mtime: float) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = len(body), mode, int(mtime)
    tar.addfile(member, io.BytesIO(body))


def check(source: BinaryIO, told: str) -> Contents:
    """Read a whole archive, and return what it holds. `told`: its name in an error.

    Raises StoreCorrupt when it is cut, altered, or no archive.
    """
    found: dict[str, str] = {}
    contents: Contents | None = None
    source.seek(0)
    try:
        with tarfile.open(fileobj=source, mode="r:") as tar:
            for member in tar:
                body = _body(tar, member)
                if member.name == CONTENTS:
                    contents = _parsed(body)
                elif member.name in found:
                    raise _broken(told, f"{member.name} is in it twice")
                else:
                    found[member.name] = hashlib.sha256(body).hexdigest()
    except (tarfile.TarError, EOFError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _broken(told, str(error) or type(error).__name__) from None
    if contents is None:
        raise _broken(told, "its end is missing")
    _compare(contents, found, told)
    return contents


def extract(source: BinaryIO, below: str) -> Iterable[tuple[PurePosixPath, bytes]]:
    """The files of a checked archive in its folder `below`: their names in there, and their bytes."""
    source.seek(0)
    with tarfile.open(fileobj=source, mode="r:") as tar:
        for member in tar:
            name = PurePosixPath(member.name)
            if name.parts[0] == below:
                yield name.relative_to(below), _body(tar, member)


def _body(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member) if member.isfile() else None
    if file is None:
        raise ValueError(f"{member.name} is no file")
    return file.read()


def _compare(contents: Contents, found: dict[str, str], told: str) -> None:
    for name, packed in contents.files.items():
        if found.get(name) != packed.sha256:
            raise _broken(told, f"{name} is {'missing' if name not in found else 'altered'}")
        parts = PurePosixPath(name).parts
        if len(parts) < 2 or parts[0] == "/" or ".." in parts:
            raise _broken(told, f"{name!r} is no name of a file")
    for name in found:
        if name not in contents.files:
            raise _broken(told, f"{name} does not belong to it")


def _parsed(body: bytes) -> Contents:
    document = json.loads(body)
    if document["version"] != VERSION:
        raise ValueError(f"it has version {document['version']}; this version of syncropel knows {VERSION}")
    files = {str(name): Packed(**one) for name, one in document["files"].items()}
    return Contents(str(document["did"]), float(document["made_at"]), files)


def _broken(told: str, why: str) -> StoreCorrupt:
    return StoreCorrupt(f"{told} is damaged: {why}", "use another one: spl backup list")
