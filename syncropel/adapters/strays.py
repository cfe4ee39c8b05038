"""Processes of goals whose supervisor was killed: the daemon becomes their parent, and ends them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from typing import Final
from weakref import WeakKeyDictionary

from syncropel.supervisor import tree
from syncropel.supervisor.system import adopt_orphans

LIMIT_SECS: Final = 5.0
"""How long SIGKILL is repeated before survivors are reported."""
_QUIET_LOOKS: Final = 2
_REST_SECS: Final = 0.02


class Family:
    """The supervisors of this process, distinguished from what a goal left behind when its own was killed."""

    def __init__(self) -> None:
        self.adopts = False
        """Whether processes that lose their supervisor become children of this process."""
        self._known: set[int] = set()
        self._doors: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()

    def adopt(self) -> None:
        """Become the parent of processes that lose their supervisor, where the system supports it."""
        self.adopts = adopt_orphans()

    @property
    def door(self) -> asyncio.Lock:
        """Held while a supervisor is started: otherwise a search for strays could take it for one."""
        return self._doors.setdefault(asyncio.get_running_loop(), asyncio.Lock())

    def add(self, pid: int) -> None:
        """This process is a supervisor: the processes below it are its own."""
        self._known.add(pid)

    def drop(self, pid: int) -> None:
        self._known.discard(pid)

    def strays(self, table: tree.Table, own: int) -> list[tree.Process]:
        """Children of this process that it did not start, including zombies, and everything below them.

        What it starts for itself is in its own session. A goal never is: it leads a session of its own, and
        no process can join another session.
        """
        if own not in table:
            return []
        tops = [
            process
            for process in table.values()
            if process.parent == own
            and process.session != table[own].session
            and process.pid not in self._known
        ]
        return tops + [one for top in tops for one in tree.descendants(table, top.pid)]

    async def end_strays(self) -> list[int]:
        """End every stray; return the pids that do not end."""
        async with self.door:
            return await asyncio.to_thread(self._end_all)

    def _end_all(self) -> list[int]:
        own, until, quiet = os.getpid(), time.monotonic() + LIMIT_SECS, 0

        def living() -> list[tree.Process]:
            return [one for one in self.strays(tree.look(), own) if not one.zombie]

        while True:
            for one in self.strays(tree.look(), own):
                if one.zombie:  # zombies among our own children; others' zombies are not strays
                    with contextlib.suppress(ChildProcessError):
                        os.waitpid(one.pid, os.WNOHANG)
            quiet = quiet + 1 if not tree.strike(living) else 0
            if quiet >= _QUIET_LOOKS or time.monotonic() > until:
                return [one.pid for one in living()]
            time.sleep(_REST_SECS)


FAMILY: Final = Family()
"""One per process, since there is one process table."""


def end_marked(mark: str, group: int = 0) -> None:
    """SIGKILL a goal without a working supervisor: what bears its mark, its group, and everything below."""
    tree.strike(lambda: _marked(tree.look(), mark, group))


def bearers(mark: str) -> set[int]:
    """The pids of everything that runs with this mark in its environment; empty where that cannot be read."""
    return {one.pid for one in tree.look().values() if not one.zombie and tree.is_marked(one.pid, mark)}


def _marked(table: tree.Table, mark: str, group: int) -> list[tree.Process]:
    tops = [
        one
        for one in table.values()
        if (group > 1 and group in (one.group, one.session)) or tree.is_marked(one.pid, mark)
    ]
    found = {one.pid: one for one in tops if not one.zombie}
    found |= {one.pid: one for top in tops for one in tree.descendants(table, top.pid)}
    found.pop(os.getpid(), None)
    return list(found.values())
