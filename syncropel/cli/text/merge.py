"""Merges as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from syncropel.cli.support.terminal import clean

if TYPE_CHECKING:
    from syncropel.wire import CollisionOut, ConflictFile, MergeOut, MergeStep

SHORT: Final = 12
"""Digits of a commit that are shown."""
_TAIL_LINES: Final = 10
_FINE: Final = ("merged", "checked")
_ENDS: Final = {"checked": "nothing was moved", "merge_untaken": "not taken on", "gate_failed": "gate failed"}


def is_fine(merge: MergeOut) -> bool:
    """Whether it came to what was asked for."""
    return merge.state in _FINE


def begun_line(name: str, merge: MergeOut) -> str:
    """That it was asked for."""
    what = "Dry run of a merge" if merge.dry_run else "Merge"
    branches = " ".join(f"[{one.index}]" for one in merge.branches)
    return clean(f"◇ {what} of {name} {branches} on {merge.instance_alias or merge.instance}")


def step_lines(step: MergeStep) -> list[str]:
    """One step, as it is done; none for those that the end repeats."""
    subtask = f"[{step.index}]" if step.index is not None else ""
    match step.what:
        case "merged":
            return [f"  {subtask} merged ({step.made[:SHORT]})"]
        case "nothing_new":
            return [f"  {subtask} has nothing new"]
        case "gate_started":
            return [f"  gate on {step.commit[:SHORT]}{f', up to {subtask}' if subtask else ''}"]
        case "gate_passed":
            return ["  gate passed"]
        case "gate_failed":
            return [f"  {clean(step.told)}"]
        case "bisected":
            return [f"  the gate fails from {subtask} on"]
    return []


def end_lines(merge: MergeOut) -> list[str]:
    """How it ended."""
    glyph = "✓" if is_fine(merge) else "✗"
    word = "" if merge.state == "merged" else f"{_ENDS.get(merge.state, merge.state)}: "
    lines = [f"{glyph} {word}{clean(merge.told)}"]
    lines += [f"    {_file(merge, one)}" for one in merge.files]
    tail = next((step.tail for step in reversed(merge.steps) if step.tail), "")
    if merge.state == "gate_failed" and tail:
        lines += [f"    {clean(line)}" for line in tail.splitlines()[-_TAIL_LINES:]]
    return lines


def _file(merge: MergeOut, file: ConflictFile) -> str:
    mine = next((step.index for step in reversed(merge.steps) if step.index is not None), None)
    other = f"[{file.index}]" if file.index is not None else file.since or merge.into
    return clean(f"{file.path}: [{mine}] and {other}")


def collision_lines(collisions: Sequence[CollisionOut]) -> list[str]:
    """Files that running subtasks have touched together, in a task's description; empty without any."""
    from syncropel.wire.work_words import of_collision  # its package imports what `--help` does not need

    lines = [f"  {one.repo} {of_collision(one)}" for one in collisions]
    return ["Collisions:", *map(clean, lines)] if lines else []


def merges_lines(merges: Sequence[MergeOut]) -> list[str]:
    """Merges in a task's description, the latest first; empty without any."""
    return ["Merges:", *(f"  {merge_line(one)}" for one in merges)] if merges else []


def merge_line(merge: MergeOut) -> str:
    """One merge in one line."""
    branches = " ".join(f"[{one.index}]" for one in merge.branches)
    what = "dry run, " if merge.dry_run else ""
    told = f": {merge.told}" if merge.told else ""
    return clean(f"{branches} into {merge.into or 'the base branch'}: {what}{merge.state}{told}")
