"""Which files a running goal has touched in its worktree: by two calls of git, and none of its programs."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from syncropel.adapters.workspace import Worktree
from syncropel.adapters.worktree import recordable_text
from syncropel.system.clean_git import PLAIN_DIFF, GitFailed

MOST_FILES: Final = 50
"""Files that are told of one attempt, the first in order of name."""
LONGEST_PATH: Final = 256
"""A longer path is not told: it would only be cut to one that is not there."""


def touched(made: Worktree) -> tuple[str, ...]:
    """The files that differ from where the attempt began, committed or not. Blocks.

    Files that were copied in do not count. Raises GitFailed.
    """
    if not Path(made.path).is_dir():
        raise GitFailed(f"{made.path} is gone")
    repository = made.repository()
    tip = repository.commit()
    with repository.scratch(tip, index=repository.git_dir / "index", exclude=made.copied) as scratch:
        flags = (*PLAIN_DIFF, "--no-renames", "--ignore-submodules=dirty", "-z")
        changed = scratch.run("diff", "--name-only", *flags, made.base)
        fresh = scratch.run("ls-files", "--others", "--exclude-standard", "-z")
    names = {one.decode("utf-8", "surrogateescape") for one in (changed + fresh).split(b"\0") if one}
    told = (recordable_text(name) for name in sorted(names.difference(made.copied)))
    return tuple(name for name in told if len(name) <= LONGEST_PATH)[:MOST_FILES]
