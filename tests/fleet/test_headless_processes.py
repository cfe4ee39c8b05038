"""A worker has no Textual: everything but the console runs without it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from .conftest import Machine


@dataclass(frozen=True)
class Headless(Machine):
    """A machine where importing Textual, Rich or the console fails."""

    @property
    def environ(self) -> dict[str, str]:
        return {**super().environ, "PYTHONPATH": str(self.path / "blocked")}


@pytest.fixture
def headless(machine: Machine) -> Headless:
    for name in ("textual", "rich", "tui"):
        package = machine.path / "blocked" / name
        package.mkdir(parents=True)
        (package / "__init__.py").write_text(f"raise ModuleNotFoundError('blocked: {name}', name='{name}')\n")
    return Headless(machine.path, machine.port, forks=None)


def test_every_plain_command_runs_without_textual(headless: Headless) -> None:
    headless.spl("init")
    headless.start()
    headless.spl("status")
    headless.spl("task", "add", "Headless", "--alias", "H")
    headless.spl("task", "fan-out", "H", "--subtask", "goal=x,target=worker-a")
    headless.joined("H")
    for words in (
        ["task", "join-status", "H"],
        ["task", "show", "H"],
        ["task", "speedup", "H"],
        ["task", "list"],
        ["fleet", "list"],
        ["fleet", "status"],
        ["fleet", "show", "worker-a"],
        ["fleet", "ping", "worker-a"],
        ["serve"],
        ["fleet", "stop", "--workers"],
        ["stop"],
        ["version"],
    ):
        headless.spl(*words)


def test_the_console_says_what_it_lacks(headless: Headless, tmp_path: Path) -> None:
    program = (
        "from syncropel.cli.console import open_console\n"
        "from argparse import Namespace\n"
        "from syncropel.errors import SetupError\n"
        "try: open_console(Namespace(), 'fleet')\n"
        "except SetupError as error: print(error.message)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env=headless.environ,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout == "the console needs tui, which is not installed\n"
