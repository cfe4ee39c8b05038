"""The process tree below a process: read from the system, and killed until nothing of it is left."""

from __future__ import annotations

import os
import sys

from syncropel.supervisor.light import signal

LINUX = sys.platform.startswith("linux")

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing is a large module for a small process
    from collections.abc import Callable, Iterable

Table = dict[int, "Process"]

SHELLS = frozenset({"ash", "bash", "busybox", "dash", "fish", "ksh", "mksh", "sh", "zsh"})
_PS = "ps -A -o pid=,ppid=,pgid=,sess=,stat=,lstart="
_ROUNDS = 100
_TRIES = 5


class Process:
    """One row of the process table. `started`: when, in the system's own units; only for comparison."""

    __slots__ = ("group", "parent", "pid", "session", "started", "zombie")

    def __init__(self, pid: int, parent: int, group: int, session: int, started: str, zombie: bool) -> None:
        self.pid = pid
        self.parent = parent
        self.group = group
        self.session = session
        self.started = started
        self.zombie = zombie


def parse_stat(text: str) -> Process | None:
    """Parse a line of `/proc/PID/stat`; None when it is invalid. A program may call itself `) R 1 (`."""
    head, _, tail = text.rpartition(")")
    fields = tail.split()
    try:
        pid = int(head.partition(" ")[0])
        return Process(pid, int(fields[1]), int(fields[2]), int(fields[3]), fields[19], fields[0] in "ZX")
    except (ValueError, IndexError):
        return None


def parse_ps(text: str) -> Table:
    """Parse the output of `ps -A -o pid=,ppid=,pgid=,sess=,stat=,lstart=`, where there is no `/proc`."""
    table: Table = {}
    for line in text.splitlines():
        words = line.split(None, 5)
        if len(words) == 6 and all(word.isdigit() for word in words[:3]):
            pid, parent, group = map(int, words[:3])
            session = int(words[3]) if words[3].isdigit() else 0
            table[pid] = Process(pid, parent, group, session, words[5].strip(), words[4].startswith("Z"))
    return table


def look(proc: str = "/proc") -> Table:
    """Every process that the system shows now."""
    if not LINUX:
        with os.popen(_PS) as out:
            return parse_ps(out.read())
    table: Table = {}
    for name in os.listdir(proc):
        if name.isdigit() and (process := look_at(int(name), proc)) is not None:
            table[process.pid] = process
    return table


def look_at(pid: int, proc: str = "/proc") -> Process | None:
    """One process; None when it does not exist."""
    if not LINUX:
        return look().get(pid)
    try:
        with open(f"{proc}/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return parse_stat(file.read())
    except OSError:
        return None


def _is_hidden(pid: int) -> bool:
    """Whether the process exists and belongs to another user."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except OSError:
        pass
    return False


def lineage(
    pid: int,
    look_at: Callable[[int], Process | None] = look_at,
    is_hidden: Callable[[int], bool] = _is_hidden,
) -> list[Process]:
    """A process and its ancestors, the eldest last; empty when they cannot be determined.

    An ancestor that the system hides belongs to another user; the list ends before it.
    """
    for _ in range(_TRIES):
        chain: list[Process] = []
        above = pid
        while above > 0 and (process := look_at(above)) is not None:
            chain.append(process)
            above = process.parent
        if chain and (above <= 0 or is_hidden(above)):
            return chain
    return []


def descendants(table: Table, root: int) -> list[Process]:
    """Everything below a process that still runs; zombies do not count."""
    children: dict[int, list[Process]] = {}
    for process in table.values():
        children.setdefault(process.parent, []).append(process)
    found: list[Process] = []
    seen = {root}
    below = [root]
    while below:
        for process in children.get(below.pop(), ()):
            if process.pid not in seen:
                seen.add(process.pid)
                below.append(process.pid)
                if not process.zombie:
                    found.append(process)
    return found


def catches(status: str, number: int) -> bool:
    """Whether a process has its own handler for a signal, by its `/proc/PID/status`."""
    for line in status.splitlines():
        if line.startswith("SigCgt:"):
            try:
                return bool(int(line.split()[1], 16) >> (number - 1) & 1)
            except (ValueError, IndexError):
                return False
    return False


def status_of(pid: int, proc: str = "/proc") -> str:
    """The contents of `/proc/PID/status`; empty when there is no such process."""
    try:
        with open(f"{proc}/{pid}/status", encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def arguments(pid: int, proc: str = "/proc") -> list[str]:
    """The arguments that a process was started with; empty when it is gone."""
    try:
        with open(f"{proc}/{pid}/cmdline", "rb") as file:
            return file.read().decode("utf-8", "surrogateescape").rstrip("\0").split("\0")
    except OSError:
        return []


def is_marked(pid: int, mark: str, proc: str = "/proc") -> bool:
    """Whether a process was started with this in its environment, as `NAME=value`."""
    try:
        with open(f"{proc}/{pid}/environ", "rb") as file:
            return mark.encode() in file.read().split(b"\0")
    except OSError:
        return False


def is_shell(status: str) -> bool:
    """Whether a process is a shell, by its `/proc/PID/status`."""
    return name_in(status) in SHELLS


def name_in(status: str) -> str:
    """The name of a process, by its `/proc/PID/status`."""
    return status.partition("\n")[0].partition(":")[2].strip()


def runs(process: Process) -> bool:
    """Whether this exact process has not ended."""
    now = look_at(process.pid)
    return now is not None and not now.zombie and now.started == process.started


def send(process: Process, number: int) -> bool:
    """Signal exactly this process, never another one that was given its number since.

    False when it is gone, or belongs to somebody we may not signal.
    """
    if not LINUX:
        return _send_by_number(process.pid, number)
    try:
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return False
    except OSError:  # a kernel before 5.3, or one that runs a filter
        return _send_by_number(process.pid, number)
    try:
        if not runs(process):
            return False
        signal.pidfd_send_signal(handle, number)
    except (ProcessLookupError, PermissionError):
        return False
    finally:
        os.close(handle)
    return True


def _send_by_number(pid: int, number: int) -> bool:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def strike(below: Callable[[], Iterable[Process]], send_to: Callable[[Process, int], bool] = send) -> int:
    """SIGKILL everything that `below` finds; return how many that were.

    Each is stopped first, until a pass finds no new process: a stopped process starts no more, however fast
    it was.
    """
    held: dict[int, Process] = {}
    for _ in range(_ROUNDS):
        fresh = [process for process in below() if process.pid not in held]
        for process in fresh:
            held[process.pid] = process
            send_to(process, signal.SIGSTOP)
        if not fresh:
            break
    for process in held.values():
        send_to(process, signal.SIGKILL)
    return len(held)
