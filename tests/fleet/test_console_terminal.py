"""The real console in a pseudo-terminal, on a real fleet: keys in, screen out."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator

import pexpect
import psutil
import pyte
import pytest

from .conftest import Machine

LIMIT_SECS = 30.0


class Terminal:
    """A terminal with a program in it: what a person would see, and the keys they would press."""

    def __init__(self, machine: Machine, *words: str, columns: int, rows: int) -> None:
        environ = {key: value for key, value in machine.environ.items() if not key.startswith("TEXTUAL")}
        environ |= {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
        environ.pop("NO_COLOR", None)
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self._child = pexpect.spawn(
            sys.executable,
            ["-m", "syncropel.cli.main", *words],
            env=environ,
            cwd=str(machine.path),
            dimensions=(rows, columns),
            timeout=LIMIT_SECS,
        )

    @property
    def text(self) -> str:
        return "\n".join(self.screen.display)

    @property
    def alive(self) -> bool:
        return bool(self._child.isalive())

    def read(self) -> None:
        """Take what the program wrote since."""
        try:
            self._stream.feed(self._child.read_nonblocking(65536, timeout=0.1))
        except (pexpect.TIMEOUT, pexpect.EOF):
            return

    def sees(self, *wanted: str) -> None:
        """Look until all of these stand on the screen."""
        deadline = time.monotonic() + LIMIT_SECS
        while not all(word in self.text for word in wanted):
            missing = [word for word in wanted if word not in self.text]
            assert time.monotonic() < deadline, f"{missing} not seen in:\n{self.text}"
            self.read()

    def press(self, keys: str) -> None:
        self._child.send(keys)

    def ended(self) -> int:
        """The exit status, once the program is gone."""
        self._child.expect(pexpect.EOF)
        self._child.close()
        return int(self._child.exitstatus or 0)

    def hang_up(self) -> psutil.Process:
        """Take the terminal away, as a lost ssh connection does; gives the program's process."""
        process = psutil.Process(self._child.pid)
        self._child.ptyproc.fileobj.close()
        self._child.ptyproc.closed = self._child.closed = True
        return process

    def close(self) -> None:
        if not self._child.closed:
            self._child.close(force=True)


@pytest.fixture
def console(machine: Machine) -> Iterator[Terminal]:
    machine.start()
    terminal = Terminal(machine, "console", columns=120, rows=40)
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
    small = Terminal(machine, "console", "--screen", "tasks", columns=80, rows=24)
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
