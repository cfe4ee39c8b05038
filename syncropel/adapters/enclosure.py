"""What contains the programs of one attempt: its goal, and the commands of its repository.

The goal's HOME is a folder of its subtask, kept for the next attempt at it. The commands, which judge what
the goal left, have an empty one.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from syncropel.adapters.contract import Place
from syncropel.adapters.files import Files
from syncropel.adapters.program_parts import Program
from syncropel.adapters.quarantine import Quarantine, repository_words
from syncropel.adapters.sandbox import TEMPORARY, Enclose, Inside, NoSandbox, Sandbox
from syncropel.adapters.workspace import Worktree, read_record, record_path
from syncropel.settings.adapters import SANDBOX, AdapterSettings, AdapterTable
from syncropel.settings.home import data_dir_from
from syncropel.system.clean_git import GitFailed, Repository

log = logging.getLogger("syncropel.engine.adapters.workspace")

NO_PROGRAMS: Final = frozenset({"echo", "noop", "http"})
"""Types of adapters that start no program."""
_EMPTY_HOME: Final = f"{TEMPORARY}/home"


@dataclass(frozen=True)
class Enclosure:
    """The sandbox of one attempt. `cwd`: where its goal runs; `worktree`: None where that is none."""

    sandbox: Sandbox
    files: Files
    cwd: Path
    quarantine: Quarantine | None = None

    @classmethod
    def of(cls, place: Place, files: Files, cwd: Path, worktree: Worktree | None) -> Enclosure | None:
        """The enclosure of an attempt; None where its adapter has no sandbox."""
        if place.sandbox is None:
            return None
        quarantine = Quarantine(files.quarantine, worktree) if worktree is not None else None
        return cls(place.sandbox, files, cwd, quarantine)

    def goal(self, program: Program, more: Inside) -> Program:
        """The attempt's program, contained. `more`: what its adapter shows it. Blocks.

        Raises NoSandbox, GitFailed, OSError.
        """
        files, words = self.files, list(more.words)
        if self.quarantine is not None:
            if self.quarantine.folder.is_dir():  # of a daemon that was killed
                self.quarantine.migrate(self.sandbox)
            self.quarantine.make()
            words = [*self.quarantine.inside(), *words]
        files.home.mkdir(mode=0o700, exist_ok=True)
        given = [one for one in (files.script, files.briefing, files.servers) if one.exists()]
        given += _task_file(program.environment.get("SPL_TASK_FILE", ""))
        inside = Inside(
            [*given, *more.read_only], [files.costs, files.home, self.cwd, *more.read_write], words
        )
        command = self.sandbox.command(program.command, program.cwd, inside)
        return replace(program, command=command, sandboxed=True)

    def command(self, words: list[str], environment: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
        """A command of its repository, contained, and its variables. Blocks. Raises NoSandbox, GitFailed,
        OSError.
        """
        assert self.quarantine is not None
        return enclose_in(self.sandbox, self.quarantine.worktree.repository())(words, environment)


def _task_file(path: str) -> list[Path]:
    """The file that says more about a task. A record names it: only one of the data folder's is shown."""
    place = data_dir_from(os.environ) / "tasks" / Path(path).name
    return [place] if path == str(place) and place.is_file() and not place.is_symlink() else []


def contained(adapters: AdapterSettings, table: AdapterTable, place: Place, home: Path) -> Place:
    """The place with the sandbox of this adapter, if it has one. Raises SetupError."""
    sandbox = adapters.isolation_of(table) == SANDBOX and table.kind not in NO_PROGRAMS
    return replace(place, sandbox=Sandbox.of(table, home) if sandbox else None)


def sandboxed(adapters: AdapterSettings) -> list[str]:
    """The names of the adapters whose programs run in a sandbox."""
    return sorted(
        name
        for name, table in adapters.enabled().items()
        if adapters.isolation_of(table) == SANDBOX and table.kind not in NO_PROGRAMS
    )


def enclose_in(sandbox: Sandbox, own: Repository) -> Enclose:
    """Contains commands in a worktree that no goal works in."""

    def enclose(words: list[str], environment: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
        inside = Inside(words=[*repository_words(own), "--dir", _EMPTY_HOME])
        made = sandbox.command(words, own.top, inside)
        return made, {**environment, "HOME": _EMPTY_HOME, "TMPDIR": TEMPORARY}

    return enclose


def migrate(place: Place, files: Files) -> None:
    """Move what a goal has committed in its sandbox into the repository, once it has ended. Blocks.

    Raises GitFailed; then it stays in quarantine.
    """
    worktree = read_record(record_path(files)) if files.quarantine.is_dir() else None
    if worktree is None:
        return
    # The config may have changed since the goal began.
    sandbox = place.sandbox or Sandbox(place.work.parent.resolve())
    try:
        Quarantine(files.quarantine, worktree).migrate(sandbox)
    except (GitFailed, NoSandbox, OSError) as error:
        raise GitFailed(f"the goal's commits stay in {files.quarantine}: {error}") from None


def migrate_left(place: Place, files: Files) -> None:
    """As `migrate`, for an attempt that may never be settled: what goes wrong is in the log. Blocks."""
    try:
        migrate(place, files)
    except GitFailed as error:
        log.warning("%s", error)
