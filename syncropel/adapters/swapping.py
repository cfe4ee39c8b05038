"""Files of a goal's worktree that give way to those of its base while a gate runs, and come back after it.

What was there is kept beside the attempt, so that a daemon that comes later puts it back. A link on the way
to such a file is refused: it would lead out of the worktree.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Any, Final

from syncropel.adapters.gate_files import CommandFiles
from syncropel.system.clean_git import Repository

_LIST: Final = "list.json"
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def swap_in(files: CommandFiles, worktree: Repository, kept: Path) -> None:
    """Put the base's files in place of the goal's, which go to the folder `kept`. Blocks.

    Raises OSError when a link or a folder is in the way, GitFailed.
    """
    if not files.paths:
        return
    if not (kept / _LIST).exists():  # otherwise an earlier daemon has kept them
        shutil.rmtree(kept, ignore_errors=True)
        kept.mkdir(parents=True)
        rows = [_keep(worktree.top, path, kept / str(place)) for place, path in enumerate(files.paths)]
        draft = kept / f"{_LIST}.new"
        draft.write_text(json.dumps(rows), encoding="utf-8")
        draft.replace(kept / _LIST)
    files.put(worktree)


def swap_back(top: Path, kept: Path) -> None:
    """Put back what `swap_in` kept, whatever a gate has made of these files; nothing without any. Blocks.

    Raises OSError naming the first that could not be put back, when all others were.
    """
    try:
        rows = json.loads((kept / _LIST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return
    failed: list[OSError] = []
    for place, row in enumerate(rows):
        try:
            _put_back(top, row, kept / str(place))
        except OSError as error:
            failed.append(OSError(f"cannot put back the goal's {row['path']}: {error.strerror}"))
    if failed:
        raise failed[0]
    shutil.rmtree(kept)


def _keep(top: Path, path: str, copy: Path) -> dict[str, Any]:
    """Copy one file; what to know about it. Raises OSError unless it is a plain file, or is not there."""
    try:
        with _parent(top, path) as (folder, name):
            source = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except FileNotFoundError:
        return {"path": path, "mode": None}
    with os.fdopen(source, "rb") as file:
        info = os.fstat(source)
        if not stat.S_ISREG(info.st_mode):
            raise OSError(f"{path} is not a plain file any more")
        with copy.open("xb") as target:
            shutil.copyfileobj(file, target)
    return {"path": path, "mode": stat.S_IMODE(info.st_mode)}


def _put_back(top: Path, row: dict[str, Any], copy: Path) -> None:
    path, mode = str(row["path"]), row["mode"]
    if mode is None:
        with suppress(FileNotFoundError), _parent(top, path) as (folder, name):
            _clear(name, folder)
        return
    with _parent(top, path, make=True) as (folder, name):
        _clear(name, folder)
        made = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, int(mode), dir_fd=folder)
        with os.fdopen(made, "wb") as target, copy.open("rb") as source:
            shutil.copyfileobj(source, target)
            os.fchmod(made, int(mode))


def _clear(name: str, folder: int) -> None:
    """Remove a file, a link, or a folder with all that is in it; nothing when it is not there."""
    try:
        os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        return
    except (IsADirectoryError, PermissionError):  # the second is what some systems say of a folder
        shutil.rmtree(name, dir_fd=folder)


@contextmanager
def _parent(top: Path, path: str, *, make: bool = False) -> Iterator[tuple[int, str]]:
    """The open folder of a path below `top`, step by step without following a link, and the path's name.

    `make`: folders that are missing, or something else now, are made.
    """
    *folders, name = PurePosixPath(path).parts
    opened = os.open(top, _FOLDER)
    try:
        for one in folders:
            try:
                inner = os.open(one, _FOLDER, dir_fd=opened)
            except OSError:
                if not make:
                    raise
                _clear(one, opened)
                os.mkdir(one, dir_fd=opened)
                inner = os.open(one, _FOLDER, dir_fd=opened)
            os.close(opened)
            opened = inner
        yield opened, name
    finally:
        os.close(opened)
