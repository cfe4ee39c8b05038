"""Real processes in a temporary home, on free ports. Every one of them is ended by its id."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest


class Sandbox:
    """A user with an empty home. `spl` runs the command line as that user."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environ = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("SPL_", "SYNCROPEL_", "TEXTUAL", "NO_COLOR", "COLUMNS"))
        }
        self.environ |= {"HOME": str(folder), "XDG_DATA_HOME": str(folder / "share"), "USER": "tester"}

    def spl(self, *words: str, limit: float = 60.0) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "syncropel.cli.main", *words],
            env=self.environ,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=limit,
            check=False,
        )

    def ok(self, *words: str) -> str:
        """Run a command that has to succeed; gives what it printed."""
        done = self.spl(*words)
        assert done.returncode == 0, f"spl {' '.join(words)}: {done.stdout}{done.stderr}"
        return done.stdout

    def json(self, *words: str) -> Any:
        return json.loads(self.ok(*words, "-o", "json"))

    def start_fleet(self, *more: str) -> str:
        return self.ok("fleet", "start", "--workers", "2", "--port", "0", "--worker-port", "0", *more)

    def home(self, name: str = "") -> Path:
        return self.folder / (f".syncro-{name}" if name else ".syncro")

    def pid(self, name: str = "") -> int:
        return int((self.home(name) / "run" / "spl.pid").read_text())

    def kill(self, name: str = "") -> None:
        """SIGKILL the instance and wait until it is gone."""
        process = psutil.Process(self.pid(name))
        process.send_signal(signal.SIGKILL)
        process.wait(10)

    def end_everything(self) -> None:
        for path in self.folder.glob(".syncro*/run/spl.pid"):
            with suppress(OSError, ValueError, psutil.Error):
                process = psutil.Process(int(path.read_text()))
                if str(self.folder) in " ".join(process.cmdline()):
                    process.kill()
                    process.wait(10)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    # A short path of its own: a Unix socket's address holds about a hundred bytes.
    with tempfile.TemporaryDirectory(prefix="spl-", ignore_cleanup_errors=True) as folder:
        box = Sandbox(Path(folder))
        try:
            yield box
        finally:
            box.end_everything()
