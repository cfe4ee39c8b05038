"""Loads what live folds do not hold: from the views, and from the log by way of them."""

from __future__ import annotations

import json
from collections.abc import Sequence

from syncropel.engine.ingest.live import LiveFolds
from syncropel.engine.views.rows import line_from_json
from syncropel.folds.fanout.state import Key
from syncropel.folds.tasks.tally import Counted
from syncropel.folds.threads.index import ThreadLine
from syncropel.record.model import StoredRecord
from syncropel.store.base import RecordStore
from syncropel.store.views.views import Views


class ViewsSource:
    """A `Source` over a log and its views. Of the log it reads only what was applied."""

    def __init__(self, live: LiveFolds, store: RecordStore, views: Views) -> None:
        self._live = live
        self._store = store
        self._views = views

    @property
    def problem(self) -> str:
        return self._views.problem

    def records(self, thread: str) -> Sequence[StoredRecord]:
        return self._store.thread_through(thread, self._live.applied)

    def line(self, thread: str) -> ThreadLine | None:
        found = self._views.thread(thread)
        return None if found is None else line_from_json(thread, found[0], self.records)

    def named(self, alias: str) -> list[str]:
        return self._views.named(alias)

    def parts(self, parent: str) -> set[str]:
        return set(self._views.parts(parent))

    def fan_out_of(self, child: str) -> str | None:
        return self._views.spawned_by(child)

    def forked_by(self, child: str) -> dict[str, Key] | None:
        return {row.parent: (row.clock, row.record) for row in self._views.forks_of(child)} or None

    def observations(self, intend: str) -> Sequence[StoredRecord]:
        found = [stored for thread in self._views.runs_of(intend) for stored in self.records(thread)]
        return sorted(found, key=lambda stored: stored.sequence)

    def counted(self, thread: str) -> Counted | None:
        found = self._views.thread(thread)
        return None if found is None or found[1] is None else Counted.from_json(json.loads(found[1]))
