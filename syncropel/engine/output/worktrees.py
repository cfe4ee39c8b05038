"""The worktrees of the whole fleet: each instance is asked for its own, and one that is down is named.

Only the coordinator knows whether a failed attempt may be tried again; only the instance with the worktree,
whether anything would be lost. Both must agree before one is removed.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any

from pydantic import ValidationError

from syncropel.engine.fleet.leases import Leases
from syncropel.engine.ingest.door import Ingest
from syncropel.engine.output.local_worktrees import LocalWorktrees
from syncropel.errors import DaemonUnreachable
from syncropel.folds.fanout.state import ACCEPT
from syncropel.folds.fleet.registry import Instance
from syncropel.peer.peers import Peers
from syncropel.wire import UnknownWorktrees, WorktreeList, WorktreeOut, WorktreesPruned


class Worktrees:
    """Lists and prunes worktrees wherever they are."""

    def __init__(
        self, local: LocalWorktrees, ingest: Ingest, peers: Peers, leases: Leases, did: str, *, alone: bool
    ) -> None:
        """`alone`: cover this instance only, as a worker does."""
        self.local = local
        self._ingest = ingest
        self._peers = peers
        self._leases = leases
        self._did = did
        self._alone = alone

    async def everywhere(self) -> WorktreeList:
        """All known worktrees, and who does not answer."""
        return self._together(await self._ask_all())

    async def here(self) -> WorktreeList:
        """Those of this instance."""
        return WorktreeList(instance=self._did, data=await self.local.present())

    async def prune(self, *, dry_run: bool) -> WorktreesPruned:
        """Remove every worktree that is no longer needed."""
        listed = await self.everywhere()
        free = [one for one in listed.data if not one.kept]
        kept = [one for one in listed.data if one.kept]
        if dry_run:
            return WorktreesPruned(dry_run=True, removed=free, kept=kept, unknown=listed.unknown)
        wanted: defaultdict[str, list[WorktreeOut]] = defaultdict(list)
        for row in free:
            wanted[row.instance].append(row)
        names = [[(one.child_thread, one.attempt) for one in rows] for rows in wanted.values()]
        asked = zip(wanted, names, strict=True)
        answers = await asyncio.gather(*(self._remove(did, attempts) for did, attempts in asked))
        done = self._together(answers)
        removed = [one for one in done.data if not one.kept]
        kept += [one for one in done.data if one.kept]
        return WorktreesPruned(
            dry_run=False, removed=removed, kept=kept, unknown=[*listed.unknown, *done.unknown]
        )

    async def _ask_all(self) -> list[WorktreeList | UnknownWorktrees]:
        others = [] if self._alone else list(self._ingest.live.registry.instances.values())
        asked = [self._ask(one) for one in others if one.did != self._did and self._counts(one)]
        return await asyncio.gather(self.here(), *asked)

    def _counts(self, instance: Instance) -> bool:
        return self._leases.status(instance) != "archived"

    async def _remove(self, did: str, attempts: list[tuple[str, int]]) -> WorktreeList | UnknownWorktrees:
        if did == self._did:
            return WorktreeList(instance=did, data=await self.local.remove(attempts))
        named = [{"child_thread": thread, "attempt": attempt} for thread, attempt in attempts]
        return await self._ask(self._ingest.live.registry.instances[did], named)

    async def _ask(
        self, instance: Instance, remove: list[dict[str, Any]] | None = None
    ) -> WorktreeList | UnknownWorktrees:
        def unknown(why: str) -> UnknownWorktrees:
            return UnknownWorktrees(instance=instance.did, alias=instance.alias, why=why)

        if not self._ingest.open or not instance.endpoint:
            return unknown("its address is unknown")
        try:
            status, answer = await self._peers.worktrees(instance.endpoint, instance.did, remove)
        except DaemonUnreachable:
            return unknown("it does not answer")
        try:
            listed = WorktreeList.model_validate(answer)
        except ValidationError:
            told = str(answer.get("message", "")) if status not in (404, 405) else "it is of an older version"
            return unknown(f"HTTP {status} {told}".rstrip())
        if listed.instance != instance.did:
            return unknown("another instance answers at its address")
        rows = [one.model_copy(update={"alias": instance.alias}) for one in listed.data]
        return listed.model_copy(update={"data": rows})

    def _together(self, answers: list[WorktreeList | UnknownWorktrees]) -> WorktreeList:
        data = [row for one in answers if isinstance(one, WorktreeList) for row in one.data]
        unknown = [one for one in answers if isinstance(one, UnknownWorktrees)]
        return WorktreeList(instance=self._did, data=[self._judged(row) for row in data], unknown=unknown)

    def _judged(self, row: WorktreeOut) -> WorktreeOut:
        """With the task's name, and `kept` while its task may still need it."""
        state = self._ingest.live.task(row.task)
        name = (state.alias or row.task) if state is not None else row.task
        kept = row.kept or ("" if row.state == ACCEPT else self._may_be_tried_again(row))
        return row.model_copy(update={"task": name, "kept": kept})

    def _may_be_tried_again(self, row: WorktreeOut) -> str:
        state = self._ingest.live.task(row.task)
        if state is None or state.fanout is None:
            return "its task is not known here, and may try it again"
        fanout = state.fanout
        if not fanout.active or fanout.attempt(row.index) > row.attempt:
            return ""
        return f"its task is not over, and may try it again: spl task show {state.alias or row.task}"
