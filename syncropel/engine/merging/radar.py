"""Looks now and then at what running goals have touched in their worktrees: a collision is seen early.

It costs a bounded number of git calls each time, off the event loop. What cannot be seen in time is unknown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from syncropel.adapters.files import folder_name
from syncropel.adapters.merging.touched import touched
from syncropel.adapters.workspace import Worktree, read_record
from syncropel.folds.fanout.child import ChildIntend
from syncropel.peer.runtime import Runtime
from syncropel.system.clean_git import GitFailed
from syncropel.system.interruptible import in_thread

EVERY_SECS: Final = 10.0
MOST_TREES: Final = 8
"""Worktrees that are looked at in one go; others have their turn at the next."""
LOOK_SECS: Final = 5.0
MOST_TOLD: Final = 500
"""Files that one heartbeat tells of."""


class Radar:
    """`running`: the attempts that run here. `work`: this instance's folder of work."""

    def __init__(self, running: Callable[[], Sequence[ChildIntend]], work: Path, runtime: Runtime) -> None:
        self._running = running
        self._work = work
        self._runtime = runtime
        self._seen: dict[str, tuple[str, ...]] = {}
        """By the id of the child INTEND, in the order of looking: the one that was seen longest ago first."""

    async def run(self) -> None:
        """Look for ever."""
        while True:
            await self._runtime.sleep(EVERY_SECS)
            await self.look()

    async def look(self) -> None:
        """Look at the next few worktrees."""
        running = {one.record: one for one in self._running() if one.body.get("repo")}
        self._seen = {key: files for key, files in self._seen.items() if key in running}
        order = [*(key for key in running if key not in self._seen), *self._seen]
        for key in order[:MOST_TREES]:
            files = await self._look_at(running[key])
            self._seen.pop(key, None)
            self._seen[key] = files

    async def _look_at(self, intend: ChildIntend) -> tuple[str, ...]:
        """What an attempt has touched; nothing where that cannot be seen."""
        try:
            made = await asyncio.to_thread(self._made, intend)
            return () if made is None else await asyncio.wait_for(in_thread(touched, made), LOOK_SECS)
        except (GitFailed, OSError, TimeoutError):
            return ()

    def _made(self, intend: ChildIntend) -> Worktree | None:
        folder = self._work / folder_name(intend.thread)
        return read_record(folder / f"attempt-{intend.attempt}.worktree.json")

    def files(self, child_intend: str) -> tuple[str, ...]:
        """What this attempt had touched at the last look."""
        share = max(1, MOST_TOLD // max(1, len(self._seen)))
        return self._seen.get(child_intend, ())[:share]
