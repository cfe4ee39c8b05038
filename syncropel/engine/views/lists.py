"""Lists over all threads and tasks, by pages: from the views, and what they do not have yet from memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from syncropel.engine.ingest.live import LiveFolds
from syncropel.engine.views.projector import Projector
from syncropel.folds.tasks.state import TaskState, fold_task
from syncropel.folds.threads.index import ThreadLine
from syncropel.store.base import RecordStore
from syncropel.store.views.views import Views

AT_A_STRETCH: Final = 16
"""Tasks that are folded before others get a turn on the event loop."""
LONG: Final = 2000
"""Records from which on a task is folded beside the event loop."""
_EVERY_SEQUENCE: Final = 2**62


class Lists:
    """What no fold can answer without walking through everything."""

    def __init__(self, live: LiveFolds, store: RecordStore, projector: Projector) -> None:
        self._live = live
        self._store = store
        self._projector = projector

    @property
    def _views(self) -> Views:
        return self._projector.views

    def threads(self, before: int | None, limit: int) -> list[ThreadLine]:
        """Threads whose last record has a lower sequence (None: all), the latest activity first."""
        lines = self._live.index.threads
        changed = self._live.unwritten()
        stored = self._views.threads_before(before, limit + len(changed))
        names = [*changed, *(thread for thread in stored if thread not in changed)]
        found = [line for thread in names if (line := lines.get(thread)) is not None]
        wanted = [line for line in found if before is None or line.last_sequence < before]
        return sorted(wanted, key=lambda line: line.last_sequence, reverse=True)[:limit]

    async def tasks(
        self, after: int | None, before: int | None, status: str | None, limit: int
    ) -> AsyncIterator[TaskState]:
        """Tasks that changed last between these sequences, both exclusive (None: no bound), the latest first.

        All with this status are among the first `limit` and those whose fan-out is active, whose status
        depends on more than their records; the caller leaves the others out. Others get a turn in between.
        """
        since, until = after or 0, _EVERY_SEQUENCE if before is None else before
        tasks = self._live.tasks
        held = {**self._live.active, **dict.fromkeys(self._live.unwritten())}
        stored = self._views.tasks_between(since, until, status, limit + len(held))
        places = [(sequence, thread) for thread, sequence in stored if thread not in held]
        for thread in held:
            if (state := tasks.get(thread)) is not None and since < state.sequence < until:
                places.append((state.sequence, thread))
        loaded = 0
        for _, thread in sorted(places, reverse=True):
            if tasks.peek(thread) is None:
                loaded += 1
                await self.warm(thread)
                if loaded % AT_A_STRETCH == 0:
                    await asyncio.sleep(0)
            if (state := tasks.get(thread)) is not None:
                yield state

    async def warm(self, name: str) -> None:
        """Have a long task in memory, given its thread or alias, without holding up the event loop meanwhile.
        Does nothing for another, and none of it is needed: whoever asks for a task gets it.
        """
        live = self._live
        thread = name if name in live.index.threads else live.thread_named(name)
        line = live.index.threads.get(thread)
        if line is None or not line.has_task or line.records < LONG or live.tasks.peek(thread) is not None:
            return
        last = line.last_sequence
        stored = await self._store.thread(thread)
        records = [one for one in stored if one.sequence <= last]
        state = await asyncio.to_thread(fold_task, thread, records)
        line = live.index.threads.get(thread)
        if line is not None and line.last_sequence == last and live.tasks.peek(thread) is None:
            live.tasks[thread] = state

    def all_threads(self) -> set[str]:
        """Every thread; it takes as long as there are threads."""
        return {*self._views.all_threads(), *self._live.unwritten()}

    def with_worktree(self) -> list[str]:
        """The threads of subtasks that were given a repository."""
        changed = self._live.unwritten()
        children = {thread: self._live.children.get(thread) for thread in changed}
        fresh = [
            thread
            for thread, child in children.items()
            if child is not None and any(intend.body.get("repo") for intend in child.intends.values())
        ]
        return [*(thread for thread in self._views.with_worktree() if thread not in fresh), *fresh]

    def runs_on(self, child: str) -> set[str]:
        """The threads with the observations of the runs on a subtask's thread."""
        unwritten = self._projector.unwritten_runs()
        return {*self._views.runs_on(child), *(thread for thread, of, _ in unwritten if of == child)}
