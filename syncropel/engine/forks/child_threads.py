"""The child threads of a thread, assembled from all live folds."""

from __future__ import annotations

from dataclasses import replace

from syncropel.engine.ingest.live import LiveFolds
from syncropel.folds.control.namespaces import DEFAULT
from syncropel.folds.fanout.state import FanOut
from syncropel.folds.forks.join import ChildThread, as_fan_out, known_children
from syncropel.policy.forking import is_work, join_of, namespace_of, opening_of
from syncropel.record.threads import RESERVED


def told_parent(live: LiveFolds, child: str) -> str:
    """The thread that is told this one's result; empty when none is.

    The result of a part of a subtask is reported to nobody: the subtask's thread is its worker's.
    """
    parent = live.parents.of(child, live.tasks)
    if not parent or parent in RESERVED or parent not in live.index.threads or is_work(parent, live):
        return ""
    return parent


def children_of(live: LiveFolds, thread: str) -> list[ChildThread]:
    """The child threads of this one: those that it forked, then tasks that name it as their parent."""
    forks = live.forks.get(thread)
    found = known_children(forks) if forks is not None else []
    children = [
        replace(one, problem=live.parents.problem(one.thread, thread, live.tasks))
        if one.fork and not one.problem
        else one
        for one in found
    ]
    seen = {one.thread for one in children}
    parts = [task for part in live.parts.get(thread) or () if (task := live.tasks.get(part)) is not None]
    for task in sorted(parts, key=lambda task: (task.created_at, task.thread)):
        if task.thread not in seen:
            problem = live.parents.problem(task.thread, thread, live.tasks)
            children.append(ChildThread(task.thread, task.goal, problem=problem))
    return [one if one.goal else replace(one, goal=_goal(live, one.thread)) for one in children]


def join_over_children(live: LiveFolds, thread: str) -> FanOut | None:
    """The children as a fan-out with the thread's join over them; None for a thread without such a join."""
    join, opening = join_of(thread, live), opening_of(thread, live)
    if not join or not opening:
        return None
    return as_fan_out(thread, opening, join, namespace_of(thread, live) or DEFAULT, children_of(live, thread))


def _goal(live: LiveFolds, thread: str) -> str:
    task, line = live.tasks.get(thread), live.index.threads.get(thread)
    return (task.goal if task is not None else "") or (line.title if line is not None else "")
