"""Removes worktrees of attempts, provided that nothing would be lost.

git's own `worktree remove` runs the filters that the worktree configures, so it is not used: the worktree is
examined with a clean git, moved aside, examined again, and only then removed, with its entry in the git
folder. Its branch stays.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from syncropel.adapters.cost_file import open_plain
from syncropel.adapters.workspace import Worktree
from syncropel.settings.workspace import Repo
from syncropel.system.clean_git import GitFailed, Repository, held_elsewhere
from syncropel.system.git_worktrees import remove_entry

MOST_MOVES: Final = 1000
"""Limit on the positions of HEAD that are examined; a worktree with more is kept."""
_UNFINISHED: Final = {
    "locked": "it is locked",
    "MERGE_HEAD": "a merge in it is not finished",
    "CHERRY_PICK_HEAD": "a cherry-pick in it is not finished",
    "REVERT_HEAD": "a revert in it is not finished",
    "rebase-merge": "a rebase in it is not finished",
    "rebase-apply": "a rebase in it is not finished",
    "sequencer": "a cherry-pick in it is not finished",
    "BISECT_LOG": "a bisection in it is not finished",
    "MERGE_AUTOSTASH": "it holds an automatic stash",
    "index.lock": "a git command is at work in it",
    "HEAD.lock": "a git command is at work in it",
    "modules": "it has submodules",
    "reftable": "its refs are in a format that cannot be read here",
}
"""Names in a worktree's own git folder, and why it is kept when one exists."""


@dataclass(frozen=True)
class Found:
    """The state of a worktree; None for what cannot be determined.

    `kept`: why it must not be removed, empty when nothing would be lost. `size`: bytes on disk. `merged`: the
    base branch of its repository has all its commits.
    """

    kept: str
    branch: str | None = None
    size: int | None = None
    commits_ahead: int | None = None
    uncommitted: int | None = None
    merged: bool | None = None


@dataclass(frozen=True)
class _Files:
    size: int
    problem: str


def look(made: Worktree, repo: Repo | None) -> Found | None:
    """The state of the worktree; None when it is gone. Blocks.

    `repo`: the entry that it was made for. One that an interrupted removal has moved aside is moved back.
    """
    path = Path(made.path)
    try:
        _put_back(path)
        info = path.lstat()
    except FileNotFoundError:
        return None
    except OSError as error:
        return Found(f"it cannot be read: {error.strerror}")
    if not stat.S_ISDIR(info.st_mode):
        return Found("its path is a link or a file now")
    return _judge(made, repo, path)


def remove(made: Worktree, repo: Repo | None) -> Found | None:
    """Remove the worktree if nothing is lost; return its state before, None when it was already gone.

    Blocks. Raises OSError when only a part of it could be removed.
    """
    found, path = look(made, repo), Path(made.path)
    if found is None or found.kept:
        return found
    aside, entry = _aside(path), made.repository().git_dir
    if os.path.lexists(aside):
        return Found(f"{aside} is in the way")
    path.rename(aside)
    # Nobody who uses its path writes to it from here on: changes made before are found now.
    again = _judge(made, repo, aside) if not aside.is_symlink() else Found("it changed meanwhile")
    if again.kept:
        aside.rename(path)
        return again
    shutil.rmtree(aside)
    remove_entry(Path(made.common), entry)
    return found


def _aside(path: Path) -> Path:
    return path.with_name(f".{path.name}.pruned")


def _put_back(path: Path) -> None:
    aside = _aside(path)
    if not os.path.lexists(path) and aside.is_dir() and not aside.is_symlink():
        aside.rename(path)


def _judge(made: Worktree, repo: Repo | None, folder: Path) -> Found:
    try:
        found = _files(folder)
        repository = Repository.find(folder)
        if problem := _not_its_own(made, repository, folder):
            return Found(problem, size=found.size)
        return _judge_work(made, repo, repository, found)
    except (GitFailed, OSError, ValueError) as error:
        return Found(f"it cannot be read: {error}")


def _not_its_own(made: Worktree, repository: Repository, folder: Path) -> str:
    """Why this is not the worktree that was made; its entry in the git folder must be its own, too."""
    entry = repository.git_dir
    if repository.top != folder.resolve() or str(repository.common) != made.common:
        return f"it does not belong to the repository {made.repo!r} any more"
    if entry.parent != repository.common / "worktrees" or entry.is_symlink():
        return "it is not a linked worktree any more"
    with open_plain(entry / "gitdir") as file:  # a goal may have put a pipe there
        place = Path(file.read().decode("utf-8").rstrip("\n"))
    if place.name != ".git" or place.parent.resolve() != Path(made.path).resolve():
        return "its repository has another place for it"
    return ""


