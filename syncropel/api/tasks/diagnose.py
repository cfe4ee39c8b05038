"""/v1/tasks/{name}/diagnose and /tree: a task in detail."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from fastapi import APIRouter

from syncropel.adapters.exit_status import ending_signal
from syncropel.api.tasks.agent_views import agent_out, gate_out, part_out, worktree_out
from syncropel.api.tasks.fork_views import child_threads, find_parent, is_plain_parent
from syncropel.api.tasks.task_views import (
    find_task,
    join_status,
    parts_of,
    task_detail,
)
from syncropel.engine.engine import Engine
from syncropel.errors import BadRequest
from syncropel.folds.fanout.report import Report
from syncropel.folds.fanout.starts import Start, read_starts
from syncropel.folds.fanout.state import ACCEPT, FanOut, Spawn
from syncropel.wire.diagnosis import (
    AttemptDiagnosis,
    Diagnosis,
    SubprocessExit,
    TaskTree,
    TreeNode,
)
from syncropel.wire.fleet import StartOut
from syncropel.wire.reviews import WorktreeLeft
from syncropel.wire.tasks import ChildOut

_DEEPEST: Final = 16
"""Deepest nesting of tasks that a tree shows."""
_ADVICE: Final = {
    9: "SIGKILL: most often the kernel's OOM killer (dmesg | grep -i 'killed process')",
    15: "SIGTERM: ended from outside: look at limits of the container or control group, and at who sent it",
}
"""What termination by this signal usually means."""


def router(engine: Engine) -> APIRouter:
    """The routes that show a task in detail."""
    routes = APIRouter(tags=["tasks"])

    @routes.get("/v1/tasks/{name}/diagnose")
    async def get_diagnosis(name: str, subtask: int | None = None) -> Diagnosis:
        """How every attempt ended: its process, its worktree, and how it was reported; `subtask`: only those
        of one.
        """
        state = find_task(engine, name)
        fanout = state.fanout
        if fanout is not None and subtask is not None and not 0 <= subtask < len(fanout.spec.subtasks):
            raise BadRequest(
                f"{name} has no subtask {subtask}", f"its subtasks are 0 to {len(fanout.spec.subtasks) - 1}"
            )
        slots = sorted(fanout.spawns) if fanout is not None else []
        return Diagnosis(
            thread=state.thread,
            alias=state.alias,
            goal=state.goal,
            status=task_detail(state, engine.instance.did).status,
            attempts=[
                await _attempt(engine, fanout, slot)
                for slot in slots
                if fanout is not None and subtask in (None, slot[0])
            ],
        )

    @routes.get("/v1/tasks/{name}/tree")
    async def get_tree(name: str) -> TaskTree:
        """The task with its subtasks, each below the last one it waits for; or a plain thread with its child
        threads."""
        state = find_parent(engine, name)
        return await _tree(engine, name if state is None else state.thread, frozenset())

    return routes


async def _tree(engine: Engine, thread: str, above: frozenset[str]) -> TaskTree:
    """A task, or a plain parent, with everything below it. `above`: its ancestors; a record may name any
    parent."""
    live = engine.ingest.live
    state, within = live.tasks.get(thread), above | {thread}
    join = await join_status(engine, state) if state is not None and state.fanout else None

    async def inner(threads: Iterable[str]) -> list[TaskTree]:
        known = (one for one in threads if one not in within)
        return [await _tree(engine, one, within) for one in known] if len(within) <= _DEEPEST else []

    children = child_threads(engine, thread)
    parts = [one.thread for one in parts_of(engine, thread)]
    forked = (one.thread for one in children if one.thread not in parts and not one.problem)
    whole = [*parts, *(one for one in forked if one in live.tasks or is_plain_parent(engine, one))]
    line = live.index.threads[thread]
    return TaskTree(
        thread=thread,
        alias=state.alias if state is not None else "",
        goal=state.goal if state is not None else line.title,
        status=task_detail(state, engine.instance.did).status if state is not None else line.status,
        cost_usd=state.fanout.cost_usd if state is not None and state.fanout else 0.0,
        nodes=[
            one.model_copy(update={"tasks": await inner(part.thread for part in one.parts)})
            for one in _hung(join.subtasks if join else [])
        ],
        tasks=await inner(whole),
        children=[one for one in children if one.thread not in whole],
    )


async def _attempt(engine: Engine, fanout: FanOut, slot: tuple[int, int]) -> AttemptDiagnosis:
    index, attempt = slot
    spawn, report = fanout.spawns[slot], fanout.reports.get(slot)
    told: Mapping[str, Any] = {}
    if report is not None and (stored := await engine.store.get(report.key[1])) is not None:
        told = stored.record.body
    return AttemptDiagnosis(
        index=index,
        attempt=attempt,
        goal=fanout.spec.subtasks[index].goal,
        state=report.verdict if report else "in_progress",  # type: ignore[arg-type]  # the fold's verdicts
        instance=spawn.instance,
        instance_alias=engine.ingest.live.names().get(spawn.instance),
        child_thread=spawn.child_thread,
        spawned_at=spawn.at,
        refused_reports=engine.ingest.refused_reports.told(fanout.thread, index, attempt),
        starts=[StartOut(**start.as_body()) for start in _starts(engine, fanout, slot, spawn, told)],
        **(_ended(report, told) if report else {}),
    )


def _starts(
    engine: Engine, fanout: FanOut, slot: tuple[int, int], spawn: Spawn, told: Mapping[str, Any]
) -> tuple[Start, ...]:
    """Each start of an attempt and of those it was moved from: as reported, or as far as is known by now."""
    if starts := read_starts(told.get("starts")):
        return starts
    index, attempt = slot
    moved = (one for one in fanout.moves.reassigned.get(index, ()) if one.attempt == attempt)
    here = next((one.starts for one in moved), ())
    if not here and not told:
        own = engine.ingest.live.starts.of(spawn.child_intend)
        here = own or engine.leases.starts(spawn.instance).get(spawn.child_intend, ())
    return fanout.starts_before(index, attempt) + here


def _ended(report: Report, told: Mapping[str, Any]) -> dict[str, Any]:
    process = _subprocess(told.get("exit"))
    worktree = worktree_out(told.get("worktree"))
    return {
        "finished_at": report.at,
        "wall_time_secs": report.wall_time_secs,
        "cost_usd": report.cost_usd,
        "cost_unknown": not report.cost_known,
        "agent": agent_out(report.agent),
        "gate": gate_out(report.gate),
        "summary": report.summary,
        "output": report.output,
        "worktree": worktree,
        "subprocess": process,
        "codepath": _word(told.get("codepath")),
        "failure_reason": _word(told.get("failure_reason")) or report.reason or None,
        "success": report.verdict == ACCEPT,
        "advice": _advice(process, worktree),
    }


def _subprocess(told: Any) -> SubprocessExit | None:
    """How the process ended; when its shell says that a command was ended by a signal, with that signal."""
    process = part_out(SubprocessExit, told)
    if process is None or process.signal is not None:
        return process
    below = ending_signal(process.exit_code, None)
    return process.model_copy(update={"signal": below, "of_command": below is not None})


def _word(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _advice(process: SubprocessExit | None, worktree: WorktreeLeft | None) -> str:
    if process is None or process.signal is None:
        return ""
    cause = _ADVICE.get(process.signal, f"ended by signal {process.signal}")
    if process.of_command:
        cause = f"a command of the script was ended (exit status {process.exit_code}) by {cause}"
    kept = f"; files not committed in its worktree: {worktree.uncommitted}" if worktree else ""
    return cause + kept


def _hung(subtasks: list[ChildOut]) -> list[TreeNode]:
    """The subtasks depth first. Without recursion: a chain may be thousands long."""
    below: dict[int | None, list[ChildOut]] = {}
    for child in subtasks:
        below.setdefault(max(child.depends_on, default=None), []).append(child)
    nodes: list[TreeNode] = []
    waiting = [(child, 0) for child in reversed(below.get(None, []))]
    while waiting:
        child, depth = waiting.pop()
        parent = max(child.depends_on, default=None)
        nodes.append(TreeNode(**child.model_dump(), parent=parent, depth=depth))
        waiting += [(one, depth + 1) for one in reversed(below.get(child.index, []))]
    return nodes
