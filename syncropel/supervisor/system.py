"""What a supervisor asks of the kernel: names, adoption, privileges, a durable file."""

from __future__ import annotations

import ctypes
import os

from syncropel.supervisor.light import signal
from syncropel.supervisor.tree import LINUX

SUPERVISOR_NAME = "spl-supervisor"

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38


def _prctl(option: int, argument: int | bytes) -> bool:
    if not LINUX:
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    value = ctypes.c_char_p(argument) if isinstance(argument, bytes) else ctypes.c_ulong(argument)
    zero = ctypes.c_ulong(0)
    return bool(libc.prctl(option, value, zero, zero, zero) == 0)


def adopt_orphans() -> bool:
    """Become the parent of every descendant whose own parent ends. False where that is not supported."""
    return _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def name_process(name: str) -> bool:
    """Set this process's name as `ps` and `/proc/PID/comm` show it."""
    return _prctl(_PR_SET_NAME, name.encode())


def die_with_parent() -> bool:
    """Have this process killed when its parent ends."""
    return _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def gain_nothing() -> bool:
    """Keep this process and all below it from gaining privileges, as by `sudo`."""
    return _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def write_durably(path: str, text: str) -> None:
    """Write a file so that after any crash it is complete, or absent. Raises OSError."""
    beside = f"{path}.new"
    with open(beside, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)
    folder = os.open(os.path.dirname(path), os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
