"""Merges branches of a repository as commits: no file of theirs is checked out, no program of theirs runs.

The repository's configuration and the attributes of branches are not used: an agent could have written them.
The `.gitattributes` of the target decides no more than how lines are merged (`merge=union`, `binary`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from syncropel.adapters.merging.stopped import Stopped
from syncropel.adapters.reading import printable
from syncropel.adapters.worktree import recordable_text
from syncropel.folds.tasks.merges import CONFLICT, REFUSED, Branch, Mode
from syncropel.system.clean_git import PLAIN_DIFF, GitFailed, Repository, Scratch

MOST_FILES: Final = 50
"""Files in conflict that are named; of more the number is told."""
_LONGEST_TITLE: Final = 72
_HEADS: Final = "refs/heads/"


@dataclass(frozen=True)
class Joined:
    """A branch that was merged. `commit`: what it came to; the tip that it was merged into if it had nothing
    new.
    """

    branch: Branch
    commit: str


class Branches:
    """The branches of one repository. `author`: of the commits made here, `NAME <ADDRESS>`."""

    def __init__(self, main: Repository, author: str) -> None:
        self._main = main
        name, _, address = author.removesuffix(">").partition(" <")
        self._who = {f"GIT_{role}_{part}": value for role in ("AUTHOR", "COMMITTER")
                     for part, value in (("NAME", name), ("EMAIL", address))}  # fmt: skip

    def target(self, into: str, base: str) -> str:
        """The branch to merge into: the one that was named, or else the repository's base, or else the one
        that is checked out. Raises Stopped.
        """
        name = into or (base if base != "HEAD" else self._main.branch() or "")
        if not name:
            raise Stopped(REFUSED, "the repository has no branch checked out; name one with --into")
        if self._head(name) is None:
            raise Stopped(REFUSED, f"the repository has no branch {name!r}; name one with --into")
        with suppress(GitFailed):
            self._main.run("symbolic-ref", "-q", _HEADS + name)
            raise Stopped(REFUSED, f"the branch {name!r} stands for another one; name that with --into")
        return name

    def _head(self, name: str) -> str | None:
        """The commit of a branch; None when there is none of exactly this name."""
        try:
            return self._main.run("show-ref", "--verify", "--hash", "--", _HEADS + name)
        except GitFailed:
            return None

    def commit(self, name: str) -> str:
        """The commit of a branch that exists. Raises GitFailed."""
        return self._main.commit(_HEADS + name)

    def check(self, branches: Iterable[Branch]) -> None:
        """Raise Stopped unless each is at exactly the commit that its record names."""
        for one in branches:
            now = self._head(one.branch)
            if now == one.commit:
                continue
            told = f"the branch {one.branch} of subtask {one.index}"
            if now is None:
                raise Stopped(REFUSED, f"{told} is not in the repository here", index=one.index)
            raise Stopped(
                REFUSED,
                f"{told} is at {now[:12]}, and not at {one.commit[:12]}, which was accepted",
                index=one.index,
                found=now,
                commit=one.commit,
            )

    def join(
        self, start: str, tip: str, one: Branch, before: Sequence[Joined], mode: Mode, into: str
    ) -> Joined:
        """Merge a branch into `tip`. `start`: the target's commit, into which those `before` were merged.

        No ref points to the result. Raises Stopped, GitFailed.
        """
        with self._main.scratch(tip, keep=True, empty=True) as scratch:
            self._take_attributes(scratch, start)
            base = _common(scratch, tip, one)
            if base == one.commit:
                return Joined(one, tip)
            if mode == "ff-only":
                if base != tip:
                    told = f"the branch {one.branch} of subtask {one.index} does not begin at {into}'s commit"
                    raise Stopped(REFUSED, f"{told} {tip[:12]}: it cannot be fast-forwarded", index=one.index)
                return Joined(one, one.commit)
            tree, paths = scratch.merged(tip, one.commit)
            if paths:
                raise self._conflict(scratch, start, one, before, paths, into)
            if mode == "squash" and tree == _tree_of(scratch, tip):
                return Joined(one, tip)
            parents = ["-p", tip, *(["-p", one.commit] if mode == "merge" else [])]
            named = Scratch({**scratch.environment, **self._who})
            made = named.run("commit-tree", tree, *parents, "-F", "-", text=_message(one, mode))
        return Joined(one, made.decode().strip())

    def _take_attributes(self, scratch: Scratch, start: str) -> None:
        """Use the attributes of the target: a line that is merged by union, a file that is never merged."""
        with suppress(GitFailed):  # it has none
            info = Path(scratch.environment["GIT_DIR"]) / "info" / "attributes"
            info.write_bytes(scratch.run("cat-file", "blob", f"{start}:.gitattributes"))

    def _conflict(
        self,
        scratch: Scratch,
        start: str,
        one: Branch,
        before: Sequence[Joined],
        paths: Sequence[str],
        into: str,
    ) -> Stopped:
        """Which files are in conflict, and which subtask brought the other side of each."""
        base = _common(scratch, start, one)
        touched = [(other.branch, _changed(scratch, start, other.branch)) for other in reversed(before)]
        files: list[dict[str, Any]] = []
        for path in paths[:MOST_FILES]:
            other = next((branch for branch, names in touched if path in names), None)
            file: dict[str, Any] = {"path": printable(recordable_text(path))}
            if other is not None:
                file["index"] = other.index
            else:
                file["since"] = _last_on(scratch, base, start, path)
            files.append(file)
        others = sorted({file["index"] for file in files if "index" in file})
        sides = [f"subtask {index}" for index in others]
        sides += [into] if any("index" not in file for file in files) else []
        told = f"subtask {one.index} and {', '.join(sides)} changed the same lines: "
        names = ", ".join(file["path"] for file in files[:3])
        more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
        facts = {"index": one.index, "others": others, "files": files, "count": len(paths)}
        return Stopped(CONFLICT, f"{told}{names}{more}", **facts)

    def move(self, into: str, old: str, new: str, told: str) -> None:
        """Move the target forward if it is still at `old`. Raises GitFailed."""
        self._main.run("update-ref", "--no-deref", "-m", told, _HEADS + into, new, old)


def _common(scratch: Scratch, tip: str, one: Branch) -> str:
    try:
        return scratch.run("merge-base", tip, one.commit).decode().strip()
    except GitFailed as error:
        told = f"the branch {one.branch} of subtask {one.index} has no commit in common with the target"
        raise Stopped(REFUSED, f"{told} ({error})", index=one.index) from None


def _changed(scratch: Scratch, start: str, one: Branch) -> set[str]:
    """The paths that a branch changed since it left the target."""
    base = _common(scratch, start, one)
    said = scratch.run("diff", "--name-only", *PLAIN_DIFF, "--no-renames", "-z", base, one.commit)
    return {path.decode("utf-8", "surrogateescape") for path in said.split(b"\0") if path}


def _last_on(scratch: Scratch, base: str, start: str, path: str) -> str:
    """The commit of the target that last changed a path since `base`, with the subtask that it names; empty
    when none did.
    """
    shown = "--format=%h %s%x00%(trailers:key=Syncropel-Task,valueonly)"
    said = scratch.run("log", "-1", "--first-parent", "-m", "--no-show-signature", "--no-patch", shown,
                       f"{base}..{start}", "--", path)  # fmt: skip
    commit, _, work = said.decode("utf-8", "replace").strip().partition("\0")
    work = work.strip().partition("\n")[0]
    return printable(f"{commit} (of {work})" if work else commit)[:200]


def _tree_of(scratch: Scratch, commit: str) -> str:
    return scratch.run("rev-parse", f"{commit}^{{tree}}").decode().strip()


def _message(one: Branch, mode: Mode) -> bytes:
    title = printable(recordable_text(one.title)).strip() or one.branch
    subject = title if mode == "squash" else f"Merge {one.work or one.branch}: {title}"
    subject = subject if len(subject) <= _LONGEST_TITLE else f"{subject[: _LONGEST_TITLE - 1]}…"
    trailers = f"Syncropel-Task: {one.work}\nSyncropel-Attempt: {one.attempt}\n"
    return f"{subject}\n\n{trailers}".encode()
