"""Ancestors of a process: whether it belongs to a goal, read from the system's process table.

Every daemon and every supervisor sets a process name of its own: what runs below a supervisor is a goal.
"""

from __future__ import annotations

import contextlib
import errno
import os
from dataclasses import dataclass
from typing import Final, Protocol

from syncropel.supervisor.system import SUPERVISOR_NAME

DAEMON: Final = "spl-daemon"
SUPERVISOR: Final = SUPERVISOR_NAME
THREAD_VARIABLE: Final = "SPL_CHILD_THREAD"
"""Names the attempt that a process works on; every goal is started with it."""
SHORTAGES: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
"""Errors that mean that the system, or this process, is out of resources."""
_NAMES: Final = (DAEMON, SUPERVISOR)
_MODULES: Final = ("syncropel.daemon", "syncropel/supervisor/")
_TRIES: Final = 5
_DEEPEST: Final = 1_000
_LONGEST_ENVIRON: Final = 8 * 1024 * 1024
"""In bytes; Linux accepts at most 6 MiB of arguments and environment."""


class Unreadable(Exception):
    """Raised when the system does not show a process, or does not show it for long enough; says why."""


@dataclass(frozen=True, slots=True)
class Process:
    """One process. `parent`: 0 when there is none in this PID namespace. `started`: only for comparison."""

    pid: int
    parent: int
    name: str
    started: float


class Table(Protocol):
    """The system's process table."""

    def look(self, pid: int) -> Process | None:
        """None when there is no such process. Raises Unreadable when it is hidden, OSError when resources are
        short.
        """
        ...

    def environ(self, pid: int) -> bytes | None:
        """The environment it was started with, variables separated by NUL; None when that is unreadable.

        May block for ever: a process can interfere with reads of its memory.
        """
        ...


class ProcFiles:
    """The table as Linux shows it."""

    def look(self, pid: int) -> Process | None:
        try:
            text = _read(f"/proc/{pid}/stat", 4096)
        except (FileNotFoundError, ProcessLookupError):
            self._must_be_gone(pid)
            return None
        except OSError as error:
            _raise_shortage(error)
            raise Unreadable(f"the system does not show PID {pid}: {error.strerror}") from None
        # A program may call itself `) R 1 (`.
        name, _, rest = text.partition(b"(")[2].rpartition(b")")
        words = rest.split()
        return Process(pid, int(words[1]), name.decode("utf-8", "replace"), float(words[19]))

    def _must_be_gone(self, pid: int) -> None:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        except OSError:
            pass
        raise Unreadable(f"PID {pid} is hidden (is /proc mounted with hidepid?)")

    def environ(self, pid: int) -> bytes | None:
        try:
            return _read(f"/proc/{pid}/environ", _LONGEST_ENVIRON)
        except (FileNotFoundError, ProcessLookupError):
            return b""
        except OSError as error:
            _raise_shortage(error)
            return None


def _raise_shortage(error: OSError) -> None:
    # Having no descriptor left to look with says nothing about the process.
    if error.errno in SHORTAGES:
        raise error


def _read(path: str, size: int) -> bytes:
    """At most this many bytes of a system file, without the cost of a file object."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        parts = []
        while size > 0 and (part := os.read(descriptor, size)):
            parts.append(part)
            size -= len(part)
        return b"".join(parts)
    finally:
        os.close(descriptor)


class PsutilTable:
    """The table where there is no /proc, as on macOS: names there are those of programs, so arguments are
    used.
    """

    def look(self, pid: int) -> Process | None:
        import psutil

        try:
            process = psutil.Process(pid)
            parent, started = process.ppid(), process.create_time()
            words = self._words(process)
        except psutil.NoSuchProcess:
            return None
        except (psutil.Error, OSError) as error:
            raise Unreadable(f"the system does not show PID {pid}: {error}") from None
        ours = next((name for name, module in zip(_NAMES, _MODULES, strict=True) if module in words), "")
        return Process(pid, parent, ours, started)

    def _words(self, process: object) -> str:
        import psutil

        assert isinstance(process, psutil.Process)
        with contextlib.suppress(psutil.AccessDenied):
            return " ".join(process.cmdline()[:6])
        return ""  # another user's, such as login or sshd

    def environ(self, pid: int) -> bytes | None:
        import psutil

        try:
            variables = psutil.Process(pid).environ()
        except psutil.NoSuchProcess:
            return b""
        except (psutil.Error, OSError):
            return None
        return b"\0".join(os.fsencode(f"{name}={value}") for name, value in variables.items())


def table() -> Table:
    """The table for this system."""
    return ProcFiles() if os.path.exists("/proc/self/stat") else PsutilTable()


def lineage(pid: int, table: Table) -> list[Process]:
    """The process and its ancestors, the eldest last.

    Raises Unreadable when one of them is hidden, when the process is gone, or when they keep changing;
    OSError when resources are short.
    """
    for _ in range(_TRIES):
        if (chain := _walk(pid, table)) is not None:
            return chain
    raise Unreadable(f"PID {pid} is gone, or its ancestors kept changing")


def _walk(pid: int, table: Table) -> list[Process] | None:
    first = table.look(pid)
    if first is None:
        return None
    chain = [first]
    while (below := chain[-1]).parent != 0:
        above = table.look(below.parent)
        # A "parent" younger than its child is an unrelated process that was given the number of a dead
        # parent.
        if above is None or above.started > below.started or len(chain) > _DEEPEST:
            return None
        chain.append(above)
    # The number may have been reused meanwhile, or its parent may have ended.
    return chain if table.look(pid) == first else None


def keeper(chain: list[Process]) -> Process | None:
    """The nearest daemon or supervisor above the first process of the chain; None when it runs below neither.

    A process that is itself a supervisor counts; one that is a daemon does not, since that makes it nobody's
    goal.
    """
    for one in chain:
        if one.name == SUPERVISOR or (one.name == DAEMON and one is not chain[0]):
            return one
    return None


def thread_of(environ: bytes) -> str | None:
    """The thread of the attempt that an environment names; None when it names none."""
    for variable in environ.split(b"\0"):
        name, _, value = variable.partition(b"=")
        if name == THREAD_VARIABLE.encode():
            text = value.decode("utf-8", "replace")[:200]
            return "".join(char if char.isprintable() else "?" for char in text)
    return None


def attempt_of(chain: list[Process], kept_by: Process | None, table: Table) -> str | None:
    """The thread of the attempt that a chain belongs to, by its environments; None when none names one.

    The supervisor's word comes first, since a goal can claim anything about itself.
    """
    end = len(chain) if kept_by is None else chain.index(kept_by) + 1
    for one in reversed(chain[:end]):
        environ = table.environ(one.pid)
        if environ is not None and (thread := thread_of(environ)) is not None:
            return thread
    return None
