"""The real console in a pseudo-terminal, on a real fleet: keys in, screen out."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator

import psutil
import pytest

from tests.pseudo_terminal import LIMIT_SECS, Terminal, colourful

from .conftest import Machine


def console_in(machine: Machine, *words: str, columns: int, rows: int) -> Terminal:
    command = [sys.executable, "-m", "syncropel.cli.main", "console", *words]
    return Terminal(command, colourful(machine.environ), columns=columns, rows=rows)


@pytest.fixture
def console(machine: Machine) -> Iterator[Terminal]:
    machine.beat_every(1)
    machine.start()
    terminal = console_in(machine, columns=120, rows=40)
    yield terminal
    terminal.close()


def test_a_fan_out_is_seen_live(machine: Machine, console: Terminal) -> None:
    console.sees("LIVE", "coordinator", "worker-a", "worker-b")
    machine.spl("task", "add", "Seen in a terminal", "--alias", "SEEN-1")
    machine.spl(
        "task", "fan-out", "SEEN-1",
        "--subtask", "goal=first,target=worker-a",
        "--subtask", "goal=second,target=worker-b,depends=0",
    )  # fmt: skip
    console.press("2")
    console.sees("SEEN-1", "Seen in a terminal")
    console.sees("approved")
    console.press("q")
    assert console.ended() == 0
    small = console_in(machine, "--screen", "tasks", columns=80, rows=24)
    try:
        small.sees("SEEN-1", "approved", "LIVE")
        small.press("q")
        assert small.ended() == 0
    finally:
        small.close()


def test_it_stays_when_the_daemon_goes_away_and_recovers(machine: Machine, console: Terminal) -> None:
    console.sees("LIVE", "worker-a")
    coordinator = psutil.Process(machine.pids()[".syncro"])
    coordinator.send_signal(signal.SIGSTOP)
    try:
        console.sees("STALE", "worker-a")
    finally:
        coordinator.send_signal(signal.SIGCONT)
    console.sees("LIVE")
    coordinator.kill()
    console.sees("DOWN", "worker-a")
    assert console.alive
    machine.start()
    console.sees("LIVE", "worker-a")
    console.press("q")
    assert console.ended() == 0


def test_it_ends_with_its_terminal(machine: Machine, console: Terminal) -> None:
    console.sees("LIVE")
    console.hang_up().wait(LIMIT_SECS)
