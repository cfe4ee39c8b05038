"""The files of one attempt: its input, its output, its spending."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from syncropel.adapters.base import Job
from syncropel.adapters.cost_file import open_plain, touch_plain
from syncropel.adapters.other_user import OtherUser

TAIL_BYTES: Final = 16 * 1024
_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")


@dataclass(frozen=True)
class Files:
    """`kept`: the folder of its outputs. `open`: the folder that its program can reach, which is a different
    one when it runs as another user.
    """

    kept: Path
    open: Path
    name: str
    user: OtherUser | None = None

    @classmethod
    def of(cls, job: Job, work: Path, user: OtherUser | None) -> Files:
        """The files of this job, below `work` whatever its thread is called."""
        folder = folder_name(job.child_thread)
        return cls(work / folder, (user.goals if user else work) / folder, f"attempt-{job.attempt}", user)

    @property
    def script(self) -> Path:
        return self.open / f"{self.name}.sh"

    @property
    def prompt(self) -> Path:
        """The program's stdin."""
        return self.kept / f"{self.name}.in"

    @property
    def costs(self) -> Path:
        """Where the program reports its spending."""
        return self.open / f"{self.name}.cost"

    @property
    def briefing(self) -> Path:
        """What the program is told about the subtasks that its own depends on."""
        return self.open / f"{self.name}.briefing.md"

    @property
    def servers(self) -> Path:
        """Where an agent is told of its MCP server."""
        return self.open / f"{self.name}.mcp.json"

    @property
    def cwd(self) -> Path:
        """Where the program runs unless configured otherwise."""
        return self.open / "cwd"

    @property
    def home(self) -> Path:
        """The HOME of its program in a sandbox."""
        return self.open / "home"

    @property
    def quarantine(self) -> Path:
        """What its program in a sandbox has committed, until it has ended."""
        return self.kept / f"{self.name}.git"

    @property
    def merged(self) -> Path:
        """stdout and stderr together."""
        return self.kept / f"{self.name}.log"

    @property
    def stdout(self) -> Path:
        return self.kept / f"{self.name}.out"

    @property
    def stderr(self) -> Path:
        return self.kept / f"{self.name}.err"

    @property
    def gate(self) -> Path:
        """The output of its repository's gate command."""
        return self.kept / f"{self.name}.gate"

    @property
    def gate_kept(self) -> Path:
        """What is put back into the worktree after the gate."""
        return self.kept / f"{self.name}.gate-files"

    def command(self, what: str) -> Path:
        """The output of its repository's `setup` or `teardown`."""
        return self.kept / f"{self.name}.{what}"

    def make(self, cwd: Path) -> None:
        """Create the folders and the cost file, without following links that the program's user has put
        there.

        Raises OSError, ValueError.
        """
        self.kept.mkdir(parents=True, exist_ok=True)
        self.open.mkdir(mode=0o777 if self.user is None else 0o700, parents=True, exist_ok=True)
        if self.user is not None:
            os.chown(self.open, os.geteuid(), -1, follow_symlinks=False)  # ours while we write
        touch_plain(self.costs)
        cwd.mkdir(parents=True, exist_ok=True)

    def brief(self, text: str) -> None:
        """Write the briefing, if there is one. Raises OSError."""
        if text:
            self.briefing.unlink(missing_ok=True)
            with self.briefing.open("xb") as file:
                file.write(text.encode("utf-8", "replace"))
            if self.user is not None:
                self.user.own(self.briefing)

    def hand_over(self, *more: Path) -> None:
        """Give the program's user what it is to own, including these files. Raises OSError."""
        if self.user is not None:
            own = [self.cwd] if self.cwd.is_dir() else []
            for path in (*more, self.costs, *own, self.open):
                self.user.own(path)


def write_private(path: Path, text: str) -> None:
    """Write a new file that only its owner may read. Raises OSError."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(text.encode())


def folder_name(thread: str) -> str:
    """The folder of a thread, whatever its name: nothing is written outside the work folder."""
    return thread if _PLAIN.fullmatch(thread) else hashlib.sha256(thread.encode()).hexdigest()


def end_of(path: Path) -> list[bytes]:
    """The last lines of a file, at most 16 KiB; empty when a goal has removed it."""
    try:
        with open_plain(path) as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL_BYTES))
            return file.read(TAIL_BYTES).split(b"\n")
    except OSError:
        return []
