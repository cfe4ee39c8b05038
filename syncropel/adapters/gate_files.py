"""Files of the repository that a command of its config runs, such as a gate's script.

An agent could change them on its branch, and so decide about its own work. Therefore they are taken from the
base commit, and they run only once an operator has allowed exactly these, by their digest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from syncropel.adapters.command_words import chosen, plain, scripts
from syncropel.system.clean_git import GitFailed, Repository, Scratch

_AS_THEY_ARE: Final = "* -text -ident !eol !filter !working-tree-encoding\n"
_FILES: Final = ("100644", "100755")


@dataclass(frozen=True)
class CommandFiles:
    """Files that a command names, as they are in a commit. `digest`: of paths, modes, and contents; empty
    when it names none.
    """

    commit: str
    paths: tuple[str, ...] = ()
    digest: str = ""

    def put(self, worktree: Repository) -> None:
        """Write them into a worktree, in place of whatever is there; a link is replaced and not followed.
        Blocks. Raises GitFailed.
        """
        if self.paths:
            with worktree.scratch(self.commit) as scratch:
                # The attributes in the worktree may be the agent's, and would rewrite what was allowed.
                plain = Path(scratch.environment["GIT_DIR"]) / "info" / "attributes"
                plain.write_text(_AS_THEY_ARE, encoding="ascii")
                scratch.run("checkout-index", "-f", "-q", "--", *self.paths)


def command_files(
    repository: Repository, words: Sequence[str], commit: str, named: Sequence[str] | None = None
) -> CommandFiles:
    """The files of this commit that a command runs. `named`: those that the config says, instead of those
    that the words of the command tell; a folder stands for all that is in it. Blocks.

    Raises GitFailed, also when one of them is a link in the commit, or one that is named is not there.
    """
    groups = [] if named is not None else scripts(words)
    asked = sorted({path for group in groups for word in group if (path := plain(word))})
    asked = list(named) if named is not None else asked
    if not asked:
        return CommandFiles(commit)
    with repository.scratch(commit, empty=True) as scratch:
        there = _files(scratch, commit, asked)
        if named is None:
            paths = sorted({path for group in groups for path in chosen(group, frozenset(there))})
        else:
            paths = sorted(there)
            if lacking := [one for one in named if not _has(there, one)]:
                raise GitFailed(f"{lacking[0]} is not in {commit[:12]}")
        found = {path: [there[path][0], _hashed(scratch, path, *there[path])] for path in paths}
    if not found:
        return CommandFiles(commit)
    told = json.dumps(found, sort_keys=True, separators=(",", ":"))
    return CommandFiles(commit, tuple(found), hashlib.sha256(told.encode()).hexdigest())


def _files(scratch: Scratch, commit: str, paths: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Mode and blob of each file at or below these paths."""
    found: dict[str, tuple[str, str]] = {}
    for row in scratch.run("ls-tree", "-r", "-z", commit, "--", *paths).split(b"\0"):
        about, _, path = row.partition(b"\t")
        if row:
            mode, kind, blob = about.decode("ascii").split()
            if kind == "blob":
                found[path.decode("utf-8", "surrogateescape")] = mode, blob
    return found


def _has(there: Iterable[str], path: str) -> bool:
    plain_path = path.rstrip("/")
    return any(one == plain_path or one.startswith(f"{plain_path}/") for one in there)


def _hashed(scratch: Scratch, path: str, mode: str, blob: str) -> str:
    if mode not in _FILES:
        raise GitFailed(f"{path} is a link; name the file itself in the command")
    return hashlib.sha256(scratch.run("cat-file", "blob", blob)).hexdigest()


def not_allowed(what: str, repo: str, files: CommandFiles) -> str:
    """That no operator has allowed the files of a repository's gate or the like, and how to do so."""
    told = f"its {what} runs files of the repository that nobody has allowed: {', '.join(files.paths)}"
    return f"{told}; look at them in {files.commit[:12]}, then: spl worktree allow {repo} {files.digest}"
