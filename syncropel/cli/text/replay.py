"""Replays and comparisons of threads as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from syncropel.cli.support.numbers import dollars
from syncropel.cli.support.terminal import table
from syncropel.cli.text.thread import when

if TYPE_CHECKING:
    from syncropel.wire.replay import (
        ComparedRow,
        ComparedSide,
        FactValue,
        ReplayFrame,
        ReplayPage,
        ThreadDiff,
    )

_VALUE_CHARS: Final = 90
_TELLING: Final = ("fulfills", "subtasks", "task")
"""Members of a body that tell what a record without a topic is about."""
_ID_CHARS: Final = 19
_MARKS: Final = {"same": "=", "differs": "≠", "left": "<", "right": ">"}


def head_lines(page: ReplayPage) -> list[str]:
    """The first lines of `spl debug replay`."""
    thread = page.thread
    title = f" — {thread.title}" if thread.title else ""
    return [f"Replay of {thread.id}{title}", f"  {page.total} records, now {thread.status}", ""]


def frame_lines(frame: ReplayFrame) -> list[str]:
    """One record: where, when, what, by whom, its hash, its effect on the status and on each fact."""
    record = frame.record
    named = (name for name in _TELLING if name in record.body)
    topic = str(record.body.get("topic") or record.body.get("kind") or next(named, ""))
    status = (
        f"{frame.status_before} → {frame.status_after}"
        if frame.status_before != frame.status_after
        else frame.status_after
    )
    hash_ = f"✓ {record.id[:12]}" if frame.hash_ok else f"✗ {record.id[:12]} hashes to {frame.hash[:12]}"
    what = f"{record.act} {topic}".rstrip()
    lines = [f"{frame.position:>6}  {when(record.received_at)}  {what}  [{status}]"]
    lines.append(f"        clock {record.clock}  {hash_}  {record.actor}")
    before = {fact.name: fact.value for fact in frame.before}
    after = {fact.name: fact.value for fact in frame.after}
    for name in frame.changed:
        # Where a thread becomes a task, many facts appear and disappear that have no meaning yet.
        comes_or_goes = name not in before or name not in after
        if name != "status" and not (comes_or_goes and not (after.get(name) or before.get(name))):
            lines.append(f"        {name}: {_change(name, before, after)}")
    return lines


def broken_lines(count: int) -> list[str]:
    """The closing lines when hashes were wrong."""
    are = "record does not hash to its id" if count == 1 else "records do not hash to their ids"
    return ["", f"✗ {count} {are}: this log was altered or is damaged"]


def diff_lines(diff: ThreadDiff, *, whole: bool) -> list[str]:
    """The output of `spl debug thread-diff`."""
    rows = [
        ["thread", _short(diff.left.thread.id), _short(diff.right.thread.id)],
        ["title", diff.left.thread.title, diff.right.thread.title],
        ["status", diff.left.status, diff.right.status],
        ["records", str(diff.left.records), str(diff.right.records)],
        ["wall", _wall(diff.left), _wall(diff.right)],
        ["cost", _cost(diff.left), _cost(diff.right)],
    ]
    counts = (
        f"{diff.same} steps the same · {diff.differs} differ · {diff.left_only} only in A · "
        f"{diff.right_only} only in B"
    )
    lines = [*table(["", "A", "B"], rows), "", counts]
    if diff.first_divergence is None:
        return [*lines, "✓ they took the same steps"]
    at = diff.rows[diff.first_divergence]
    lines += [f"first divergence: {at.step} (row {diff.first_divergence + 1})", ""]
    return lines + [_row_line(row) for row in diff.rows if whole or row.kind != "same"]


def _row_line(row: ComparedRow) -> str:
    left = str(row.left.position) if row.left else "-"
    right = str(row.right.position) if row.right else "-"
    told = {"left": "only in A", "right": "only in B"}.get(row.kind, ", ".join(row.differences))
    mark = _MARKS.get(row.kind, "?")
    return f"{mark} {left:>5} {right:>5}  {row.step}{f'  ({told})' if told else ''}"


def _change(name: str, before: dict[str, FactValue], after: dict[str, FactValue]) -> str:
    if name not in after:
        return f"{_value(before[name])} → gone"
    if name not in before:
        return _value(after[name])
    return f"{_value(before[name])} → {_value(after[name])}"


def _value(value: FactValue) -> str:
    if value is None or value == "":
        return "—"
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= _VALUE_CHARS else text[:_VALUE_CHARS] + "…"


def _short(thread: str) -> str:
    return thread if len(thread) <= _ID_CHARS else thread[:_ID_CHARS] + "…"


def _wall(side: ComparedSide) -> str:
    return "—" if side.wall_secs is None else f"{side.wall_secs:.1f}s"


def _cost(side: ComparedSide) -> str:
    return "—" if side.cost_usd is None else dollars(side.cost_usd)
