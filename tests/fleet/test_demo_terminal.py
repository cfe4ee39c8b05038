"""`spl demo` in a terminal that closes: nothing of it stays behind."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.child_process import has_ended
from tests.pseudo_terminal import LIMIT_SECS, Terminal, colourful

from .conftest import Machine


def daemons(folder: Path) -> list[psutil.Process]:
    """The daemons whose homes are in this folder."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if "syncropel.daemon" in words and any(str(folder) in word for word in words):
            found.append(process)
    return found


@pytest.fixture
def folder() -> Iterator[Path]:
    """For temporary files; its name is short, as those of sockets have to be."""
    with tempfile.TemporaryDirectory(prefix="d") as name:
        yield Path(name)


def test_a_terminal_that_closes_takes_the_whole_demo_with_it(machine: Machine, folder: Path) -> None:
    words = [sys.executable, "-m", "syncropel.cli.main", "demo"]
    environ = colourful({**machine.environ, "TMPDIR": str(folder)})
    terminal = Terminal(words, environ, columns=120, rows=40)
    try:
        terminal.sees("LIVE", "DEMO-001")
        left = daemons(folder)
        assert len(left) == 3
        program = terminal.hang_up()
        deadline = time.monotonic() + LIMIT_SECS
        while not has_ended(program.pid):
            assert time.monotonic() < deadline, "the demo goes on without a terminal"
            time.sleep(0.1)
        assert daemons(folder) == []
        assert list(folder.iterdir()) == []
    finally:
        terminal.close()
        for process in daemons(folder):
            process.kill()
