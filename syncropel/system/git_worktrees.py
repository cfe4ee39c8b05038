"""Adds and removes the worktrees of a repository, one change at a time.

git reads the entries of all worktrees before it adds one, and fails when an entry is only half written or
half removed, as happens when two subtasks of a repository start at the same moment. The lock holds between
the instances of this host; a person's own git does not know it, so what met such an entry is run again.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from syncropel.system.clean_git import GitFailed, Repository

log = logging.getLogger("syncropel.engine.adapters.workspace")

PATIENCE_SECS: Final = 30.0
"""How long a change waits for another; then it goes on without the lock, which a goal could hold for ever."""
_PAUSE_SECS: Final = 0.02
_TRIES: Final = 10


@contextlib.contextmanager
def one_at_a_time(common: Path, patience_secs: float = PATIENCE_SECS) -> Iterator[None]:
    """Hold the lock on the list of worktrees of the repository with this git folder. Blocks.

    The lock is on the folder itself, so nothing is left in it. A file system without locks gives none.
    """
    try:
        descriptor = os.open(common, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        yield  # what follows says what is wrong with it
        return
    try:
        if not _locked(descriptor, patience_secs):
            log.warning(
                "%s: its lock was not released within %gs; going on without it", common, patience_secs
            )
        yield
    finally:
        os.close(descriptor)


def _locked(descriptor: int, patience_secs: float) -> bool:
    end = time.monotonic() + patience_secs
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EWOULDBLOCK, errno.EINTR):
                return True  # there are no locks here: a command that meets a half-written entry runs again
            if time.monotonic() >= end:
                return False
            time.sleep(_PAUSE_SECS)
        else:
            return True


def add_on_branch(main: Repository, path: Path, branch: str, commit: str, *, again: bool = False) -> None:
    """Add a worktree without files at `path`, on a new branch that begins at a commit. Blocks.

    `again`: the branch is there, at this commit, from a call that was cut short. Raises GitFailed: there is
    neither a worktree nor a branch of it then.
    """
    name = f"refs/heads/{branch}"
    with one_at_a_time(main.common):
        main.run(
            "update-ref", name, commit, commit if again else ""
        )  # "": only if there is none of this name
        try:
            _add(main, str(path), branch)
        except GitFailed:
            with contextlib.suppress(GitFailed):
                main.run("update-ref", "-d", name, commit)
            raise


def add_detached(main: Repository, path: Path, commit: str) -> None:
    """Add a worktree without files at `path`, on no branch. Blocks. Raises GitFailed."""
    with one_at_a_time(main.common):
        _add(main, "--detach", str(path), commit)


def _add(main: Repository, *words: str) -> None:
    _again_if_half_written(main, "worktree", "add", "--quiet", "--no-checkout", *words)


def listed(main: Repository) -> list[dict[str, str]]:
    """What git says of each worktree: `worktree` (its folder), `HEAD`, and `branch` (a ref), `detached`, or
    `bare`. Blocks. Raises GitFailed.
    """
    with one_at_a_time(main.common):
        said = _again_if_half_written(main, "worktree", "list", "--porcelain", "-z")
    entries = [entry.strip("\0") for entry in said.split("\0\0")]
    return [dict(line.partition(" ")[::2] for line in entry.split("\0")) for entry in entries if entry]


def _again_if_half_written(main: Repository, *words: str) -> str:
    for _ in range(_TRIES - 1):
        try:
            return main.run(*words)
        except GitFailed as error:
            if "/worktrees/" not in str(error):
                raise
            time.sleep(_PAUSE_SECS)
    return main.run(*words)


def remove_entry(common: Path, entry: Path) -> None:
    """Remove a worktree's entry from the git folder. Blocks. Raises OSError when a part of it is left."""
    with one_at_a_time(common):
        shutil.rmtree(entry)
