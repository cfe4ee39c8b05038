"""Git for a goal in a sandbox: it commits as anywhere, and can change nothing of the repository itself.

Inside, the repository's git folder is read-only, except for objects, refs, and reflogs, in whose place are
folders of the attempt's own: its quarantine, as in a push. When the goal has ended, git in the sandbox packs
the new objects, git outside unpacks them, which checks their hashes, and the attempt's branch is moved.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from syncropel.adapters.cost_file import open_plain, touch_plain
from syncropel.adapters.sandbox import Inside, NoSandbox, Sandbox
from syncropel.adapters.sandbox_view import SYSTEM, hidden
from syncropel.adapters.workspace import Worktree
from syncropel.system import interruptible
from syncropel.system.clean_git import PATIENCE_SECS, GitFailed, Repository

_REAL_OBJECTS: Final = "/run/objects"
"""Where the repository's own objects are inside."""
_ID: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_FIXED: Final = ("commondir", "gitdir", "config.worktree")
"""Files of a worktree's own git folder that lead git elsewhere, or name programs."""
_DEEPEST: Final = 5
_LONGEST_FILE: Final = 1024 * 1024
_PACK_HEAD: Final = 12
_BUNDLE: Final = {"sha1": "# v2 git bundle\n", "sha256": "# v3 git bundle\n@object-format=sha256\n"}


@dataclass(frozen=True)
class Quarantine:
    """The new objects and refs of one attempt. `folder`: where they are, until `migrate`."""

    folder: Path
    worktree: Worktree

    def make(self) -> None:
        """Begin it with the repository's refs as they are now. Blocks. Raises GitFailed, OSError."""
        own = self.worktree.repository()
        shutil.rmtree(self.folder, ignore_errors=True)
        (self.folder / "objects" / "info").mkdir(parents=True)
        (self.folder / "logs").mkdir()
        shutil.copytree(own.common / "refs", self.folder / "refs", symlinks=True)
        stores = [Path(_REAL_OBJECTS), *_alternates(own.common / "objects")]
        text = "".join(f"{store}\n" for store in stores)
        (self.folder / "objects" / "info" / "alternates").write_bytes(os.fsencode(text))
        touch_plain(own.git_dir / "config.worktree")

    def inside(self) -> list[str]:
        """Arguments of bubblewrap that show the worktree and its repository, in which git makes commits.

        Raises GitFailed, NoSandbox.
        """
        own = self.worktree.repository()
        common = own.common
        words: list[str | Path] = ["--ro-bind", common / "objects", _REAL_OBJECTS]
        for name in ("objects", "refs", "logs"):
            if name != "logs" or (common / name).is_dir():
                words += ["--bind", self.folder / name, common / name]
        return [*repository_words(own), *map(str, words)]

    def migrate(self, sandbox: Sandbox) -> None:
        """Move what the goal has committed, staged, or had at HEAD into the repository, and its branch to
        where the goal moved it; then remove the quarantine. Blocks.

        Raises GitFailed, NoSandbox, OSError; then the quarantine stays.
        """
        own = self.worktree.repository()
        branch = f"refs/heads/{self.worktree.branch}"
        before = own.commit(branch)
        tips = [self._tip(sandbox, own, name) for name in (branch, "HEAD")]
        self._unpack(sandbox, own, [tip for tip in tips if tip], before)
        if tips[0] and tips[0] != before:
            own.commit(tips[0])
            own.run("update-ref", "--no-deref", "-m", "syncropel: goal", branch, tips[0], before)
        shutil.rmtree(self.folder)

    def _tip(self, sandbox: Sandbox, own: Repository, name: str) -> str:
        """The commit of a ref inside; empty when it has none."""
        status, told, _ = self._git(sandbox, own, ("rev-parse", "--verify", "-q", f"{name}^{{commit}}"))
        said = told.decode("ascii", "replace").strip()
        return said if status == 0 and _ID.fullmatch(said) else ""

    def _unpack(self, sandbox: Sandbox, own: Repository, tips: Sequence[str], before: str) -> None:
        """Unpack the objects that the repository lacks: those of the tips, the index, and the reflogs."""
        bundle = self.folder / "new.bundle"
        bundle.unlink(missing_ok=True)
        head = f"{_BUNDLE[own.object_format]}{before} {self.worktree.branch}\n\n".encode()
        words = ("pack-objects", "--revs", "--reflog", "--indexed-objects", "--local", "--stdout", "-q")
        revisions = "".join(f"{tip}\n" for tip in tips) + f"^{before}\n"
        with bundle.open("xb") as file:
            file.write(head)
            file.flush()
            status, _, errors = self._git(sandbox, own, words, revisions.encode(), file.fileno())
            size = os.fstat(file.fileno()).st_size - len(head)
        if status:
            said = errors.decode("utf-8", "replace").strip().splitlines()
            raise GitFailed(f"the goal's commits cannot be packed: {said[-1][:300] if said else status}")
        with bundle.open("rb") as file:
            file.seek(len(head))
            empty = size < _PACK_HEAD or file.read(_PACK_HEAD)[8:] == bytes(4)
        if not empty:
            with own.scratch(before, keep=True) as scratch:
                scratch.run("bundle", "unbundle", str(bundle))

    def _git(
        self, sandbox: Sandbox, own: Repository, words: Sequence[str], text: bytes = b"", sink: int = -1
    ) -> tuple[int, bytes, bytes]:
        """Run git in the sandbox, on what the goal made of its objects: it trusts files that it reads."""
        git = shutil.which("git")
        if git is None:
            raise GitFailed("git is not installed on this instance")
        command = sandbox.command(
            [git, f"--git-dir={own.git_dir}", *words], own.top, Inside(words=self.inside())
        )
        try:
            return interruptible.run(
                command, {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
                text, sink if sink >= 0 else subprocess.PIPE, PATIENCE_SECS,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise GitFailed(f"git {words[0]} has not ended within {PATIENCE_SECS:g}s") from None
        except interruptible.Interrupted:
            raise GitFailed(f"git {words[0]} was ended: nobody waits for it") from None
        except ValueError as error:
            raise NoSandbox(f"{error}") from None


def _alternates(objects: Path, depth: int = 0) -> list[Path]:
    """The folders of objects that a repository borrows from, and theirs."""
    try:
        with open_plain(objects / "info" / "alternates") as file:
            lines = os.fsdecode(file.read(_LONGEST_FILE)).splitlines()
    except OSError:
        return []
    found = [Path(os.path.normpath(objects / line)) for line in lines if line and not line.startswith("#")]
    found = [one for one in found if one.is_dir()]
    if depth < _DEEPEST:
        found += [deeper for one in found for deeper in _alternates(one, depth + 1)]
    return list(dict.fromkeys(found))


def repository_words(own: Repository) -> list[str]:
    """Arguments of bubblewrap that show a worktree, writable, and its repository, read-only. Raises
    NoSandbox.
    """
    common, top = own.common, own.top
    if str(top.parent) in SYSTEM:
        raise NoSandbox(f"worktrees are in {top.parent}, which goals see; set [workspace] root")
    words: list[str | Path] = [*hidden(top.parent), "--ro-bind", common, common]
    for store in _alternates(common / "objects"):
        words += ["--ro-bind", store, store]
    # Of other worktrees not even the names.
    words += ["--tmpfs", common / "worktrees", "--bind", own.git_dir, own.git_dir, "--bind", top, top]
    for path in (*(own.git_dir / name for name in _FIXED), top / ".git"):
        words += ["--ro-bind-try", path, path]
    return [str(word) for word in words]
