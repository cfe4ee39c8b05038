"""The four loops of an engine, and what waits in each.

`ingest` judges and writes records, `reconcile` decides the next step of each fan-out, `dispatch` runs goals,
and `delivery` sends work to instances and results to the coordinator.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from syncropel.engine.engine import Engine

LISTED: Final = 5
"""Threads listed of each queue: those that have waited longest."""

BACKED_UP_SECS: Final = 30.0
"""Longer than a loop takes that works: every retry and every sweep comes sooner."""

LoopName = Literal["ingest", "reconcile", "dispatch", "delivery"]


@dataclass(frozen=True)
class Backlog:
    """What waits, or is under way, on one thread: how many items, and for how many seconds the oldest."""

    thread: str
    items: int
    secs: float


@dataclass(frozen=True)
class Loop:
    """One loop: what it has done since the start, how often it failed, and what is before it now.

    `waiting` and `running` list the threads with the oldest items, oldest first.
    """

    name: LoopName
    total: int
    errors: int
    queue_depth: int
    waiting: list[Backlog]
    running: list[Backlog]


def loops(engine: Engine) -> list[Loop]:
    """The loops, in the order in which work passes them."""
    ingest, fan_outs, dispatcher = engine.ingest, engine.fan_outs, engine.dispatcher
    now, wall = engine.runtime.monotonic(), engine.runtime.now()
    pending = fan_outs.reconciler.pending
    merges = engine.merging.steps.sender
    senders = [*fan_outs.delivery.senders(), *fan_outs.outbox.senders(), merges]
    runs = [(run.intend.thread, run.started_at) for run in dispatcher.runs()]
    arriving = list(ingest.waiting())
    return [
        Loop("ingest", ingest.total, ingest.outcomes.failed, len(arriving), backlog(arriving, now), []),
        Loop(
            "reconcile",
            pending.total,
            pending.errors,
            len(pending),
            backlog(pending.waiting(), now),
            backlog(pending.looking(), now),
        ),
        Loop(
            "dispatch",
            dispatcher.total,
            dispatcher.errors,
            dispatcher.queued,
            backlog(dispatcher.waiting(), now),
            backlog(runs, wall),
        ),
        Loop(
            "delivery",
            sum(one.total for one in senders),
            sum(one.errors for one in senders),
            sum(map(len, senders)),
            backlog(chain.from_iterable(one.waiting() for one in senders), now),
            [],
        ),
    ]


def backed_up(found: Sequence[Loop]) -> str:
    """The loop and the thread that wait longest, in words; empty when no loop is backed up.

    Goals that wait for a free slot are no sign of trouble, and each says by itself why it waits.
    """
    late = [
        (one, loop)
        for loop in found
        if loop.name != "dispatch"
        for one in (*loop.waiting[:1], *loop.running[:1])
        if one.secs >= BACKED_UP_SECS
    ]
    if not late:
        return ""
    one, loop = max(late, key=lambda pair: pair[0].secs)
    return f"{loop.name} is backed up: {loop.queue_depth} wait, {one.thread} for {one.secs:.0f} s"


def backlog(items: Iterable[tuple[str, float]], now: float) -> list[Backlog]:
    """The threads whose oldest item is oldest, from items of (thread, time since when)."""
    counts: dict[str, int] = {}
    since: dict[str, float] = {}
    for thread, at in items:
        if thread not in counts:
            counts[thread], since[thread] = 1, at
            continue
        counts[thread] += 1
        if at < since[thread]:
            since[thread] = at
    oldest = nsmallest(LISTED, since.items(), key=itemgetter(1))
    return [Backlog(thread, counts[thread], round(max(0.0, now - at), 3)) for thread, at in oldest]
