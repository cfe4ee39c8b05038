"""The diagnosis of a task, as text: how its attempts ended, and its tree."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from syncropel.cli.support.numbers import dollars, wall
from syncropel.cli.support.terminal import clean, table
from syncropel.cli.text.agent import agent_lines, gate_lines
from syncropel.cli.text.children import child_line
from syncropel.cli.text.spend import cost
from syncropel.cli.text.thread import when

if TYPE_CHECKING:
    from syncropel.wire.diagnosis import AttemptDiagnosis, Diagnosis, TaskTree, TreeNode

_GLYPHS: Final = {
    **dict.fromkeys(("accept", "approved", "done"), "✓"),
    **dict.fromkeys(("failed", "reject", "rejected", "timeout", "terminated", "blocked", "cancelled"), "✗"),
}
_TITLE_WIDTH: Final = 60
_DEEPEST: Final = 20
"""Deepest level that is indented; a longer chain continues at that indent."""


def diagnosis_lines(told: Diagnosis) -> list[str]:
    """The output of `spl task diagnose`; the last attempt comes last."""
    lines = [f"Task: {told.goal}", f"Thread: {told.thread}", f"Status: {told.status}"]
    if not told.attempts:
        lines += ["", "nothing was given to an instance yet"]
    for attempt in told.attempts:
        lines += ["", *_attempt_lines(attempt)]
    return lines


def _attempt_lines(one: AttemptDiagnosis) -> list[str]:
    alias = f" ({one.instance_alias})" if one.instance_alias else ""
    lines = [
        f"[{one.index}] {clean(one.goal)}",
        "Dispatch",
        f"  attempt: {one.attempt}",
        f"  instance: {one.instance}{alias}",
        f"  thread: {one.child_thread}",
        f"  state: {one.state}",
    ]
    if one.wall_time_secs is not None:
        lines.append(f"  took: {wall(one.wall_time_secs)}s, {cost(one.cost_usd, unknown=one.cost_unknown)}")
    lines += [f"  {line}" for line in (*agent_lines(one.agent), *gate_lines(one.gate))]
    if (left := one.worktree) is not None:
        lines += [
            f"  worktree: {left.path}",
            f"  branch: {left.branch or 'None (detached)'}",
            f"  latest commit: {left.commit[:12]} {left.subject}",
            f"  commits ahead: {left.commits_ahead}",
            f"  uncommitted files: {left.uncommitted}",
        ]
    lines += [f"  output: {one.output}"] if one.output else []
    lines += [f"✗ a report was refused: {clean(told)}" for told in one.refused_reports]
    lines += _start_lines(one)
    if one.success is None:
        return [*lines, "", "no result yet"]
    return [*lines, "", *_subprocess_lines(one), "", *_completion_lines(one)]


def _start_lines(one: AttemptDiagnosis) -> list[str]:
    rows = [
        [
            str(number),
            when(start.at),
            one.instance_alias or start.instance if start.instance == one.instance else start.instance,
            str(start.pid or "-"),
            ("taken back; " if start.taken_back else "") + (start.ended or one.state).replace("_", " "),
        ]
        for number, start in enumerate(one.starts, start=1)
    ]
    head = ["START", "AT", "INSTANCE", "PID", "ENDED"]
    return ["", "Starts", *(f"  {line}" for line in table(head, rows))] if rows else []


def _subprocess_lines(one: AttemptDiagnosis) -> list[str]:
    if one.subprocess is None:
        return ["Subprocess", "  none, or it was ended by the engine"]
    return [
        "Subprocess",
        f"  pid: {one.subprocess.pid}",
        f"  runtime: {one.subprocess.runtime_ms}ms",
        f"  exit_code: {_option(one.subprocess.exit_code)}",
        f"  signal: {_option(one.subprocess.signal)}",
    ]


def _completion_lines(one: AttemptDiagnosis) -> list[str]:
    lines = ["Completion", f"  codepath: {one.codepath or 'unknown'}"]
    lines += [f"  failure_reason: {one.failure_reason}"] if one.failure_reason else []
    lines.append(f"  success: {str(one.success).lower()}")
    lines += [f"  {line}" for line in one.summary.strip().splitlines()[-3:]]
    return [*lines, f"✗ {one.advice}"] if one.advice else lines


def _option(value: Any) -> str:
    return "None" if value is None else f"Some({value})"


def tree_lines(tree: TaskTree) -> list[str]:
    """The output of `spl task tree`: below each subtask, the tasks created for it."""
    return [_task_line(tree), *_below(tree, "")]


def _task_line(tree: TaskTree) -> str:
    return f"{_glyph(tree.status)} {tree.alias or tree.thread} {_title(tree.goal)}  {tree.status}"


def _below(tree: TaskTree, margin: str) -> list[str]:
    last = {node.parent: node.index for node in tree.nodes}
    hangs = {node.parent for node in tree.nodes}
    lines: list[str] = []
    rails: list[str] = []
    for node in tree.nodes:
        del rails[node.depth :]
        more = node.parent is None and bool(tree.tasks or tree.children)
        at_end = last[node.parent] == node.index and not more
        before = margin + "".join(rails[:_DEEPEST])
        lines.append(f"{before}{'└─' if at_end else '├─'} {_node_line(node)}")
        rails.append("   " if at_end else "│  ")
        lines += _tasks(node.tasks, margin + "".join(rails[:_DEEPEST]), more=node.index in hangs)
    lines += _tasks(tree.tasks, margin, more=bool(tree.children))
    for place, child in enumerate(tree.children, start=1):
        lines.append(f"{margin}{'└─' if place == len(tree.children) else '├─'} {child_line(child)}")
    return lines


def _tasks(trees: Sequence[TaskTree], margin: str, *, more: bool) -> list[str]:
    """The tasks at this level; `more` follows them."""
    lines = []
    for place, tree in enumerate(trees):
        at_end = place == len(trees) - 1 and not more
        lines.append(f"{margin}{'└─' if at_end else '├─'} {_task_line(tree)}")
        lines += _below(tree, margin + ("   " if at_end else "│  "))
    return lines


def _node_line(node: TreeNode) -> str:
    from syncropel.client.standing import standing  # their package imports what `--help` does not need

    facts = [standing(node).replace("_", " "), node.instance_alias or node.instance or ""]
    if node.wall_time_secs is not None:
        facts.append(f"{dollars(node.cost_usd)}, {wall(node.wall_time_secs)}s")
    facts += [f"attempt {node.attempt}"] if node.attempt > 1 else []
    if len(node.depends_on) > 1:
        facts.append(f"after {', '.join(f'[{one}]' for one in node.depends_on)}")
    facts += [f"merged into {clean(node.merged.into)}"] if node.merged is not None else []
    facts.append(node.why)
    told = " · ".join(fact for fact in facts if fact)
    return f"{_glyph(node.state)} [{node.index}] {_title(node.goal)}  {told}"


def _glyph(state: str) -> str:
    return _GLYPHS.get(state, "·")


def _title(goal: str) -> str:
    return textwrap.shorten(clean(goal), _TITLE_WIDTH, placeholder="…") or "-"
