"""`[workspace]` and `[workspace.repos]` in `config.toml`: repositories that goals may work on here.

A record names an entry (`repo=app`), never a path.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Final

from syncropel.errors import SetupError

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
MOST_PORTS: Final = 100
_AUTHOR: Final = re.compile(r"[^<>\n]+ <[^<>\s]+>")
_REPO_KEYS: Final = ("path", "base", "copy", "gate", "gate_files", "setup", "teardown", "ports")


@dataclass(frozen=True)
class Repo:
    """One entry of `[workspace.repos]`."""

    name: str
    path: Path
    base: str = "HEAD"
    """The branch, tag, or commit that a worktree starts from."""
    copy: tuple[str, ...] = ()
    """Files of the main worktree to copy into each worktree, such as `.env`; they never enter a commit or a
    diff.
    """
    gate: tuple[str, ...] = ()
    """A program and its arguments, run in the worktree after a goal succeeds: exit status 0 accepts the
    attempt, any other rejects it. Empty: nothing runs. It executes code from the goal's worktree.
    """
    gate_files: tuple[str, ...] | None = None
    """Files and folders of the repository that the gate runs, taken from the base commit and only with an
    operator's consent. Unset: those that the words of `gate` tell. Empty: none.
    """
    setup: tuple[str, ...] = ()
    """A program and its arguments, run in a worktree before its goal; any exit status but 0 fails the
    attempt. Empty: nothing runs.
    """
    teardown: tuple[str, ...] = ()
    """A program and its arguments, run in a worktree after a goal that ended, whatever came of it. Empty:
    nothing runs.
    """
    ports: int = 0
    """How many TCP ports each running attempt has for itself, from `SPL_PORT_BASE` on."""


@dataclass(frozen=True)
class WorkspaceSettings:
    """`[workspace]`"""

    commit: bool = True
    """Commit what a successful goal leaves uncommitted, on the branch of its worktree."""
    author: str = "Syncropel <syncropel@localhost>"
    """Author of those commits."""
    root: str = ""
    """Folder for worktrees; empty: beside their repository."""
    repos: Mapping[str, Repo] = field(default_factory=dict, metadata={"tables": True})
    """`[workspace.repos]`, by name."""


def read_repos(values: Any, path: Path) -> dict[str, Repo]:
    """The entries of `[workspace.repos]`. Raises SetupError naming the entry and the key."""
    if not isinstance(values, dict):
        raise SetupError(f"{path}: [workspace] repos must be a table", 'for example: app = "/srv/app"')
    return {
        name: _read(name, {"path": one} if isinstance(one, str) else one, path)
        for name, one in values.items()
    }


def check_author(author: str, path: Path) -> None:
    """Raises SetupError for an author that git would refuse."""
    if not _AUTHOR.fullmatch(author):
        raise SetupError(
            f"{path}: [workspace] author must be a name and an address, not {author!r}",
            'for example: author = "Syncropel <syncropel@localhost>"',
        )


def _read(name: str, entry: Any, path: Path) -> Repo:
    where = f"{path}: [workspace.repos] {name}"
    if not NAME.fullmatch(name):
        raise SetupError(f"{where}: invalid name", "use letters, digits, '.', '_' and '-'")
    if not isinstance(entry, dict) or not isinstance(entry.get("path"), str) or not entry["path"]:
        raise SetupError(f"{where} must be the path of a repository", f'for example: {name} = "/srv/{name}"')
    if unknown := sorted(entry.keys() - set(_REPO_KEYS)):
        raise SetupError(f"{where}: unknown key {unknown[0]!r}", f"known: {', '.join(_REPO_KEYS)}")
    folder = Path(entry["path"]).expanduser()
    if not folder.is_absolute():
        raise SetupError(f"{where}: {entry['path']!r} is not an absolute path", "begin it with / or ~/")
    base = entry.get("base", "HEAD")
    if not isinstance(base, str) or not base or base.startswith("-"):
        raise SetupError(f"{where}: base must be a branch, tag or commit", "leave it out for HEAD")
    gate_files = entry.get("gate_files")
    return Repo(
        name,
        folder,
        base,
        _inside(where, "copy", entry.get("copy", []), ".env"),
        _command(where, "gate", entry.get("gate", []), '["make", "test"]'),
        None if gate_files is None else _inside(where, "gate_files", gate_files, "check.sh"),
        _command(where, "setup", entry.get("setup", []), '["npm", "ci"]'),
        _command(where, "teardown", entry.get("teardown", []), '["docker", "compose", "down"]'),
        _ports(where, entry.get("ports", 0)),
    )


def _command(where: str, key: str, listed: Any, example: str) -> tuple[str, ...]:
    if not isinstance(listed, list) or not all(isinstance(one, str) and "\0" not in one for one in listed):
        raise SetupError(
            f"{where}: {key} must be a list of a program and its arguments", f"for example {example}"
        )
    if listed and not listed[0]:
        raise SetupError(f"{where}: {key} names no program", f"for example {example}")
    return tuple(listed)


def _ports(where: str, count: Any) -> int:
    if type(count) is not int or not 0 <= count <= MOST_PORTS:
        raise SetupError(
            f"{where}: ports must be a whole number from 0 to {MOST_PORTS}, not {count!r}", "for example 10"
        )
    return count


def _inside(where: str, key: str, listed: Any, example: str) -> tuple[str, ...]:
    if not isinstance(listed, list) or not all(isinstance(one, str) and _is_inside(one) for one in listed):
        raise SetupError(
            f"{where}: {key} must be a list of paths inside the repository", f'for example ["{example}"]'
        )
    return tuple(listed)


def _is_inside(text: str) -> bool:
    path = PurePosixPath(text)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and "\n" not in text
