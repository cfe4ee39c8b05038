"""Starts the live folds: what rules from the log itself, everything else from the views where they fit it."""

from __future__ import annotations

import json
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from syncropel.engine.forks.child_threads import told_parent
from syncropel.engine.ingest.collector import uncollected
from syncropel.engine.ingest.live import JOINED_KEPT, LiveFolds
from syncropel.engine.views.eviction import Limits
from syncropel.engine.views.projector import Projector, id_at
from syncropel.engine.views.source import ViewsSource
from syncropel.folds.tasks.state import TaskState
from syncropel.folds.tasks.trust import Trust
from syncropel.folds.threads.index import ActorLine, ThreadLine
from syncropel.policy.forking import over
from syncropel.record.threads import RESERVED
from syncropel.store.base import RecordFilter, RecordStore
from syncropel.store.views.views import Views, ViewsError, drop, drop_older, views_path

log = logging.getLogger("syncropel.engine.views")

STEP: Final = 5_000
"""Records between two writes to the views while they are built."""


@dataclass(frozen=True, slots=True)
class Started:
    """The folds of a log, and what keeps its views. `unsettled`: threads with a parent or child threads of
    which a step may be missing, because the daemon ended in between.
    """

    live: LiveFolds
    projector: Projector
    unsettled: set[str]


async def start_folds(
    store: RecordStore,
    views: Views,
    seen: Callable[[int], None] = lambda _: None,
    limits: Limits | None = None,
) -> Started:
    """Fold a log by way of its views; what they do not contain is read from the log. `seen` is called with
    the sequence read so far. Raises StoreError.
    """
    live = LiveFolds()
    live.read_from(ViewsSource(live, store, views))
    projector = Projector(live, store, views, limits)
    unsettled = set[str]()
    projector.pending = lambda: unsettled
    meta = views.meta()
    position = int(meta.get("position", 0))
    if position:
        unsettled.update(_take_state(live, meta["state"]))
        await _take_ruling(live, store, position)
        live.applied = projector.position = position
        await _take_open(live, store, views)
    started = Started(live, projector, unsettled)
    await catch_up(started, store, seen)
    return started


async def ruling_folds(store: RecordStore, why: str) -> Started:
    """Fold only what rules over others, for the time in which the rest of the log is read. `why`: the reason
    why nothing else can be looked up. Raises StoreError.
    """
    live, views = LiveFolds(), await Views.open()
    views.problem = why
    live.read_from(ViewsSource(live, store, views))
    live.applied = store.count
    await _take_ruling(live, store, live.applied)
    return Started(live, Projector(live, store, views), set())


async def open_views(store: RecordStore) -> Views:
    """The views of a log, beside it; empty ones when there are none that are of this log. Those of a store in
    memory are in memory, and so are those that the disk refuses: a full disk must not keep a freeze out.
    Raises StoreError when the log cannot be read.
    """
    path = None if store.beside is None else views_path(store.beside)
    if path is None:
        return await Views.open()
    try:
        views = await Views.open(path)
        if await _closed_unless_it_fits(store, views):
            _drop_older(path, views)
            return views
        log.warning("%s is not of this log: built anew", path, extra={"on_screen": True})
        drop(path)
        return await Views.open(path)
    except ViewsError as error:
        views = await Views.open()
        views.displaced = f"{error.message}; they are in memory until the next start"
        log.warning("%s", views.displaced, extra={"on_screen": True})
        return views


def _drop_older(path: Path, views: Views) -> None:
    """Remove the views of earlier releases, once these were of use: until then going back costs nothing."""
    if not int(views.meta().get("position", 0)):
        return
    try:
        for one in drop_older(path):
            log.info("removed %s: it is an earlier release's", one)
    except ViewsError as error:
        log.warning("%s", error.message)


async def _closed_unless_it_fits(store: RecordStore, views: Views) -> bool:
    fits = False
    try:
        fits = await _fits(store, views)
    finally:
        if not fits:
            await views.close()
    return fits


async def _fits(store: RecordStore, views: Views) -> bool:
    """Whether the record at the views' position is in the log. Empty views fit every log."""
    meta = views.meta()
    position = int(meta.get("position", 0))
    return not position or (meta.get("at_record", "") == await id_at(store, position) != "")


def _take_state(live: LiveFolds, text: str) -> list[str]:
    state = json.loads(text)
    live.index.count = state["threads"]
    live.task_count, live.child_count = state["tasks"], state["children"]
    live.revision = state["revision"]
    live.joined = deque(state["joined"], maxlen=JOINED_KEPT)
    live.places = set(state["places"])
    live.tally.open_tasks = state["open_tasks"]
    pending: list[str] = state["pending"]
    return pending


async def _take_ruling(live: LiveFolds, store: RecordStore, position: int) -> None:
    """What rules over others never comes from a view: a flipped bit there must not lift a freeze."""
    ruling = [stored for thread in RESERVED for stored in await store.thread(thread)]
    for thread in RESERVED:
        live.index.threads.get(thread)  # their summaries stay in memory, so that a freeze needs no view
    for stored in sorted(ruling, key=lambda stored: stored.sequence):
        if stored.sequence <= position:
            live.apply_ruling(stored)


async def _take_open(live: LiveFolds, store: RecordStore, views: Views) -> None:
    for row in views.actors():
        if row.threads:
            live.index.actors[row.actor] = ActorLine(row.threads, row.last_activity)
        live.tally.trust[row.actor] = Trust(row.results, row.accepted, row.own)
    for thread in views.active():
        live.active[thread] = live.tasks[thread]
    for thread in views.open_children():
        live.open_children[thread] = live.children[thread]
    live.unreported.update(views.unreported())
    live.stale.update(views.stale())
    for sequence in views.starts():
        for stored in await store.query(RecordFilter(since=sequence - 1, limit=1)):
            live.starts.apply(stored)


async def catch_up(
    started: Started, store: RecordStore, seen: Callable[[int], None] = lambda _: None
) -> None:
    """Apply what was not applied yet, and write it to the views bit by bit."""
    live, projector, unsettled = started.live, started.projector, started.unsettled
    since = written = live.applied
    waiting = store.count - since
    with uncollected(waiting):
        async for chunk in store.scan(since):
            for stored in chunk:
                live.apply(stored)
            if live.applied - written >= STEP:
                await _note(projector, store, unsettled)
                await projector.try_to_flush()
                written = live.applied
            seen(live.applied)
        await _note(projector, store, unsettled)
    _drop_settled(live, unsettled)
    if waiting >= STEP:
        await projector.try_to_flush()


async def _note(projector: Projector, store: RecordStore, unsettled: set[str]) -> None:
    live = projector.live
    await live.refold(store)
    unsettled.update(live.changes.forked)
    for thread in live.changes.threads:
        line = live.index.threads[thread]
        if line.has_forks or _is_kin(line, live.tasks.get(thread) if line.has_task else None):
            unsettled.add(thread)


def _is_kin(line: ThreadLine, task: TaskState | None) -> bool:
    """Whether a thread has a parent to tell, or child threads to join: a fan-out joins subtasks instead."""
    if task is None:
        return bool(line.join)
    return bool(task.parent_thread or (task.join and task.fanout is None))


def _drop_settled(live: LiveFolds, unsettled: set[str]) -> None:
    """Forget threads that are over and have nobody to tell."""
    for thread in list(unsettled):
        if over(thread, live) is not None and not told_parent(live, thread):
            unsettled.discard(thread)
