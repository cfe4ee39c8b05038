"""Whether all work in the git worktree around a folder is committed: git's answer, or that it gives none.

It fails closed: what git cannot examine, or is told not to examine, does not count as clean. Every file
counts as work unless the project's own `.gitignore` or the person's global ignore file ignores it. What only
this clone hides is work.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from syncropel.cli.task_verbs.git import Git, GitFailed
from syncropel.errors import Conflict

_NO_REPOSITORY: Final = "fatal: not a git repository (or any of the parent directories): .git"
_ELSEWHERE: Final = ("GIT_DIR", "GIT_WORK_TREE")
_SHOWN: Final = 5
_GITLINK: Final = "160000"
_SKIP_WORKTREE: Final = "S"
_FORCE: Final = "or --force, which skips the check"


@dataclass(frozen=True)
class Worktree:
    """What is wrong with it, as paths from its top: `changed` is not committed, git is told to ignore
    `hidden`.
    """

    top: Path
    changed: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()


def refuse_uncommitted(folder: Path) -> None:
    """Raise Conflict unless git confirms that the worktree around a folder is clean, or that
    there is none."""
    try:
        tree = worktree_around(folder)
    except GitFailed as failed:
        raise Conflict(
            f"cannot tell whether this folder has uncommitted changes: {failed}",
            f"see what git says: git status; {_FORCE}",
        ) from None
    if tree is not None and tree.hidden:
        raise Conflict(
            f"git is told to ignore changes of {_named(tree.hidden)} in {str(tree.top)!r}",
            f"undo that: git update-index --no-assume-unchanged --no-skip-worktree FILE; {_FORCE}",
        )
    if tree is not None and tree.changed:
        raise Conflict(
            f"uncommitted changes in {str(tree.top)!r}: {_named(tree.changed)}",
            f"commit them first, so that the task is not credited with other work; {_FORCE}",
        )


def _named(paths: tuple[str, ...]) -> str:
    shown = ", ".join(map(repr, paths[:_SHOWN])) + (", …" if len(paths) > _SHOWN else "")
    return f"{len(paths)} {'file' if len(paths) == 1 else 'files'} ({shown})"


def worktree_around(folder: Path) -> Worktree | None:
    """git's view of the worktree around a folder; None when the folder is in none.

    Raises GitFailed when git gives no answer, or examines another worktree than the folder's.
    """
    try:
        folder = folder.resolve(strict=True)
        top = next((one for one in (folder, *folder.parents) if os.path.lexists(one / ".git")), None)
        code, out, told = Git(folder).run("rev-parse", "--show-toplevel")
        if code == 0:
            seen = Path(out.removesuffix("\n"))
            if top is None or not seen.samefile(top):
                raise GitFailed(f"git looks at {str(seen)!r}, not at {str(top)!r} (core.worktree)")
            return _looked_at(Git(seen, _filters(seen)))
    except OSError as error:
        raise GitFailed(f"{error.filename or 'the folder'!r} cannot be read: {error.strerror}") from None
    if top is not None or told != _NO_REPOSITORY:
        raise GitFailed(f"git: {told}")
    for name in _ELSEWHERE:
        if os.environ.get(name):
            raise GitFailed(f"{name} is set, but git finds no repository from here")
    return None


def _looked_at(git: Git) -> Worktree:
    flagged = [(one[0], one[2:]) for one in git.ask("ls-files", "-z", "-v")]
    tracked = {path for _, path in flagged}
    sparse = git.run("config", "--type=bool", "--get", "core.sparseCheckout")[1].strip() == "true"
    hidden = [
        path
        for flag, path in flagged
        if flag.islower()  # assume-unchanged
        or (flag == _SKIP_WORKTREE and not (sparse and not os.path.lexists(git.folder / path)))
    ]
    changed = [*_changed(git), *_untracked(git), *_ignored_by_itself(git.folder, tracked)]
    for path in _submodules(git):
        inner = _submodule(git.folder / path)
        if inner is not None:
            changed += [f"{path}/{one}" for one in inner.changed]
            hidden += [f"{path}/{one}" for one in inner.hidden]
    return Worktree(git.folder, tuple(dict.fromkeys(changed)), tuple(hidden))


def _filters(top: Path) -> tuple[str, ...]:
    code, out, told = Git(top).run("config", "-z", "--name-only", "--get-regexp", r"^filter\.")
    if code not in (0, 1) or told:
        raise GitFailed(f"git: {told}")
    keys = (key.removeprefix("filter.").rpartition(".")[0] for key in out.split("\0") if key)
    return tuple(sorted(set(keys)))


def _changed(git: Git) -> list[str]:
    if not git.filters:
        return _status(git)
    # An earlier filter may have made git remember a changed file as clean, by its size and times. With an
    # index that only knows contents, each file is read again, without the filter.
    with tempfile.TemporaryDirectory() as folder:
        anew = replace(git, index=Path(folder) / "index")
        entries = git.ask("ls-files", "--stage", "-z")
        anew.ask("update-index", "-z", "--index-info", text="".join(f"{one}\0" for one in entries))
        left_out = {one[2:] for one in git.ask("ls-files", "-z", "-v") if one[0] == _SKIP_WORKTREE}
        # A sparse checkout lacks files on purpose, which this index does not know.
        return [path for path in _status(anew) if path not in left_out or os.path.lexists(git.folder / path)]


def _status(git: Git) -> list[str]:
    words = ("--no-renames", "--untracked-files=no", "--ignore-submodules=dirty")
    # A path follows eight columns, or ten for an unmerged one.
    return [
        line.split(" ", 10 if line.startswith("u ") else 8)[-1]
        for line in git.ask("status", "--porcelain=v2", "-z", *words)
    ]


def _untracked(git: Git) -> list[str]:
    own = _ignored_everywhere(git)
    words = ["ls-files", "-z", "--others", "--exclude-per-directory=.gitignore"]
    return git.ask(*words, *([f"--exclude-from={own}"] if own is not None else []))


def _ignored_everywhere(git: Git) -> Path | None:
    """The person's global ignore file. One that belongs to this clone only is not used."""
    for scope in ("--global", "--system"):
        code, out, _ = git.run("config", scope, "--includes", "--type=path", "--get", "core.excludesFile")
        if code == 0:
            named = Path(out.removesuffix("\n"))
            return named if named.is_file() else None
    usual = Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser() / "git" / "ignore"
    return usual if usual.is_file() else None


def _ignored_by_itself(top: Path, tracked: set[str]) -> list[str]:
    """Each `.gitignore` beside the project's files that is not the project's own: it may hide itself.

    Tools put one into folders of their own, where nothing is tracked; that is allowed.
    """
    folders = {
        "",
        *(f"{folder}/" for path in tracked for folder in map(str, Path(path).parents) if folder != "."),
    }
    ignores = sorted(f"{folder}.gitignore" for folder in folders)
    return [path for path in ignores if path not in tracked and os.path.lexists(top / path)]


def _submodules(git: Git) -> list[str]:
    staged = (line.partition("\t") for line in git.ask("ls-files", "-z", "--stage"))
    return [path for about, _, path in staged if about.startswith(_GITLINK)]


def _submodule(place: Path) -> Worktree | None:
    """What is wrong with a submodule; None when it was not checked out, or git says that it is gone."""
    if place.is_symlink() or not place.is_dir() or not any(place.iterdir()):
        return None
    if not os.path.lexists(place / ".git"):
        raise GitFailed(f"the submodule {str(place)!r} has files, but is not a repository")
    return worktree_around(place)
