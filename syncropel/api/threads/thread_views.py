"""Threads as the API returns them: found by name, and summarized."""

from __future__ import annotations

from syncropel.api.tasks.task_views import quick_satisfiable
from syncropel.engine.engine import Engine
from syncropel.errors import NotFound
from syncropel.folds.fanout.subtasks import fan_out_children
from syncropel.folds.replay.thread_state import status_of_reserved
from syncropel.folds.tasks.state import status_now
from syncropel.folds.threads.index import ThreadLine
from syncropel.wire import ThreadSummary


def find_line(engine: Engine, name: str) -> ThreadLine:
    """A thread by its id, or by the alias of its task. Raises NotFound."""
    live = engine.ingest.live
    line = live.index.threads.get(name) or live.index.threads.get(live.thread_named(name))
    if line is None:
        raise _elsewhere(engine, name) or NotFound(
            f"no thread {name!r}", "a thread exists from its first record on"
        )
    return line


def thread_id(engine: Engine, name: str) -> str:
    """The id of a thread, given its id, which may not be in the log yet, or the alias of its task."""
    live = engine.ingest.live
    return name if name in live.index.threads else live.thread_named(name, name)


def _elsewhere(engine: Engine, thread: str) -> NotFound | None:
    """The message for a subtask's thread whose records are on the instance that it was assigned to."""
    live = engine.ingest.live
    task = live.tasks.get(live.parents.fan_outs.get(thread) or "")
    if task is not None and task.fanout is not None:
        for (index, _), spawn in task.fanout.spawns.items():
            if spawn.child_thread == thread:
                known = engine.ingest.live.registry.instances.get(spawn.instance)
                name = (known.alias if known is not None else "") or spawn.instance
                where = known.endpoint if known is not None else "URL"
                what = f"{task.alias or task.thread}[{index}]"
                return NotFound(
                    f"the records of {thread} are on {name}, which was given it as {what}",
                    f"ask there: spl --url {where} thread show {thread}",
                )
    return None


def thread_summary(engine: Engine, line: ThreadLine) -> ThreadSummary:
    """One row of the list of threads."""
    status, title = line.status, line.title
    task = engine.ingest.live.tasks.get(line.id)
    child = engine.ingest.live.children.get(line.id)
    if task is not None:
        children = fan_out_children(task.fanout) if task.fanout else []
        status, title = status_now(task, quick_satisfiable(task, children)), task.goal or title
    elif child is not None and child.latest is not None:
        status = child.status
    elif line.kind == "reserved":
        status = status_of_reserved(line.id, engine.ingest.live.control, engine.ingest.live.drains)
    return ThreadSummary(
        id=line.id,
        kind=line.kind,
        title=title,
        status=status,
        records=line.records,
        participants=len(line.actors),
        first_sequence=line.first_sequence,
        last_sequence=line.last_sequence,
        last_activity=line.last_activity,
        starts_with_intend=line.starts_with_intend,
    )
