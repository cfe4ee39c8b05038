"""Files that more than one running subtask of a repository has touched: they will meet in a merge."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from syncropel.engine.engine import Engine
from syncropel.wire import CollisionOut, Toucher
from syncropel.wire.fleet import RunningSpend

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
    for one in (*engine.leases.spends(), *engine.dispatcher.spending()):
        if one.touched and (found := _subtask(engine, one)) is not None:
            thread, index, repo = found
            state = live.tasks.get(thread)
            alias = state.alias if state is not None else ""
            yield repo, Toucher(thread=thread, alias=alias, index=index), one.touched


def _subtask(engine: Engine, one: RunningSpend) -> tuple[str, int, str] | None:
    """Thread, index, and repository of the subtask whose current attempt this is."""
    live = engine.ingest.live
    thread = live.parents.fan_outs.get(one.child_thread)
    state = live.tasks.get(thread) if thread is not None else None
    if thread is None or state is None or state.fanout is None:
        return None
    for (index, attempt), spawn in state.fanout.spawns.items():
        if spawn.child_intend == one.child_intend and attempt == state.fanout.attempt(index):
            repo = state.fanout.spec.subtasks[index].repo
            return (thread, index, repo) if repo else None
    return None
