"""Tasks and fan-outs as text."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from syncropel.cli.support.numbers import dollars, precise, ratio, wall
from syncropel.cli.support.terminal import clean, table
from syncropel.cli.text import questions
from syncropel.cli.text.agent import agent_lines, gate_lines
from syncropel.cli.text.children import children_lines
from syncropel.cli.text.merge import collision_lines, merges_lines
from syncropel.cli.text.review import reviews_lines, short_lines
from syncropel.cli.text.spend import against, cost
from syncropel.cli.text.thread import when
from syncropel.client.merge_text import SHORT

if TYPE_CHECKING:
    from syncropel.wire import (
        ChildOut,
        Dispatched,
        JoinStatus,
        MeasuredOut,
        RefusedSubtaskOut,
        SerialBaseline,
        Speedup,
        TaskDetail,
        TaskSummary,
    )

_CAVEAT: Final = (
    "  caveat: summing subtask walls is a sanity check, not a",
    "          rigorous measurement. For a clean comparison, run",
    "          the same workload serially and pass the resulting",
    "          thread via `--vs-serial <thread>`.",
)
_STATES: Final = {
    "in_progress": "in progress",
    "pending": "pending spawn",
    "not_begun": "not begun",
    "not_spawned": "not spawned",
}
_BAD_VERDICTS: Final = frozenset({"reject", "failed", "timeout", "terminated"})
_STATES_WITH_RESULT: Final = _BAD_VERDICTS | {"accept"}
_TITLE_WIDTH: Final = 60
_LAST_LINES: Final = 3
_MOST_RETRIES: Final = 5


def created_lines(task: TaskDetail) -> list[str]:
    """The output of `spl task add`."""
    lines = [f"◇ Task created: {task.goal}", f"  thread: {task.thread}"]
    return [*lines, f"  alias: {task.alias}"] if task.alias else lines


def fan_out_lines(name: str, thread: str, record: str, subtasks: int, join: str) -> list[str]:
    """The output of `spl task fan-out`."""
    return [
        "◇ Fan-out parent INTEND created",
        f"  thread: {thread}",
        f"  record: {record}",
        f"  subtasks: {subtasks}",
        f"  join: {join}",
        "",
        "  The engine will spawn child INTENDs to the targeted workers",
        "  and emit a join KNOW once the predicate is satisfied.",
        f"  Watch progress: spl task join-status {name}",
    ]


def dispatched_lines(made: Dispatched) -> list[str]:
    """The immediate output of `spl task dispatch` and `spl run`."""
    return [
        f"◇ Dispatched: {made.goal}",
        f"  thread: {made.thread}",
        f"  alias: {made.alias}",
        f"  target: {made.target}",
        f"  attempt: {made.attempt}",
        f"  Watch progress: spl task join-status {made.alias or made.thread}",
    ]


def ended_lines(child: ChildOut) -> list[str]:
    """The final output of `spl run`: the result, where it ran, and its last words."""
    glyph = "✓" if child.state == "accept" else "✗"
    where = child.instance_alias or child.instance or child.target
    words = [f"  {line}" for line in child.summary.strip().splitlines()[-_LAST_LINES:]]
    return [f"{glyph} {_state(child)} on {where}", *words, *_output(child)]


def retry_lines(name: str, thread: str, index: int, status: JoinStatus) -> list[str]:
    """The output of `spl task retry`, including the consequence when there is no new attempt at once."""
    lines = [
        f"◇ Retry requested for subtask {index} on {thread}",
        f"  Watch progress: spl task join-status {name}",
    ]
    child = next((one for one in status.subtasks if one.index == index), None)
    if status.complete:
        said = f" with {child.state}" if child is not None and child.state in _STATES_WITH_RESULT else ""
        lines.append(f"  {name} has joined: [{index}] stands{said}, and nothing runs again")
    elif child is not None:
        lines += [f"  Model: {clean(child.model)}"] if child.model else []
        lines += [f"  [{index}] is {child.why}"] if child.why.startswith("held by") else []
    return lines


def amended_lines(name: str, status: JoinStatus, money: bool) -> list[str]:
    """The output of `spl task amend`: what applies now, and what a larger budget does not bring back by
    itself.
    """
    if not money:
        return [f"◇ Join of {status.thread} is now: {status.join}"]
    ended = [child.index for child in status.subtasks if child.reason == "budget_exceeded"]
    return [
        f"◇ Budget of {status.thread} is now {against(status.cost_usd, status.budget_usd)}",
        *(
            f"  ended for its cost: spl task retry {name} --subtask {index}"
            for index in ended[:_MOST_RETRIES]
        ),
        *([f"  …and {len(ended) - _MOST_RETRIES} more"] if len(ended) > _MOST_RETRIES else []),
        f"  Watch progress: spl task join-status {name}",
    ]


def join_lines(status: JoinStatus) -> list[str]:
    """The output of `spl task join-status`."""
    count = len(status.subtasks)
    lines = [
        f"Fan-out join status: {status.thread}",
        f"  Subtasks: {count}",
        f"  Spawned: {status.spawned} / {count}",
        f"  Completed: {status.completed} / {count}",
        f"  Join predicate: {status.join}",
        f"  Join complete: {_completion(status)}",
        *_budget_lines(status),
        *_added_lines(status),
    ]
    if not status.complete and not status.satisfiable:
        lines += ["", f"  ✗ {status.explanation}", *([f"    {status.hint}"] if status.hint else [])]
    elif not status.complete and status.completed == count and status.explanation != "cancelled":
        lines.append(f"  Not joined: {clean(status.explanation)}")
    elif status.problem:
        lines.append(f"  Join cannot be evaluated yet: {status.problem}")
    lines += ["", "  Per-subtask:"]
    for child in status.subtasks:
        lines += child_lines(child)
        lines += [f"        {_part(part)}" for part in child.parts]
    if status.refused:
        lines += ["", "  Not added:", *map(_refused, status.refused)]
    if status.parts:
        lines += ["", "  Parts:", *(f"    {_part(part)}" for part in status.parts)]
    return lines


def _budget_lines(status: JoinStatus) -> list[str]:
    if status.budget_usd is None:
        return []
    was = status.asked_budget_usd
    raised = f", amended from {dollars(was)}" if was not in (None, status.budget_usd) else ""
    spent = ", spent: nothing more is spawned" if status.budget_exceeded else ""
    told = against(status.cost_usd, status.budget_usd, unknown=status.cost_unknown)
    return [f"  Budget: {told}{raised}{spent}"]


def _added_lines(status: JoinStatus) -> list[str]:
    if not status.may_add:
        return []
    added = sum(child.added_by is not None for child in status.subtasks)
    return [f"  Added by agents: {added} of at most {status.may_add}"]


def _refused(one: RefusedSubtaskOut) -> str:
    return f"    [{one.index}] asked for {_title(one.goal)!r}: {clean(one.reason)}"


def _part(part: TaskSummary) -> str:
    """A task that was created for another one."""
    how = f"{_STATES.get(part.status, part.status)}"
    how += f", {part.accepted}/{part.subtasks} accepted" if part.subtasks else ""
    return f"└ {_name(part)} {_title(part.goal)} ({how})"


def _completion(status: JoinStatus) -> str:
    if not status.complete:
        return "no (cancelled)" if status.explanation == "cancelled" else "no"
    return "yes" if status.verdict in (None, "accept") else f"yes (verdict: {status.verdict})"


def child_lines(child: ChildOut) -> list[str]:
    """One subtask: goal and target, then its state; for a failure also its last words."""
    where = f"specific:{child.instance}" if child.instance else child.target
    goal = " ".join(child.goal.split())  # an agent may have written it: it makes no lines of its own
    lines = [f"    [{child.index}] {goal} → {where}", f"        {_state(child)}"]
    if (by := child.added_by) is not None:
        lines.append(f"        added by the agent of [{by.index}], attempt {by.attempt}")
    if child.asks is not None:
        lines += [f"      {line}" for line in questions.asks_lines(child.asks)]
    lines += [f"        progress: {child.progress}"] if child.progress else []
    if child.said is not None:
        lines.append(f"        {questions.said_line(child.said)}")
    lines += [f"        {line}" for line in short_lines(child.reviews)]
    lines += [f"        {line}" for line in (*agent_lines(child.agent), *gate_lines(child.gate))]
    if child.state in _BAD_VERDICTS:
        lines += [f"        {line}" for line in child.summary.strip().splitlines()[-_LAST_LINES:]]
        lines += [f"      {line}" for line in _output(child)]
    return lines


def _output(child: ChildOut) -> list[str]:
    return [f"  output: {child.output}"] if child.output else []


def _state(child: ChildOut) -> str:
    from syncropel.client.standing import standing  # their package imports what `--help` does not need

    told = standing(child)
    word = _STATES.get(told, told)
    if child.standing == "lost" and child.lost_at is not None:
        word = f"lost {when(child.lost_at)}"
    elif told == "asks" and child.asks is not None:
        word = f"asks since {when(child.asks.since)}"
    facts: list[str] = []
    if child.state in _BAD_VERDICTS or child.state == "accept":
        facts = [cost(child.cost_usd, unknown=child.cost_unknown)]
        if child.wall_time_secs is not None:
            facts.append(f"{wall(child.wall_time_secs)}s")
    elif child.why:
        facts = [child.why]
    if child.attempt > 1:
        facts.append(f"attempt {child.attempt}")
    if (merged := child.merged) is not None:
        at = f" at {merged.commit[:SHORT]}" if merged.commit else ""
        facts.append(f"merged into {clean(merged.into)}{at}")
    return f"{word} ({', '.join(facts)})" if facts else word


def task_lines(task: TaskDetail) -> list[str]:
    """The output of `spl task show`."""
    lines = [f"Task: {task.goal}", f"Thread: {task.thread}"]
    lines += [f"Alias: {task.alias}"] if task.alias else []
    lines += [f"Status: {task.status}{_because(task.reason)}", f"Priority: {task.priority}"]
    lines += [f"Part of: {task.parent_thread}"] if task.parent_thread else []
    lines += [f"Namespace: {task.namespace}"] if task.namespace not in ("", "default") else []
    lines += [f"Opened by: trigger {task.trigger}, record {task.triggered_by}"] if task.trigger else []
    lines += [f"Labels: {', '.join(task.labels)}"] if task.labels else []
    lines += [f"Assignee: {task.assignee}"] if task.assignee else []
    lines += [f"Hypothesis: {task.hypothesis}"] if task.hypothesis else []
    if task.criteria:
        lines += ["Success Criteria:", *(f"  [ ] {criterion}" for criterion in task.criteria)]
    if task.budget_usd is not None:
        told = against(task.cost_usd, task.budget_usd, unknown=task.cost_unknown)
        lines.append(f"Budget: {told}")
    if task.attempts_failed:
        spent = cost(task.cost_usd, unknown=task.cost_unknown)
        lines.append(f"Prior attempts: {task.attempts_failed} failed ({spent} total)")
    if task.completed_by or task.verdict:
        lines.append("Evaluation:")
        lines += [f"  Completed by: {task.completed_by}"] if task.completed_by else []
        lines += [f"  Verdict: {task.verdict} (by {task.verdict_by or 'unknown'})"] if task.verdict else []
    if task.talk is not None:
        lines += questions.talk_lines(task)
    for one in task.marks:
        lines.append(f"{clean(one.name)}: {one.problem or clean(_plain(one.value)) or '-'}")
    lines += collision_lines(task.collisions)
    lines += reviews_lines(task.reviews)
    lines += merges_lines(task.merges)
    lines += children_lines(task.children, task.children_join)
    return [*lines, f"Records: {task.records}"]


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _because(reason: str) -> str:
    return f" ({reason})" if reason else ""


def list_lines(tasks: Sequence[TaskSummary], more: bool) -> list[str]:
    """The output of `spl task list`."""
    if not tasks:
        return ["no tasks"]
    rows = [[_name(task), task.status, task.priority, _progress(task), _title(task.goal)] for task in tasks]
    lines = table(["TASK", "STATUS", "PRIORITY", "SUBTASKS", "GOAL"], rows)
    return [*lines, "…and more; narrow it with --status or raise --limit"] if more else lines


def _name(task: TaskSummary) -> str:
    return task.alias or task.thread


def _progress(task: TaskSummary) -> str:
    return f"{task.completed}/{task.subtasks}" if task.subtasks else "-"


def _title(goal: str) -> str:
    return textwrap.shorten(clean(goal), _TITLE_WIDTH, placeholder="…") or "-"


def _total(report: Speedup) -> str:
    told = cost(report.total_cost_usd, 4, unknown=report.cost_unknown)
    return told if report.cost_unknown else f"cost: {told}"


def speedup_lines(report: Speedup) -> list[str]:
    """The output of `spl task speedup`."""
    walls = ", ".join("-" if value is None else wall(value) for value in report.walls)
    lines = [
        f"Fan-out speedup report: {report.thread}",
        "",
        "Parallel run:",
        f"  subtasks: {report.subtasks}",
        f"  per-subtask walls: [{walls}]",
        f"  parallel wall: {wall(report.parallel_wall_secs)}s (critical path {_path(report)})",
        f"  total {_total(report)}",
    ]
    if report.late:
        lines.append(f"  after the join, not counted: {_indexes(report.late)}")
    if not report.complete:
        missing = sum(value is None for value in report.walls)
        lines.append(f"  not joined yet: {missing} of {report.subtasks} subtasks have no result")
    if report.serial is not None:
        lines += _measured_lines(report.serial)
    lines += [
        "",
        "Weak estimate (single-run, sanity check only):",
        f"  serial estimate: {wall(report.serial_estimate_secs)}s (sum of subtask walls)",
        f"  estimated speedup: {ratio(report.estimated_speedup)}",
    ]
    lines += [] if report.serial is not None else _CAVEAT
    return [*lines, *_took_lines(report.measured)] if report.measured is not None else lines


def _took_lines(took: MeasuredOut) -> list[str]:
    """What the run itself shows, whatever the estimate says."""
    slots = f", on {took.slots} slots" if took.slots is not None else ""
    return [
        "",
        "Measured in this run:",
        f"  elapsed: {precise(took.elapsed_secs)} from fan-out to join{slots}",
        f"  waiting to begin: {precise(took.queued_secs)} in all, {precise(took.longest_queue_secs)} at most",
        f"  measured speedup: {ratio(took.speedup)} (sum of walls / elapsed)",
    ]


def _indexes(found: Sequence[int]) -> str:
    more = f" and {len(found) - _MOST_RETRIES} more" if len(found) > _MOST_RETRIES else ""
    return ", ".join(f"[{index}]" for index in found[:_MOST_RETRIES]) + more


def _path(report: Speedup) -> str:
    if not report.has_dependencies:
        return "= max"
    return "= " + " → ".join(f"[{index}]" for index in report.critical_path)


def _measured_lines(serial: SerialBaseline) -> list[str]:
    return [
        "",
        "Measured against a serial run:",
        f"  serial thread: {serial.thread}",
        f"  serial wall: {wall(serial.wall_secs)}s",
        f"  serial cost: {dollars(serial.cost_usd, 4)}",
        f"  measured speedup: {ratio(serial.speedup)}",
    ]
