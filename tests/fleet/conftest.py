"""Real processes in a home that lasts for one test; every one of them is ended by its own id."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from syncropel.settings.home import Home
from tests.child_process import ChildProcess
from tests.commands import run_here
from tests.fork_server import ForkServer

LIMIT_SECS = 90.0


@dataclass(frozen=True)
class Machine:
    """A user's home folder, the port of its coordinator, and the `spl` command in it.

    `forks`: where its daemons come from; None: commands are processes, and start daemons as they do anywhere.
    `prefix`: the words before a command that run it elsewhere, such as in a network namespace.
    """

    path: Path
    port: int
    forks: ForkServer | None
    prefix: tuple[str, ...] = ()

    @property
    def environ(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("SPL_", "SYNCROPEL_"))}
        return {
            **kept,
            "HOME": str(self.path),
            "XDG_DATA_HOME": str(self.path / "share"),
            "PYTHONWARNINGS": "ignore::ResourceWarning",
        }

    def popen(
        self, *words: str, cwd: Path | None = None, environ: Mapping[str, str] | None = None
    ) -> ChildProcess:
        return ChildProcess(
            [*self.prefix, sys.executable, "-m", "syncropel.cli.main", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**self.environ, **(environ or {})},
            cwd=cwd or self.path,
        )

    def run(
        self, *words: str, cwd: Path | None = None, environ: Mapping[str, str] | None = None
    ) -> tuple[int, str, str]:
        """Exit code, stdout, stderr. It runs in this process."""
        if self.forks is None:
            return self.run_apart(*words, cwd=cwd, environ=environ)
        return run_here(words, {**self.environ, **(environ or {})}, cwd or self.path, self.forks)

    def run_apart(
        self, *words: str, cwd: Path | None = None, environ: Mapping[str, str] | None = None
    ) -> tuple[int, str, str]:
        """As `run`, in a process of its own."""
        with self.popen(*words, cwd=cwd, environ=environ) as process:
            out, err = process.communicate(timeout=90)
        return process.returncode, out, err

    def spl(self, *words: str, cwd: Path | None = None) -> str:
        """Its stdout; the command has to succeed."""
        code, out, err = self.run(*words, cwd=cwd)
        assert code == 0, f"spl {' '.join(words)} exited {code}: {err}"
        return out

    def json(self, *words: str) -> Any:
        """What a command says as JSON; it has to succeed."""
        return json.loads(self.spl(*words, "-o", "json"))

    def beat_every(self, secs: float) -> None:
        """Settle how often instances of the fleet to come beat; how long a silence may be follows from it."""
        (self.path / ".syncro").mkdir(mode=0o700)
        settings = f"[fleet]\nheartbeat_interval_secs = {secs}\n"
        (self.path / ".syncro" / "config.toml").write_text(settings)

    def start(self, *words: str, cwd: Path | None = None) -> str:
        """A fleet of two workers on free ports. A coordinator that was away is back where it was."""
        ports = ["--port", str(self.port), "--worker-port", "0"]
        return self.spl("fleet", "start", "--workers", "2", *ports, *words, cwd=cwd)

    def dids(self) -> dict[str, str]:
        return {one["alias"]: one["did"] for one in self.json("fleet", "list")["data"]}

    def pids(self) -> dict[str, int]:
        """Folder name → PID, for every PID file."""
        return {
            file.parent.parent.name: int(file.read_text()) for file in self.path.glob(".syncro*/run/spl.pid")
        }

    def joined(self, name: str) -> Any:
        """The join status once it is complete."""
        return until(lambda: (status := self.json("task", "join-status", name))["complete"] and status)


def until(look: Callable[[], Any], limit_secs: float = LIMIT_SECS) -> Any:
    """Look again until it is true; gives what was seen."""
    deadline = time.monotonic() + limit_secs
    while not (seen := look()):
        assert time.monotonic() < deadline, "it did not become true in time"
        time.sleep(0.05)
    return seen


@contextlib.contextmanager
def reserved_port() -> Iterator[int]:
    """A port that nobody is given who asks for any, and that a daemon who names it can have."""
    with socket.socket() as reserve:
        # Bound and not listening: the system lets another that says the same listen there.
        reserve.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserve.bind(("127.0.0.1", 0))
        yield reserve.getsockname()[1]


@pytest.fixture
def machine(tmp_path: Path, fork_server: ForkServer | None) -> Iterator[Machine]:
    """A machine with nothing on it; whatever runs there at the end is ended."""
    with reserved_port() as port:
        machine = Machine(tmp_path, port, fork_server)
        yield machine
        _clear(machine)


def _clear(machine: Machine) -> None:
    """End every daemon with all that it runs. At once: how they end when they are asked to has tests of its
    own, and nobody looks any more."""
    for daemon in _left_over(machine.path):
        with contextlib.suppress(psutil.NoSuchProcess):
            daemon.suspend()  # so that it starts nothing while we look
            for process in (*daemon.children(recursive=True), daemon):
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
    for folder in machine.path.glob(".syncro*"):
        home = Home(folder)
        if home.socket.parent != home.run:  # its socket is in a short folder elsewhere, which a stop removes
            shutil.rmtree(home.socket.parent, ignore_errors=True)


def _left_over(path: Path) -> list[psutil.Process]:
    """Daemons of homes under this folder, and supervisors without one, as their own command lines say."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            words = process.cmdline()
            ours = "syncropel.daemon" in words or any("/supervisor/__main__.py" in word for word in words)
            if ours and any(word.startswith(str(path)) for word in words):
                found.append(process)
    return found
