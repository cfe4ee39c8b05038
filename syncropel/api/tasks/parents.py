"""What a task can be a part of: another task, or a subtask of one."""

from __future__ import annotations

from syncropel.api.tasks.task_views import find_fan_out, find_task
from syncropel.engine.engine import Engine
from syncropel.errors import Conflict, NotFound
from syncropel.folds.fanout.subtasks import fan_out_children
from syncropel.folds.tasks.state import TaskState


def find_parent(engine: Engine, name: str) -> tuple[str, TaskState]:
    """The parent's thread, and the task that this thread belongs to.

    `name` is a task's alias or thread, `NAME:N` for its subtask N, or a subtask's thread. Raises NotFound,
    and Conflict for a subtask that has no thread yet.
    """
    live = engine.ingest.live
    if (state := live.task(name)) is not None:
        return state.thread, state
    whole_task = live.tasks.get(live.parents.fan_outs.get(name) or "")
    if whole_task is not None:
        return name, whole_task
    whole, _, index = name.rpartition(":")
    if not whole or not index.isdecimal():
        raise NotFound(
            f"no task {name!r} to be a part of",
            "a subtask is NAME:N; on a worker, name the coordinator: --url",
        )
    state = find_task(engine, whole)
    fanout = find_fan_out(state)
    if int(index) >= len(fanout.spec.subtasks):
        raise NotFound(f"{whole} has no subtask {index}", f"they are 0 to {len(fanout.spec.subtasks) - 1}")
    spawn = fan_out_children(fanout)[int(index)].spawn
    if spawn is None:
        raise Conflict(f"[{index}] of {whole} was not spawned yet", "a part can be added once it runs")
    return spawn.child_thread, state
