"""A real program in a pseudo-terminal: what a person would see, and the keys they would press."""

from __future__ import annotations

import os
import signal
import termios
import time
from collections.abc import Mapping, Sequence
from typing import Any

import pexpect
import psutil
import pyte

LIMIT_SECS = 90.0


def colourful(environ: Mapping[str, str]) -> dict[str, str]:
    """An environment of a terminal that can do everything, whatever ours can."""
    kept = {key: value for key, value in environ.items() if not key.startswith("TEXTUAL")}
    for name in ("NO_COLOR", "COLUMNS", "LINES"):
        kept.pop(name, None)
    return kept | {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}


class Terminal:
    """A terminal of so many columns and rows with a program in it."""

    def __init__(self, words: Sequence[str], environ: Mapping[str, str], *, columns: int, rows: int) -> None:
        self.screen = pyte.Screen(columns, rows)
        self.raw = b""
        self._stream = pyte.ByteStream(self.screen)
        self._child: Any = pexpect.spawn(
            words[0], list(words[1:]), env=dict(environ), dimensions=(rows, columns), timeout=LIMIT_SECS
        )
        self.before = self._attributes()
        """The terminal's modes as the program found them."""

    @property
    def text(self) -> str:
        return "\n".join(self.screen.display)

    @property
    def alive(self) -> bool:
        return bool(self._child.isalive())

    @property
    def process(self) -> psutil.Process:
        return psutil.Process(self._child.pid)

    @property
    def in_front(self) -> psutil.Process:
        """The first process of the group that gets the keys; the program's own, unless that is a shell."""
        return psutil.Process(os.tcgetpgrp(self._child.child_fd))

    @property
    def is_restored(self) -> bool:
        """Whether its modes are as before: it echoes, and waits for whole lines."""
        return self._attributes() == self.before

    def _attributes(self) -> list[Any]:
        return termios.tcgetattr(self._child.child_fd)

    def read(self) -> None:
        """Take what the program wrote since."""
        try:
            data = self._child.read_nonblocking(65536, timeout=0.1)
        except (pexpect.TIMEOUT, pexpect.EOF):
            return
        self.raw += data
        self._stream.feed(data)

    def sees(self, *wanted: str) -> None:
        """Look until all of these stand on the screen."""
        deadline = time.monotonic() + LIMIT_SECS
        while not all(word in self.text for word in wanted):
            missing = [word for word in wanted if word not in self.text]
            assert time.monotonic() < deadline, f"{missing} not seen in:\n{self.text}"
            self.read()

    def loses(self, *unwanted: str) -> None:
        """Look until none of these stands on the screen any more."""
        deadline = time.monotonic() + LIMIT_SECS
        while left := [word for word in unwanted if word in self.text]:
            assert time.monotonic() < deadline, f"{left} still seen in:\n{self.text}"
            self.read()

    def writes(self, wanted: bytes) -> None:
        """Look until the program wrote this since the last `forget`."""
        deadline = time.monotonic() + LIMIT_SECS
        while wanted not in self.raw:
            assert time.monotonic() < deadline, f"{wanted!r} not written"
            self.read()

    def forget(self) -> None:
        """Count what is written from here on."""
        self.raw = b""

    def press(self, keys: str) -> None:
        self._child.send(keys)

    def resize(self, columns: int, rows: int) -> None:
        """Pull at the window's corner: the terminal cuts first, and the program hears of it."""
        self.screen.resize(rows, columns)
        self._child.setwinsize(rows, columns)

    def signal(self, number: signal.Signals) -> None:
        os.kill(self._child.pid, number)

    def ended(self) -> int:
        """The exit status, once the program is gone; that of a signal is negative."""
        deadline = time.monotonic() + LIMIT_SECS
        while self._child.isalive():
            assert time.monotonic() < deadline, f"it goes on:\n{self.text}"
            self.read()
        self.read()
        status = self._child.exitstatus
        return int(status) if status is not None else -int(self._child.signalstatus or 0)

    def hang_up(self) -> psutil.Process:
        """Take the terminal away, as a lost ssh connection does; gives the program's process."""
        process = self.process
        self._child.ptyproc.fileobj.close()
        self._child.ptyproc.closed = self._child.closed = True
        return process

    def close(self) -> None:
        if not self._child.closed:
            self._child.close(force=True)
