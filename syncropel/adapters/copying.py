"""Files of the main worktree that are copied into each worktree: never through links out of it."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from syncropel.system.clean_git import GitFailed, Repository

log = logging.getLogger("syncropel.engine.adapters.workspace")

SHORTEST_SECRET: Final = 8
"""A shorter value would be found by chance."""


def check_copied(source: Path, copied: Iterable[str]) -> None:
    """Raise GitFailed if one of these files is, through a link, not in the folder `source`."""
    for one in copied:
        _refuse_links(source, source / one)


def copy_in(source: Path, target: Path, copied: Iterable[str]) -> None:
    """Copy these files; one that is not there is only warned of.

    Raises GitFailed when a folder on the way is a link out of the worktree `target`, OSError.
    """
    for one in copied:
        if not (source / one).is_file():
            log.warning("%s has no file %s to copy into a worktree", source, one)
            continue
        _refuse_links(target, (target / one).parent)
        (target / one).parent.mkdir(parents=True, exist_ok=True)
        (target / one).unlink(missing_ok=True)  # a link there would lead the copy out of the worktree
        shutil.copy2(source / one, target / one)


def _refuse_links(top: Path, path: Path) -> None:
    if not path.resolve().is_relative_to(top.resolve()):
        raise GitFailed(f"copy: {path} leads out of {top} through a link")


def blobs_of(main: Repository, base: str, copied: Sequence[str]) -> tuple[str, ...]:
    """The git blob ids of these files, except very short ones, which others may match by chance."""
    paths = [main.top / one for one in copied]
    long = [str(path) for path in paths if path.is_file() and path.stat().st_size >= SHORTEST_SECRET]
    if not long:
        return ()
    with main.scratch(base) as scratch:
        return tuple(scratch.run("hash-object", "--no-filters", "--", *long).decode().split())