def _judge_work(made: Worktree, repo: Repo | None, repository: Repository, files: _Files) -> Found:
    tip, branch = repository.commit(), repository.branch()
    changed = _changed(repository, made, tip)
    ahead = int(repository.run("rev-list", "--count", f"{made.base}..{tip}", "--"))
    base, problem = _base(made, repo, repository.top)
    merged = None
    if base:
        merged = int(repository.run("rev-list", "--count", "--max-count=1", f"{base}..{tip}", "--")) == 0
    reasons = [
        *(why for name, why in _UNFINISHED.items() if os.path.lexists(repository.git_dir / name)),
        f"HEAD is at {branch or 'no branch'}, not at {made.branch}" if branch != made.branch else "",
        f"uncommitted: {changed} files" if changed else "",
        "its index holds what no commit has" if _staged(repository, tip) else "",
        problem,
        "" if merged or not base else f"not merged into {base.removeprefix('refs/heads/')}",
        files.problem,
        _copies(made, repo, repository.top),
        _own_refs(repository),
    ]
    kept = next((why for why in reasons if why), "")
    return Found(kept, branch, files.size, ahead, changed, merged)


def _changed(repository: Repository, made: Worktree, tip: str) -> int:
    """Files that differ from the tip, or are not in it and not ignored; copies are checked separately."""
    copies = {f"?? {one}".encode() for one in made.copied}
    with repository.scratch(tip) as scratch:
        told = scratch.run("status", "--porcelain", "--no-renames", "--ignore-submodules=none", "-uall", "-z")
    return sum(1 for one in told.split(b"\0") if one and one not in copies)


def _staged(repository: Repository, tip: str) -> bool:
    index = repository.git_dir / "index"
    with repository.scratch(tip, index=index) as scratch:
        return bool(scratch.run("diff-index", "--cached", "--raw", "-z", tip, "--"))


def _base(made: Worktree, repo: Repo | None, folder: Path) -> tuple[str, str]:
    """What the work must be merged into, or why that cannot be determined."""
    if repo is None:
        return "", f"repository {made.repo!r} is not in [workspace.repos] any more"
    main = Repository.find(repo.path)
    if str(main.common) != made.common or main.top.is_relative_to(folder):
        return "", f"[workspace.repos] {made.repo!r} is another repository now"
    if repo.base != "HEAD":
        branch = f"refs/heads/{repo.base}"
        try:
            main.commit(branch)
        except GitFailed:
            return main.commit(repo.base), ""
        return branch, ""
    branch = main.branch() or ""
    if not branch or branch == made.branch:
        return "", f"the repository {made.repo!r} has no base branch checked out"
    return f"refs/heads/{branch}", ""


def _copies(made: Worktree, repo: Repo | None, folder: Path) -> str:
    """Copied files are in no commit: a changed one exists nowhere else."""
    if not made.copied or repo is None:
        return ""
    source = Repository.find(repo.path).top
    for one in made.copied:
        copy, original = folder / one, source / one
        if not os.path.lexists(copy):
            continue
        if copy.is_symlink() or not copy.is_file() or not original.is_file():
            return f"its copy of {one} differs from the original"
        if copy.read_bytes() != original.read_bytes():
            return f"its copy of {one} differs from the original"
    return ""


def _own_refs(repository: Repository) -> str:
    """Refs and the reflog of HEAD go with the worktree: whatever only they hold is lost."""
    refs = repository.git_dir / "refs"
    if any(files for _, _, files in os.walk(refs)):
        return "it has refs of its own"
    try:
        with open_plain(repository.git_dir / "logs" / "HEAD") as file:
            lines = file.read().splitlines()
    except FileNotFoundError:
        return ""
    places = {word.decode("ascii") for line in lines for word in line.split(b" ", 2)[:2]}
    commits = sorted(one for one in places if one.strip("0"))
    if len(commits) > MOST_MOVES:
        return f"HEAD was at more than {MOST_MOVES} commits"
    return "" if held_elsewhere(repository.common, commits) else "HEAD was at a commit that no branch has"


def _files(folder: Path) -> _Files:
    """The size of all its files, and why it cannot be removed completely."""
    device, size, problem = folder.lstat().st_dev, 0, ""
    for entry in _entries(folder):
        info = entry.stat(follow_symlinks=False)
        size += info.st_blocks * 512
        if entry.name == ".git" and Path(entry.path).parent != folder:
            problem = problem or f"another repository is in it: {Path(entry.path).parent.relative_to(folder)}"
        if stat.S_ISDIR(info.st_mode) and not os.access(entry.path, os.R_OK | os.W_OK | os.X_OK):
            problem = problem or f"a folder in it is protected: {Path(entry.path).relative_to(folder)}"
        if info.st_dev != device:
            problem = problem or f"another file system is in it: {Path(entry.path).relative_to(folder)}"
    return _Files(size, problem)


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    pending = [str(folder)]
    while pending:
        with os.scandir(pending.pop()) as entries:
            for entry in entries:
                yield entry
                if entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)
