"""A control group (version 2) for each run, where one can be created: one write kills everything in it.

A run's group is a child of its daemon's group, so that the daemon finds it by the run's name.
"""

from __future__ import annotations

import os


class Cgroup:
    """The group of one run. It holds everything that the goal starts, unless a process may and does move
    away.
    """

    def __init__(self, path: str) -> None:
        self._path = path

    @classmethod
    def make(cls, run: str, proc: str = "/proc/self") -> Cgroup | None:
        """Create this run's group below that of this process; None where that is not possible."""
        made = cls._of(run, proc)
        if made is None:
            return None
        try:
            os.mkdir(made._path)
        except OSError:
            return None
        if os.access(f"{made._path}/cgroup.kill", os.W_OK):
            return made
        made.remove()
        return None

    @classmethod
    def find(cls, run: str, proc: str = "/proc/self") -> Cgroup | None:
        """Find the group that a supervisor of this process has created for this run; None when
        there is none."""
        found = cls._of(run, proc)
        return found if found is not None and os.path.isdir(found._path) else None

    @classmethod
    def _of(cls, run: str, proc: str) -> Cgroup | None:
        above = _own_cgroup(proc)
        return None if above is None else cls(f"{above}/spl-{run}")

    def take(self, pid: int) -> bool:
        """Move a process into it; processes it starts are in it too."""
        return self._write("cgroup.procs", str(pid))

    def kill(self) -> bool:
        """SIGKILL everything in it, and in the groups below it, at once."""
        return self._write("cgroup.kill", "1")

    def remove(self) -> None:
        """Remove it with the groups below it, once nothing runs there."""
        for folder, _, _ in os.walk(self._path, topdown=False):
            try:
                os.rmdir(folder)
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
