"""What a supervisor asks of the kernel: names, adoption, cgroups, the goal's process, a durable file."""

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
    """Become the parent of every descendant whose own parent ends. False where there is no such thing."""
    return _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def name_process(name: str) -> bool:
    """Set this process's name as `ps` and `/proc/PID/comm` show it."""
    return _prctl(_PR_SET_NAME, name.encode())


def die_with_parent() -> bool:
    """Have this process killed when its parent ends."""
    return _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def gain_nothing() -> bool:
    """Keep this process and all below it from gaining rights, as by `sudo`."""
    return _prctl(_PR_SET_NO_NEW_PRIVS, 1)


class Cgroup:
    """A control group (version 2) of the goal's own, where this process may make one."""

    def __init__(self, path: str) -> None:
        self._path = path

    @classmethod
    def make(cls, name: str, proc: str = "/proc/self") -> Cgroup | None:
        """Make one below this process's own; None where that is not possible."""
        above = _own_cgroup(proc)
        if above is None:
            return None
        made = cls(f"{above}/{name}")
        try:
            os.mkdir(made._path)
        except OSError:
            return None
        if os.access(f"{made._path}/cgroup.kill", os.W_OK):
            return made
        made.remove()
        return None

    def take(self, pid: int) -> bool:
        """Put a process into it; what that starts is in it too."""
        return self._write("cgroup.procs", str(pid))

    def kill(self) -> bool:
        """SIGKILL to all that are in it, at once."""
        return self._write("cgroup.kill", "1")

    def remove(self) -> None:
        """Remove it once it is empty."""
        try:
            os.rmdir(self._path)
        except OSError:
            pass

    def _write(self, name: str, text: str) -> bool:
        try:
            with open(f"{self._path}/{name}", "w", encoding="ascii") as file:
                file.write(text)
        except OSError:
            return False
        return True


def _own_cgroup(proc: str) -> str | None:
    try:
        with open(f"{proc}/cgroup", encoding="utf-8") as file:
            own = next((line[3:].strip() for line in file if line.startswith("0::")), None)
        with open(f"{proc}/mountinfo", encoding="utf-8") as file:
            for line in file:
                mount, _, kind = line.partition(" - ")
                if kind.startswith("cgroup2 ") and own is not None:
                    return f"{mount.split()[4]}/{own.lstrip('/')}".rstrip("/")
    except OSError:
        pass
    return None


def write_durably(path: str, text: str) -> None:
    """Write a file so that after any crash it is there whole, or not at all. Raises OSError."""
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
