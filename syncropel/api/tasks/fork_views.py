"""Child threads as the API returns them: the state of each, and the join over them."""

from __future__ import annotations

from collections.abc import Iterable

from syncropel.api.tasks.task_views import find_task, quick_satisfiable
from syncropel.engine.engine import Engine
from syncropel.engine.forks.child_threads import children_of, join_over_children
from syncropel.folds.fanout.subtasks import fan_out_children
from syncropel.folds.forks.join import ChildThread
from syncropel.folds.forks.state import MarkedFork
from syncropel.folds.tasks.state import TaskState, status_now
from syncropel.policy.joining import decide_fork_join
from syncropel.wire.tasks import ChildrenJoin, ChildThreadOut


def is_plain_parent(engine: Engine, thread: str) -> bool:
    """Whether this is a thread without a fold of its own that has child threads."""
    live = engine.ingest.live
    line, forks = live.index.threads.get(thread), live.forks.get(thread)
    if line is None or line.kind != "other":
        return False
    return (forks is not None and bool(forks.forks)) or bool(live.parts.get(thread))


def find_parent(engine: Engine, name: str) -> TaskState | None:
    """A task by alias or thread id; None for the id of a plain thread that has child threads. Raises
    NotFound."""
    return None if is_plain_parent(engine, name) else find_task(engine, name)


def child_threads(engine: Engine, thread: str) -> list[ChildThreadOut]:
    """The children of this thread in the order in which they were forked, then invalid forks."""
    forks = engine.ingest.live.forks.get(thread)
    marked: Iterable[MarkedFork] = forks.marked.values() if forks is not None else ()
    return [
        *(_child(engine, one) for one in children_of(engine.ingest.live, thread)),
        *(
            ChildThreadOut(thread=one.child, fork=one.key[1], problem=one.problem)
            for one in sorted(marked, key=lambda one: one.key)
        ),
    ]


def _child(engine: Engine, one: ChildThread) -> ChildThreadOut:
    return ChildThreadOut(
        thread=one.thread,
        goal=one.goal,
        fork=one.fork,
        status=_status(engine, one.thread),
        result=one.result.result if one.result is not None else None,
        summary=one.result.summary if one.result is not None else "",
        closed_at=one.result.at if one.result is not None else None,
        problem=one.problem,
        held=engine.forking.refused(one.thread),
    )


def _status(engine: Engine, thread: str) -> str:
    """The status of a child, empty while it has no record here."""
    task, line = engine.ingest.live.tasks.get(thread), engine.ingest.live.index.threads.get(thread)
    if task is not None:
        children = fan_out_children(task.fanout) if task.fanout is not None else []
        return status_now(task, quick_satisfiable(task, children))
    return line.status if line is not None else ""


async def children_join(engine: Engine, thread: str) -> ChildrenJoin | None:
    """The current join of this thread over its children; None when it has none."""
    live = engine.ingest.live
    fanout = join_over_children(live, thread)
    if fanout is None:
        return None
    forks, task = live.forks.get(thread), live.tasks.get(thread)
    decision = await decide_fork_join(fanout, task.alias if task is not None else "")
    return ChildrenJoin(
        join=fanout.join,
        complete=forks is not None and forks.joined is not None,
        satisfiable=decision.satisfiable,
        explanation=decision.explanation,
        problem=decision.problem,
    )
