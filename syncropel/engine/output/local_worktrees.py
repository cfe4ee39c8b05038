"""The worktrees of this instance's own attempts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final

from syncropel.adapters.files import folder_name
from syncropel.adapters.pruning import Found, look, remove
from syncropel.adapters.workspace import Worktree, read_record
from syncropel.engine.ingest.door import Ingest
from syncropel.engine.views.lists import Lists
from syncropel.folds.fanout.child import ChildIntend
from syncropel.settings.workspace import Repo, WorkspaceSettings
from syncropel.system.interruptible import in_thread
from syncropel.wire import WorktreeOut

NOT_ENDED: Final = "its attempt has not ended"
LOOK_SECS: Final = 5.0
"""How long one worktree is examined: a goal may have put a pipe where git reads."""
Attempt = tuple[str, int]
"""(child thread, attempt)"""
_Act = Callable[[Worktree, Repo | None], Found | None]


class LocalWorktrees:
    """Lists and removes worktrees on this instance. `work`: its folder of work."""

    def __init__(
        self, ingest: Ingest, did: str, alias: str, work: Path, settings: WorkspaceSettings, lists: Lists
    ) -> None:
        self._ingest = ingest
        self._did = did
        self._alias = alias
        self._work = work
        self._settings = settings
        self._lists = lists
        self._turn = asyncio.Lock()

    async def present(self) -> list[WorktreeOut]:
        """Every existing worktree, the newest attempts last."""
        return await self._each(look, [intend for intend in self._intends() if intend.body.get("repo")])

    async def remove(self, attempts: Collection[Attempt]) -> list[WorktreeOut]:
        """Remove those of these attempts whose removal loses nothing; return each as it was, with `kept`
        where it still exists.
        """
        wanted = [one for one in self._intends() if (one.thread, one.attempt) in attempts]
        ended = [one for one in wanted if not self._running(one)]
        return await self._each(remove, ended)

    def _intends(self) -> list[ChildIntend]:
        children = self._ingest.live.children
        there = [
            child
            for thread in self._lists.with_worktree()
            if (self._work / folder_name(thread)).exists() and (child := children.get(thread)) is not None
        ]
        return sorted(
            (one for child in there for one in child.intends.values()), key=lambda one: one.sequence
        )

    def _running(self, intend: ChildIntend) -> str:
        """Why an attempt is not over; empty when it is."""
        child = self._ingest.live.children[intend.thread]
        if intend.record not in child.results:
            return NOT_ENDED
        return f"attempt {child.open.attempt} of it has not ended" if child.open is not None else ""

    async def _each(self, act: _Act, intends: Collection[ChildIntend]) -> list[WorktreeOut]:
        rows = []
        async with self._turn:  # one that is being removed is moved aside for a moment
            for intend in intends:
                made = await asyncio.to_thread(self._made, intend)
                if made is None:
                    continue
                try:
                    found = await self._found(act, made)
                except OSError as error:
                    found = Found(f"only a part of it could be removed: {error.strerror}")
                if found is not None:
                    rows.append(self._row(intend, made, found))
        return rows

    async def _found(self, act: _Act, made: Worktree) -> Found | None:
        repo = self._settings.repos.get(made.repo)
        try:
            seen = await asyncio.wait_for(in_thread(look, made, repo), LOOK_SECS)
        except TimeoutError:
            return Found(f"git has not looked at it within {LOOK_SECS:g}s")
        if act is look or seen is None or seen.kept:
            return seen
        return await in_thread(act, made, repo)

    def _made(self, intend: ChildIntend) -> Worktree | None:
        folder = self._work / folder_name(intend.thread)
        return read_record(folder / f"attempt-{intend.attempt}.worktree.json")

    def _row(self, intend: ChildIntend, made: Worktree, found: Found) -> WorktreeOut:
        result = self._ingest.live.children[intend.thread].results.get(intend.record)
        return WorktreeOut(
            task=str(intend.body.get("parent_thread", "")),
            index=int(intend.body["index"]),
            attempt=intend.attempt,
            child_thread=intend.thread,
            instance=self._did,
            alias=self._alias,
            repo=made.repo,
            path=made.path,
            branch=found.branch,
            size=found.size,
            commits_ahead=found.commits_ahead,
            uncommitted=found.uncommitted,
            merged=found.merged,
            state=result.body["verdict"] if result is not None else "in_progress",
            kept=self._running(intend) or found.kept,
        )
