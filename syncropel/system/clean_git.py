"""Runs git for a daemon in a folder that an agent has written to.

A repository's configuration names programs: hooks, filters, fsmonitor, external diffs, textconv, pagers. An
agent that works in a worktree can change all of it, so none of it may run as the daemon. Commands that read
files therefore use a git folder of their own, with an empty configuration, over the real objects; the few
that need the real one only move refs, with hooks off.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from syncropel.system import interruptible
from syncropel.system.git_settings import ENVIRONMENT, SAFE, options

PATIENCE_SECS: Final = 120.0
NAMES_PATIENCE_SECS: Final = 30.0
"""For commands that read no files: only a pipe in place of a configuration can block those."""
LEFT_BEHIND_SECS: Final = 3600.0
"""After this long, a command's folder is considered abandoned: none takes a tenth of it."""
_PREFIX: Final = "spl-git-"
PLAIN_DIFF: Final = ("--no-ext-diff", "--no-textconv", "--no-color", "--submodule=short")
_SETTINGS: Final = {**SAFE, "safe.directory": "*"}  # agents may run under another user id
_ENVIRONMENT: Final = {**ENVIRONMENT, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
_MOST_EXCLUDES: Final = 1024 * 1024


class GitFailed(Exception):
    """git is missing, takes too long, or refuses; the text says which."""


def _run(
    words: Sequence[str],
    environment: dict[str, str],
    text: bytes | None = None,
    *,
    where: Sequence[str] = (),
    out: Path | None = None,
    patience_secs: float | None = None,
) -> bytes:
    """Return the command's output, or write it to the file `out`. `where`: options that say where it runs."""
    status, told, errors = _ended(words, environment, text, where=where, out=out, patience_secs=patience_secs)
    if status:
        raise _failed(words, status, errors)
    return told


def _failed(words: Sequence[str], status: int, errors: bytes) -> GitFailed:
    said = errors.decode("utf-8", "replace").strip().splitlines()
    return GitFailed(f"git {words[0]}: {said[-1][:300] if said else f'exit status {status}'}")


def _ended(
    words: Sequence[str],
    environment: dict[str, str],
    text: bytes | None = None,
    *,
    where: Sequence[str] = (),
    out: Path | None = None,
    patience_secs: float | None = None,
) -> tuple[int, bytes, bytes]:
    """As `_run`, whatever the exit status: that, the output, and what it wrote to stderr."""
    patience = PATIENCE_SECS if patience_secs is None else patience_secs
    program = shutil.which("git")
    if program is None:
        raise GitFailed("git is not installed on this instance")
    command = [program, *options(_SETTINGS), *where, *words]
    inherited = {key: os.environ[key] for key in ("PATH", "TMPDIR") if key in os.environ}
    given = {**inherited, **_ENVIRONMENT, **environment}
    try:
        with out.open("wb") if out is not None else contextlib.nullcontext(subprocess.PIPE) as sink:
            return interruptible.run(command, given, text, sink, patience)
    except subprocess.TimeoutExpired:
        raise GitFailed(f"git {words[0]} has not ended within {patience:g}s") from None
    except interruptible.Interrupted:
        raise GitFailed(f"git {words[0]} was ended: nobody waits for it") from None
    except (OSError, ValueError) as error:
        raise GitFailed(f"git does not start: {error}") from None


def _line(answer: bytes) -> str:
    return answer.decode("utf-8", "surrogateescape").rstrip("\n")


@dataclass(frozen=True)
class Scratch:
    """Commands over the files of a worktree, with an empty configuration and their own index."""

    environment: dict[str, str]

    def run(self, *words: str, text: bytes | None = None, out: Path | None = None) -> bytes:
        """`out`: a file for the output. Raises GitFailed."""
        return _run(words, self.environment, text, out=out)

    def tree(self, held: Sequence[str] = (), base: str = "") -> str:
        """The files as they are now, except ignored ones, as a tree; `held`: paths kept as in the commit
        `base`, even where a .gitignore un-ignores them.
        """
        self.run("add", "-A", "--", ".")
        if held:
            self.run("rm", "-r", "-f", "-q", "--cached", "--ignore-unmatch", "--", *held)
            as_before = self.run("ls-tree", "-r", "-z", base, "--", *held)
            self.run("update-index", "-z", "--index-info", text=as_before)
        return _line(self.run("write-tree"))

    def merged(self, ours: str, theirs: str) -> tuple[str, list[str]]:
        """The tree that a merge of two commits gives, and the paths that are in conflict; no file is read or
        written. Raises GitFailed, also for a git older than 2.38.
        """
        words = ("merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", ours, theirs)
        status, told, errors = _ended(words, self.environment)
        if status not in (0, 1):
            raise _failed(words, status, errors)
        tree, *paths = os.fsdecode(told).rstrip("\0").split("\0")
        if bool(status) != bool(paths):
            raise GitFailed("git merge-tree gives an answer that cannot be read; git 2.38 or newer is needed")
        return tree, paths

    def new_objects(self, base: str, tip: str) -> list[str]:
        """The ids of everything added by the commits since `base`: commits, trees, and files."""
        return _line(self.run("rev-list", "--objects", "--no-object-names", f"{base}..{tip}")).split()

    def find(self, objects: Sequence[str], values: Mapping[str, bytes]) -> str | None:
        """The name of a value that occurs in one of these objects, in a name, a message, or a file."""
        found = Path(self.environment["GIT_DIR"]) / "found"
        self.run("cat-file", "--batch", text="".join(f"{one}\n" for one in objects).encode(), out=found)
        if not found.stat().st_size:
            return None
        with found.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as said:
            return next((name for name, value in values.items() if said.find(value) >= 0), None)


@dataclass(frozen=True)
class Repository:
    """A worktree: `top` is its folder, `git_dir` its own git folder, `common` the repository's."""

    top: Path
    git_dir: Path
    common: Path
    object_format: str = "sha1"

    @classmethod
    def find(cls, folder: Path) -> Repository:
        """The worktree that contains this folder. Raises GitFailed when there is none."""
        asked = ("--show-toplevel", "--absolute-git-dir", "--git-common-dir", "--show-object-format")
        answer = _line(_names(folder, "rev-parse", *asked)).split("\n")
        if len(answer) != len(asked):
            raise GitFailed(f"{folder} is not a worktree with plain paths")
        top, own, common, form = answer
        return cls(Path(top), Path(own), (Path(folder) / common).resolve(), form)

    def run(self, *words: str) -> str:
        """Run a command that only reads or moves refs. Raises GitFailed."""
        return _line(_names(self.top, *words))

    def commit(self, name: str = "HEAD") -> str:
        """The id of the named commit. Raises GitFailed."""
        return self.run("rev-parse", "--verify", "--end-of-options", f"{name}^{{commit}}")

    def branch(self) -> str | None:
        """The branch that is checked out; None when detached."""
        try:
            return self.run("symbolic-ref", "--short", "-q", "HEAD")
        except GitFailed:
            return None

    @contextlib.contextmanager
    def scratch(
        self,
        commit: str,
        *,
        keep: bool = False,
        index: Path | None = None,
        exclude: Sequence[str] = (),
        empty: bool = False,
    ) -> Iterator[Scratch]:
        """A clean git folder whose HEAD and index are at `commit`.

        `keep`: objects go to the repository instead of being discarded. `index`: use this one and leave it
        unchanged. `exclude`: paths below the top to treat as ignored. `empty`: an empty folder in place of
        the worktree, for commands that are about commits alone.
        """
        _sweep(Path(tempfile.gettempdir()))
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        try:
            self._fill(folder, commit, keep, exclude)
            if empty:
                (folder / "empty").mkdir()
            environment = {
                "GIT_DIR": str(folder),
                "GIT_WORK_TREE": str(folder / "empty" if empty else self.top),
                "GIT_INDEX_FILE": str(index or folder / "index"),
            }
            if keep:
                environment["GIT_OBJECT_DIRECTORY"] = str(self.common / "objects")
            scratch = Scratch(environment)
            if index is None:
                scratch.run("read-tree", commit)
            yield scratch
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _fill(self, folder: Path, commit: str, keep: bool, exclude: Sequence[str]) -> None:
        for name in ("objects/info", "refs", "info"):
            (folder / name).mkdir(parents=True)
        (folder / "HEAD").write_text(f"{commit}\n", encoding="ascii")
        (folder / "config").write_text(
            "[core]\n\trepositoryformatversion = 1\n\tbare = false\n"
            f"[extensions]\n\tobjectFormat = {self.object_format}\n",
            encoding="ascii",
        )
        if not keep:
            (folder / "objects/info/alternates").write_bytes(os.fsencode(self.common / "objects") + b"\n")
        ours = "".join(f"/{path}\n" for path in exclude)
        (folder / "info/exclude").write_bytes(_own_excludes(self.common) + b"\n" + ours.encode())


@cache
def _sweep(place: Path) -> None:
    """Remove the folders of processes that were killed while git ran; once per process is often enough."""
    for folder in place.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            found = folder.lstat()
            ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
            if ours and time.time() - found.st_mtime > LEFT_BEHIND_SECS:
                shutil.rmtree(folder, ignore_errors=True)


def diff_of_commits(common: Path, old: str, new: str, out: Path) -> None:
    """Write the patch from one commit to another of a repository, given its git folder. Raises GitFailed."""
    words = ["diff", *PLAIN_DIFF, "--end-of-options", old, new, "--"]
    _run(words, {}, where=["--git-dir", str(common)], out=out)


def has_commit(common: Path, commit: str) -> bool:
    """Whether a repository, given its git folder, has this commit. Raises GitFailed when git is missing."""
    words = ["cat-file", "-e", f"{commit}^{{commit}}"]
    status, _, _ = _ended(words, {}, where=["--git-dir", str(common)], patience_secs=NAMES_PATIENCE_SECS)
    return not status


def _names(folder: Path, *words: str) -> bytes:
    return _run(words, {}, where=["-C", str(folder)], patience_secs=NAMES_PATIENCE_SECS)


def held_elsewhere(common: Path, commits: Sequence[str]) -> bool:
    """Whether branches, other refs, their logs, or the main worktree contain all of these commits. Other
    worktrees do not count. Raises GitFailed.
    """
    others = ("--not", "--single-worktree", "--all", "--reflog")
    words = ("rev-list", "--max-count=1", "--ignore-missing", *commits, *others)
    return not _run(["--git-dir", str(common), *words], {})


def _own_excludes(common: Path) -> bytes:
    """What the repository ignores outside its tracked files."""
    try:
        descriptor = os.open(common / "info" / "exclude", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return b""
    with os.fdopen(descriptor, "rb") as file:
        plain = stat.S_ISREG(os.fstat(descriptor).st_mode)  # an agent may have put a pipe there
        return file.read(_MOST_EXCLUDES) if plain else b""
