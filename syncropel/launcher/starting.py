"""Waits for a daemon to answer: as long as it makes progress with its log."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import psutil

from syncropel.errors import SetupError
from syncropel.launcher.process import Started, answering_pid, ask_start, is_gone
from syncropel.settings.home import Home
from syncropel.system.how_far import how_far

if TYPE_CHECKING:
    from syncropel.wire import Start

SILENCE_LIMIT_SECS: Final = 60.0
"""How long a start may bring nothing new: no answer, and no further record."""
ANSWER_LIMIT_SECS: Final = 10.0
"""The same for a daemon that was running already, and may be starting or stopping."""
_POLL_SECS: Final = 0.05
_READING_POLL_SECS: Final = 0.25
_LOOK_SECS: Final = 2.0

Told = Callable[[str], None]
"""Hears how far it is, in words; of nothing to be told, the empty text."""


def _nobody(_: str) -> None:
    pass


@dataclass
class Progress:
    """What was seen of one start. `silent_secs`: how long nothing new may come; times are monotonic."""

    silent_secs: float
    clock: Callable[[], float] = lambda: time.monotonic()
    words: str = ""
    """`reading the log: 312,000 of 1,000,000 records, 31,000/s, 22 s left`; empty before it reads."""
    _first: tuple[float, int] | None = None
    _read: int = -1
    _news_at: float = field(init=False)

    def __post_init__(self) -> None:
        self._news_at = self.clock()

    def saw(self, start: Start) -> bool:
        """Take in where it is; return whether that is further than before."""
        now, further = self.clock(), start.records_read > self._read
        if further:
            self._read, self._news_at = start.records_read, now
        if self._first is None and start.records_read:  # what was read before this start came at once
            self._first = (now, start.records_read)
        since, first = self._first or (now, 0)
        self.words = "reading the log: " + how_far(start.records_read, start.records, first, now - since)
        return further

    @property
    def is_silent(self) -> bool:
        """Whether nothing new has come for too long."""
        return self.clock() - self._news_at > self.silent_secs


class StartUps:
    """Daemons that were started together: whether one of them still reads on."""

    def __init__(self, started: Sequence[Started]) -> None:
        self._waiting = {one.home.path: (one, Progress(SILENCE_LIMIT_SECS)) for one in started}
        self._looked_at = time.monotonic()
        self.words = ""
        """How far the slowest is, in words; empty when none reads."""

    def go_on(self) -> bool:
        """Whether one has read on since the last look; they are asked once in a while."""
        now = time.monotonic()
        if now - self._looked_at < _LOOK_SECS:
            return False
        self._looked_at, self.words, moved = now, "", False
        for started, progress in list(self._waiting.values()):
            start = ask_start(started.home)
            if start is None or start.pid != started.pid:
                continue
            if start.state != "reading":
                del self._waiting[started.home.path]
                continue
            moved = progress.saw(start) or moved
            self.words = f"{started.home.display()}: {progress.words}"
        return moved


def wait_ready(started: Started, told: Told = _nobody, progress: Progress | None = None) -> None:
    """Wait until the process answers on its home's socket, as long as it reads on.

    Raises SetupError with its own words when it ends first, or when it makes no progress.
    """
    progress = progress or Progress(SILENCE_LIMIT_SECS)
    while not _answers(started.home, started.pid, progress, told):
        if (death := started.died()) is not None:
            told("")
            raise death
        if progress.is_silent:
            told("")
            how_far = f" ({progress.words})" if progress.words else ""
            raise SetupError(
                f"PID {started.pid} has made no progress for {progress.silent_secs:g}s{how_far}",
                f"see: {started.home.log}; or: spl stop",
            )
    told("")


def wait_answer(home: Home, pid: int, told: Told = _nobody, progress: Progress | None = None) -> bool:
    """Wait until a running daemon answers; return False when it ended instead.

    Raises SetupError when it makes no progress.
    """
    progress = progress or Progress(ANSWER_LIMIT_SECS)
    while True:
        if is_stopped(pid):  # before it is asked, which takes until the question is given up
            told("")
            raise SetupError(
                f"PID {pid} is a daemon of {home.display()}, and it is stopped (SIGSTOP)",
                f"let it go on: kill -CONT {pid}",
            )
        if _answers(home, pid, progress, told):
            told("")
            return True
        if is_gone(pid):
            told("")
            return False
        if progress.is_silent:
            told("")
            raise SetupError(
                f"PID {pid} runs but does not answer on {home.socket}", f"see: {home.log}; or: spl stop"
            )


def is_stopped(pid: int) -> bool:
    """Whether somebody stopped this process, so that it does nothing until it is continued."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_STOPPED
    except psutil.Error:
        return False


def _answers(home: Home, pid: int, progress: Progress, told: Told) -> bool:
    """Whether it serves; otherwise waits a moment."""
    start = ask_start(home)
    if start is None and answering_pid(home) == pid:
        return True  # an older daemon, which cannot be asked how far it is
    if start is None or start.pid != pid:
        time.sleep(_POLL_SECS)
        return False
    if start.state != "reading":
        return True
    progress.saw(start)
    told(progress.words)
    time.sleep(_READING_POLL_SECS)
    return False
