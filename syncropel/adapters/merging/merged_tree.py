"""A worktree of a merged commit, for its gate: made from commits alone, and removed without a trace."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

from syncropel.system.clean_git import GitFailed, Repository
from syncropel.system.git_worktrees import add_detached, remove_entry


def make_tree(main: Repository, path: Path, commit: str) -> None:
    """Check a commit out at `path`, on no branch, with filters and hooks off. Blocks. Raises GitFailed."""
    remove_tree(main, path)
    path.parent.mkdir(parents=True, exist_ok=True)
    add_detached(main, path, commit)
    own = Repository.find(path)
    with own.scratch(commit, index=own.git_dir / "index") as scratch:
        scratch.run("read-tree", "--reset", "-u", commit)


def remove_tree(main: Repository, path: Path) -> None:
    """Remove it with its entry in the repository's git folder, whatever a gate has made of it. Blocks."""
    path = path.parent.resolve() / path.name  # as git writes it; the tree itself may be a gate's link
    shutil.rmtree(path, ignore_errors=True)
    for entry in _entries(main.common):
        with suppress(OSError, UnicodeDecodeError):
            if (entry / "gitdir").read_text(encoding="utf-8").strip() == str(path / ".git"):
                remove_entry(main.common, entry)


def _entries(common: Path) -> list[Path]:
    """The folders of the repository's worktrees in its git folder; links are none."""
    folder = common / "worktrees"
    try:
        return [one for one in folder.iterdir() if one.is_dir() and not one.is_symlink()]
    except OSError:
        return []


def remove_leftover(repository: Path, path: Path) -> None:
    """Remove a worktree that an earlier daemon left, as far as its repository can still be read. Blocks."""
    try:
        remove_tree(Repository.find(repository), path)
    except GitFailed:
        shutil.rmtree(path, ignore_errors=True)
