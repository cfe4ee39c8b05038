"""A sandbox of the host, bubblewrap: programs in it see the system read-only, and only their own files.

They run in user, mount, PID, IPC, UTS, and cgroup namespaces of their own. The network is the host's, unless
the config cuts it. Nothing here falls back to running a program without it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from syncropel.adapters.sandbox_view import hidden, link_to, places_of, system
from syncropel.errors import SetupError, SyncropelError
from syncropel.settings.adapters import AdapterTable
from syncropel.system import interruptible

PROGRAM: Final = "bwrap"
CHECK_SECS: Final = 10.0
"""How long a trial of the sandbox may take; it takes some milliseconds."""
TEMPORARY: Final = "/tmp"
_NAMESPACES: Final = (
    "--die-with-parent",  # its parent is the supervisor of the run, which outlives the daemon
    "--unshare-user",
    "--unshare-pid",
    "--unshare-ipc",
    "--unshare-uts",
    "--unshare-cgroup-try",
    "--cap-drop",
    "ALL",
)
_OTHERWISE: Final = 'or set isolation = "none": goals are not contained then'

Enclose = Callable[[list[str], Mapping[str, str]], tuple[list[str], dict[str, str]]]
"""Puts a command with its environment into a sandbox. Raises NoSandbox, OSError."""


class NoSandbox(SyncropelError):
    """A program that is to run in a sandbox cannot."""

    code = "NO_SANDBOX"


class SandboxUnknown(NoSandbox):
    """Whether a sandbox works could not be found out."""


@dataclass(frozen=True)
class Inside:
    """What the programs of one attempt see besides the system. Paths are the same inside and outside.

    `words`: more arguments of bubblewrap, after all others.
    """

    read_only: Sequence[Path] = ()
    read_write: Sequence[Path] = ()
    words: Sequence[str] = ()


@dataclass(frozen=True)
class Sandbox:
    """How the programs of one adapter are contained. `home`: the daemon's, which they never see.

    `read_only`, `read_write`: paths that the config shows them. `own_home`: the HOME that the config gives
    them; None: each subtask has one of its own.
    """

    home: Path
    read_only: tuple[Path, ...] = ()
    read_write: tuple[Path, ...] = ()
    network: bool = True
    own_home: Path | None = None

    @classmethod
    def of(cls, table: AdapterTable, home: Path) -> Sandbox:
        """The sandbox of an adapter. Raises SetupError for a path that would open it."""
        made = cls(
            home.resolve(),
            tuple(_path(table, "read_only_paths", text, home) for text in table.read_only_paths),
            tuple(_path(table, "read_write_paths", text, home) for text in table.read_write_paths),
            table.network,
            _path(table, "set: HOME", table.set["HOME"], home) if table.set.get("HOME") else None,
        )
        if table.folder is not None:
            _path(table, "cwd", table.cwd, home)
        return made

    def problem(self) -> str:
        """Why no program can run in it, found by running one; empty when one can. Blocks."""
        try:
            self.check()
        except NoSandbox as error:
            return error.message
        return ""

    def check(self) -> None:
        """Run a program in it that looks for the daemon's home. Blocks. Raises NoSandbox, SandboxUnknown."""
        trial = ["/bin/sh", "-c", 'test ! -e "$1" && ! touch /seen 2>/dev/null', "sh", str(self.home)]
        try:
            status, _, errors = interruptible.run(
                self.command(trial, Path("/"), Inside()), {}, None, subprocess.PIPE, CHECK_SECS
            )
        except subprocess.TimeoutExpired:
            told = f"it is unknown whether a sandbox works here: {PROGRAM} has not ended in {CHECK_SECS:g}s"
            raise SandboxUnknown(f"{told}; try again, {_OTHERWISE}") from None
        except (OSError, ValueError, interruptible.Interrupted) as error:
            told = f"it is unknown whether a sandbox works here: {PROGRAM} was not run: {error}"
            raise SandboxUnknown(f"{told}; try again, {_OTHERWISE}") from None
        if status:
            said = errors.decode("utf-8", "replace").strip().removeprefix(f"{PROGRAM}: ")
            why = said.splitlines()[0][:300] if said else f"the trial ended with exit status {status}"
            raise NoSandbox(
                f"no sandbox can be made here: {PROGRAM}: {why}; allow user namespaces to the daemon's user "
                f"(docs/howto/isolation.md), {_OTHERWISE}"
            )

    def command(self, command: list[str], cwd: Path, inside: Inside) -> list[str]:
        """The command that runs this one in the sandbox, in the folder `cwd`. Raises NoSandbox, OSError."""
        program = shutil.which(PROGRAM)
        if program is None:
            raise NoSandbox(missing())
        shown = [*places_of(command[0]), *self.read_only, *inside.read_only]
        writable = [*self.read_write, *([self.own_home] if self.own_home else []), *inside.read_write]
        for path in (*shown, *writable):
            if not path.exists():
                raise NoSandbox(f"the sandbox is to show {path}, which is not there")
        words = [program, *_NAMESPACES, *([] if self.network else ["--unshare-net"]), *system()]
        words += [word for path in shown for word in ("--ro-bind", str(path), str(path))]
        words += link_to(command[0])
        words += hidden(self.home, shown)
        words += [word for path in writable for word in ("--bind", str(path), str(path))]
        return [*words, *inside.words, "--remount-ro", "/", "--chdir", str(cwd), "--", *command]

    def environment(self, home: Path) -> dict[str, str]:
        """Variables for a program whose own HOME is this one."""
        return {"HOME": str(self.own_home or home), "TMPDIR": TEMPORARY}


def missing() -> str:
    """Why no sandbox can be made, as far as can be known without a trial; empty when no reason is known."""
    if shutil.which(PROGRAM) is not None:
        return ""
    told = f'isolation = "sandbox" needs bubblewrap, and {PROGRAM!r} is not on PATH'
    return f"{told}; install the package bubblewrap, {_OTHERWISE}"


def _path(table: AdapterTable, key: str, text: str, home: Path) -> Path:
    """A path of the config. Raises SetupError for one that shows goals the daemon's home."""
    path = Path(text).expanduser()
    if not path.is_absolute():
        raise SetupError(
            f"[adapters.{table.name}] {key}: {text!r} is not an absolute path", "begin it with /"
        )
    real, own = Path(os.path.realpath(path)), home.resolve()
    if real.is_relative_to(own) or (key != "read_only_paths" and own.is_relative_to(real)):
        raise SetupError(
            f"[adapters.{table.name}] {key}: {text!r} would open the home of this instance to goals",
            f"name a folder that neither contains {home} nor is in it",
        )
    return path
