"""Where a branch is checked out: nothing of a person's work is lost when the branch is moved."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from syncropel.adapters.cost_file import open_plain
from syncropel.adapters.merging.stopped import Stopped
from syncropel.folds.tasks.merges import REFUSED
from syncropel.system.clean_git import GitFailed, Repository
from syncropel.system.git_worktrees import listed

_UNFINISHED: Final = {
    "MERGE_HEAD": "a merge",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase",
    "sequencer": "a cherry-pick",
    "BISECT_LOG": "a bisection",
    "index.lock": "a git command",
}
"""Names in a worktree's own git folder, and what is under way there when one exists."""
_REBASED: Final = ("rebase-merge/head-name", "rebase-apply/head-name")
_LONGEST_NAME: Final = 4096


@dataclass(frozen=True)
class Checkout:
    """A worktree that has the target checked out, without changes."""

    repository: Repository

    @property
    def path(self) -> str:
        return str(self.repository.top)

    def may_move(self, old: str, new: str) -> None:
        """Raise Stopped if moving its files from one commit to another would lose something."""
        try:
            self._move("--dry-run", old, new)
        except GitFailed as error:
            told = f"{self.path} has the branch checked out, and its files are in the way: {error}"
            raise Stopped(REFUSED, told, checkout=self.path) from None

    def move(self, old: str, new: str) -> None:
        """Bring its files from one commit to another. Raises GitFailed; what is left then is git's own rule:
        each file is of one of the two.
        """
        self._move("--verbose", old, new)

    def _move(self, how: str, old: str, new: str) -> None:
        with self.repository.scratch(new, index=self.repository.git_dir / "index") as scratch:
            scratch.run("update-index", "-q", "--refresh")  # only what is known to be unchanged is moved
            scratch.run("read-tree", how, "-m", "-u", old, new)


def checkouts(main: Repository, branch: str) -> list[Checkout]:
    """Every worktree that has this branch checked out. Raises Stopped when one has changes or something
    unfinished, GitFailed.
    """
    found: list[Checkout] = []
    for path, checked_out in _worktrees(main):
        try:
            repository = Repository.find(path)
        except GitFailed:
            if checked_out == f"refs/heads/{branch}" and path.exists():
                raise
            continue  # its folder is gone, and git has not noticed yet
        if checked_out == f"refs/heads/{branch}" or _is_rebased(repository, branch):
            _check(repository, branch)
            found.append(Checkout(repository))
    return found


def _worktrees(main: Repository) -> list[tuple[Path, str]]:
    """The folder of each worktree, and the ref that it has checked out, empty for none."""
    rows: list[tuple[Path, str]] = []
    for said in listed(main):
        if "worktree" in said and "bare" not in said:
            rows.append((Path(said["worktree"]), said.get("branch", "")))
    return rows


def _is_rebased(repository: Repository, branch: str) -> bool:
    """Whether a rebase of this branch is under way there; meanwhile no branch is checked out."""
    for name in _REBASED:
        try:
            with open_plain(repository.git_dir / name) as file:
                if file.read(_LONGEST_NAME).strip() == f"refs/heads/{branch}".encode():
                    return True
        except OSError:
            continue
    return False


def _check(repository: Repository, branch: str) -> None:
    where = f"{repository.top} has the branch {branch} checked out"
    for name, what in _UNFINISHED.items():
        if (repository.git_dir / name).exists():
            raise Stopped(REFUSED, f"{where}, and {what} is under way there", checkout=str(repository.top))
    tip = repository.commit()
    with repository.scratch(tip, index=repository.git_dir / "index") as scratch:
        said = scratch.run(
            "status", "--porcelain", "--no-renames", "--untracked-files=no", "--ignore-submodules=dirty", "-z"
        )
        sparse = any(line.startswith(b"S ") for line in scratch.run("ls-files", "-t", "-z").split(b"\0"))
    changed = [one[3:].decode("utf-8", "replace") for one in said.split(b"\0") if one]
    if changed:
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        told = f"{where}, with changes that are not committed: {changed[0]}{more}"
        raise Stopped(REFUSED, told, checkout=str(repository.top))
    if sparse:
        raise Stopped(REFUSED, f"{where}, and only a part of its files", checkout=str(repository.top))
