"""Which branches of a task are merged, in which order, and by which instance."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from syncropel.errors import Conflict, NotFound
from syncropel.folds.fanout.spec import Subtask
from syncropel.folds.fanout.state import ACCEPT, FanOut
from syncropel.folds.fanout.subtasks import Child, fan_out_children
from syncropel.folds.tasks.merges import Branch
from syncropel.folds.tasks.state import TaskState


@dataclass(frozen=True)
class Chosen:
    """`instance`: the DID of the one that merges: that of the first branch."""

    repo: str
    instance: str
    branches: tuple[Branch, ...]


def choose(state: TaskState, indexes: Collection[int]) -> Chosen:
    """The branches of these subtasks, or of all that are accepted and have one: each after those that it
    depends on, then by index.

    Raises NotFound for a subtask that does not exist, Conflict for one that cannot be merged.
    """
    name, fanout = state.alias or state.thread, state.fanout
    if fanout is None:
        raise Conflict(f"{name} has no subtasks to merge", f"see what it is: spl task show {name}")
    children = fan_out_children(fanout)
    for index in indexes:
        if not 0 <= index < len(children):
            raise NotFound(
                f"{name} has no subtask {index}: it has {len(children)}, from 0 on",
                f"see them: spl task join-status {name}",
            )
        if problem := _problem(fanout, children[index]):
            raise Conflict(f"{name} [{index}] cannot be merged: {problem}", f"see: spl task show {name}")
    wanted = [children[index] for index in set(indexes)] if indexes else children
    able = {child.index: child for child in wanted if not _problem(fanout, child)}
    if not able:
        raise Conflict(
            f"{name} has no accepted subtask with a branch",
            f"see what became of each: spl task join-status {name}; without repo=NAME it has no branch",
        )
    repos = sorted({child.subtask.repo or "" for child in able.values()})
    if len(repos) > 1:
        raise Conflict(
            f"the branches are in several repositories: {', '.join(repos)}",
            f"merge those of one at a time: spl task merge {name} N…",
        )
    order = [index for index in _order(fanout.spec.subtasks) if index in able]
    branches = tuple(_branch(state, fanout, able[index]) for index in order)
    spawn = able[order[0]].spawn
    return Chosen(repos[0], spawn.instance if spawn is not None else "", branches)


def _problem(fanout: FanOut, child: Child) -> str:
    """Why a subtask has nothing that could be merged; empty when it has."""
    report, before = child.report, child.attempt - 1
    if report is None and (rejection := fanout.reviews.rejection(child.index, before)) is not None:
        return f"attempt {before} was rejected by {rejection.by}, and attempt {before + 1} is {child.state}"
    if report is None or report.verdict != ACCEPT:
        return f"it is not accepted (it is {child.state})"
    left = report.worktree or {}
    if not child.subtask.repo or child.spawn is None:
        return "it did not work on a repository"
    if not isinstance(left.get("branch"), str) or not isinstance(left.get("commit"), str):
        return "its result names no branch"
    return ""


def _branch(state: TaskState, fanout: FanOut, child: Child) -> Branch:
    assert child.report is not None
    assert child.spawn is not None
    left = child.report.worktree or {}
    work = state.alias or state.thread
    lines = child.subtask.goal.strip().splitlines() or [""]
    return Branch(
        child.index,
        child.attempt,
        left["branch"],
        left["commit"],
        child.spawn.child_thread,
        work if fanout.spec.dispatch else f"{work}+{child.index}",
        lines[0][:200],
    )


def _order(subtasks: Sequence[Subtask]) -> list[int]:
    """Every index after those that it depends on, the lowest first."""
    waits = {one.index: set(one.depends_on) for one in subtasks}
    behind: dict[int, list[int]] = {}
    for one in subtasks:
        for other in one.depends_on:
            behind.setdefault(other, []).append(one.index)
    free = [index for index, before in waits.items() if not before]
    heapq.heapify(free)
    order: list[int] = []
    while free:
        index = heapq.heappop(free)
        order.append(index)
        for other in behind.get(index, ()):
            waits[other].discard(index)
            if not waits[other]:
                heapq.heappush(free, other)
    return order
