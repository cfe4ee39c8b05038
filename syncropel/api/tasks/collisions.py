"""Files that more than one running subtask of a repository has touched: they will meet in a merge."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from syncropel.engine.engine import Engine
from syncropel.folds.fanout.state import FanOut
from syncropel.wire import CollisionOut, Toucher

MOST_GROUPS: Final = 50
MOST_FILES: Final = 20
"""Files that are told of each group of subtasks; of more the number is told."""


def collisions(engine: Engine) -> list[CollisionOut]:
    """Each group of running subtasks that have touched the same files, by the latest heartbeats."""
    by_path: dict[tuple[str, str], list[Toucher]] = {}
    for repo, toucher, files in _touchers(engine):
        for path in files:
            by_path.setdefault((repo, path), []).append(toucher)
    groups: dict[tuple[str, tuple[tuple[str, int], ...]], tuple[list[Toucher], list[str]]] = {}
    for (repo, path), touchers in sorted(by_path.items()):
        if len(touchers) > 1:
            key = repo, tuple(sorted((one.thread, one.index) for one in touchers))
            groups.setdefault(key, (touchers, []))[1].append(path)
    return [
        CollisionOut(
            repo=repo,
            by=sorted(touchers, key=lambda one: (one.alias, one.thread, one.index)),
            files=paths[:MOST_FILES],
            count=len(paths),
        )
        for (repo, _), (touchers, paths) in list(groups.items())[:MOST_GROUPS]
    ]


def _touchers(engine: Engine) -> Iterator[tuple[str, Toucher, list[str]]]:
    """Repository, subtask, and files of each running attempt that has touched any."""
    live = engine.ingest.live
    current: dict[str, dict[str, int]] = {}
    for one in (*engine.leases.spends(), *engine.dispatcher.spending()):
        thread = live.parents.fan_outs.get(one.child_thread) if one.touched else None
        state = live.tasks.get(thread) if thread is not None else None
        if thread is None or state is None or state.fanout is None:
            continue
        if thread not in current:
            current[thread] = _current(state.fanout)
        index = current[thread].get(one.child_intend)
        repo = state.fanout.spec.subtasks[index].repo if index is not None else None
        if index is not None and repo:
            yield repo, Toucher(thread=thread, alias=state.alias, index=index), one.touched


def _current(fanout: FanOut) -> dict[str, int]:
    """The index of each subtask, by the INTEND of its current attempt."""
    return {
        spawn.child_intend: index
        for (index, attempt), spawn in fanout.spawns.items()
        if attempt == fanout.attempt(index)
    }
