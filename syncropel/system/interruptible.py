"""Programs run from a thread, ended when the task that waits for the thread is cancelled.

A thread cannot be cancelled, and a stopping daemon waits for its threads: a program blocked on a pipe would
hold it up. So the programs are ended, and no more are started.
"""

from __future__ import annotations

import asyncio
import contextvars
import subprocess
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from functools import partial
from threading import Lock
from typing import IO, Final, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

MOST_AT_ONCE: Final = 8
# Threads of their own: blocked programs must not occupy those that start goals and read their output.
_THREADS: Final = ThreadPoolExecutor(MOST_AT_ONCE, "interruptible")


class Interrupted(Exception):
    """Nobody waits for the program any more."""


class _Programs:
    """Those of one thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._running: subprocess.Popen[bytes] | None = None
        self.ended = False

    def add(self, process: subprocess.Popen[bytes]) -> None:
        with self._lock:
            self._running = process
            if self.ended:
                process.terminate()

    def end(self) -> None:
        """End what is running, in a way that lets it remove its locks."""
        with self._lock:
            self.ended = True
            if self._running is not None:
                self._running.terminate()


_PROGRAMS: ContextVar[_Programs | None] = ContextVar("programs", default=None)


async def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Like `asyncio.to_thread`, with at most MOST_AT_ONCE at a time; on cancellation, programs that `run` has
    started there are ended.
    """
    programs = _Programs()
    before = _PROGRAMS.set(programs)
    try:
        call = partial(contextvars.copy_context().run, work, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(_THREADS, call)
    except asyncio.CancelledError:
        programs.end()
        raise
    finally:
        _PROGRAMS.reset(before)


def run(
    command: Sequence[str],
    environment: Mapping[str, str],
    text: bytes | None,
    sink: int | IO[bytes],
    patience_secs: float,
) -> tuple[int, bytes, bytes]:
    """Run a program to its end; return the exit status, and its stdout (with `sink` PIPE) and stderr.

    Raises subprocess.TimeoutExpired when it exceeds its time, Interrupted, OSError, and ValueError.
    """
    programs = _PROGRAMS.get()
    if programs is not None and programs.ended:
        raise Interrupted
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE if text is not None else subprocess.DEVNULL,
        stdout=sink,
        stderr=subprocess.PIPE,
        env=environment,
    ) as process:
        if programs is not None:
            programs.add(process)
        try:
            out, errors = process.communicate(text, timeout=patience_secs)
        except BaseException:
            process.kill()
            raise
    if programs is not None and programs.ended:
        raise Interrupted
    return process.returncode, out or b"", errors
