"""Merges as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from syncropel.cli.support.terminal import clean
from syncropel.client.merge_text import end_words, is_fine, merge_words, proof_lines

if TYPE_CHECKING:
    from syncropel.wire import CollisionOut, MergeOut


def begun_line(name: str, merge: MergeOut) -> str:
    """That it was asked for."""
    what = "Dry run of a merge" if merge.dry_run else "Merge"
    branches = " ".join(f"[{one.index}]" for one in merge.branches)
    return clean(f"◇ {what} of {name} {branches} on {merge.instance_alias or merge.instance}")


def end_lines(merge: MergeOut) -> list[str]:
    """How it ended."""
    glyph = "✓" if is_fine(merge) else "✗"
    return [clean(f"{glyph} {end_words(merge)}"), *(f"    {clean(line)}" for line in proof_lines(merge))]


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
    return clean(merge_words(merge))
