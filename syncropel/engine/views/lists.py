"""Lists over all threads and tasks, by pages: from the views, and what they do not have yet from memory."""

from __future__ import annotations

from collections.abc import Iterable

from syncropel.engine.ingest.live import LiveFolds
from syncropel.engine.views.projector import Projector
from syncropel.folds.tasks.state import TaskState
from syncropel.folds.threads.index import ThreadLine
from syncropel.store.views.views import Views

_EVERY_SEQUENCE = 2**62


class Lists:
    """What no fold can answer without walking through everything."""

    def __init__(self, live: LiveFolds, projector: Projector) -> None:
        self._live = live
        self._projector = projector

    @property
    def _views(self) -> Views:
        return self._projector.views

    def threads(self, before: int | None, limit: int) -> list[ThreadLine]:
        """Threads whose last record has a lower sequence (None: all), the latest activity first."""
        lines = self._live.index.threads
        changed = self._projector.unwritten()
        stored = self._views.threads_before(before, limit + len(changed))
        names = [*changed, *(thread for thread in stored if thread not in changed)]
        found = [line for thread in names if (line := lines.get(thread)) is not None]
        wanted = [line for line in found if before is None or line.last_sequence < before]
        return sorted(wanted, key=lambda line: line.last_sequence, reverse=True)[:limit]

    def tasks(
        self, after: int | None, before: int | None, status: str | None, limit: int
    ) -> Iterable[TaskState]:
        """Tasks that changed last between these sequences, both exclusive (None: no bound), the latest first.

        All with this status are among the first `limit` and those whose fan-out is active, whose status
        depends on more than their records; the caller leaves the others out.
        """
        since, until = after or 0, _EVERY_SEQUENCE if before is None else before
        held = {**self._live.active, **dict.fromkeys(self._projector.unwritten())}
        stored = self._views.tasks_between(since, until, status, limit + len(held))
        names = [*held, *(thread for thread in stored if thread not in held)]
        found = [state for thread in names if (state := self._live.tasks.get(thread)) is not None]
        wanted = [state for state in found if since < state.sequence < until]
        return sorted(wanted, key=lambda state: state.sequence, reverse=True)

    def all_threads(self) -> set[str]:
        """Every thread; it takes as long as there are threads."""
        return {*self._views.all_threads(), *self._projector.unwritten()}

    def with_worktree(self) -> list[str]:
        """The threads of subtasks that were given a repository."""
        changed = self._projector.unwritten()
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
