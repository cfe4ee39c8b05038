"""What a goal left in its git worktree, for those who have to save its work."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

from syncropel.adapters.reading import printable
from syncropel.system.clean_git import GitFailed, Repository
from syncropel.system.interruptible import in_thread

T = TypeVar("T")

_PATIENCE_SECS: Final = 5.0


async def head(folder: Path) -> str | None:
    """The current commit of this worktree; None when the folder is not one, or has no commit."""
    return await _told(lambda: Repository.find(folder).commit())


async def left_in(folder: Path, base: str) -> dict[str, Any] | None:
    """The state of a worktree that was at the commit `base` when the goal began.

    `path, branch` (None: detached), `commit, subject, commits_ahead` (of base), `uncommitted` (files changed
    or untracked). None when git does not answer.
    """
    return await _told(lambda: _left(Repository.find(folder), base))


def _left(repository: Repository, base: str) -> dict[str, Any]:
    tip, branch = repository.commit(), repository.branch()
    with repository.scratch(tip, index=repository.git_dir / "index") as scratch:
        changed = scratch.run("status", "--porcelain", "--no-renames", "--ignore-submodules=dirty", "-z")
    return {
        "path": str(repository.top),
        "branch": branch and recordable_text(branch),
        "commit": tip,
        "subject": subject_of(repository, tip),
        "commits_ahead": _ahead(repository, base, tip),
        "uncommitted": sum(1 for one in changed.split(b"\0") if one),
    }


def _ahead(repository: Repository, base: str, tip: str) -> int:
    try:
        return int(repository.run("rev-list", "--count", f"{base}..{tip}", "--"))
    except GitFailed:
        return 0


def subject_of(repository: Repository, commit: str) -> str:
    """The first line of a commit's message, safe for a record and a terminal."""
    said = repository.run("log", "-1", "--format=%s", "--no-show-signature", commit)
    return printable(recordable_text(said))[:200]


def recordable_text(said: str) -> str:
    """git's output, with a replacement for each byte that is not UTF-8."""
    return os.fsencode(said).decode("utf-8", "replace")


async def _told(ask: Callable[[], T]) -> T | None:
    try:
        return await asyncio.wait_for(in_thread(ask), _PATIENCE_SECS)
    except (GitFailed, TimeoutError):
        return None
