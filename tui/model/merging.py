"""Merges of a task's branches: what may be asked for, how far one is, and what to do when it stops."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from syncropel.client import merge_text
from tui.model.glyphs import Glyphs, Tone, word
from tui.model.subject import Subject
from tui.model.text import plain
from tui.model.tree import Line
from tui.model.world import World

if TYPE_CHECKING:
    from syncropel.wire import JoinStatus, MergeOut

Told = tuple[str, Tone]
MODES: Final = ("merge", "squash", "ff-only")
_STEPS, _PROOFS, _EARLIER = 4, 4, 3  # lines that are shown: there is room for the buttons at 24 lines


@dataclass(frozen=True)
class Choice:
    """What is to be merged; no subtasks: all that can be. `into` is empty for the repository's base."""

    subtasks: tuple[int, ...] = ()
    into: str = ""
    mode: str = MODES[0]


def indexes(words: str) -> tuple[int, ...]:
    """Indexes of subtasks as they are typed: `0 3`, `[0] [3]`. Raises ValueError."""
    found = tuple(int(one) for one in words.replace("[", " ").replace("]", " ").replace(",", " ").split())
    if any(one < 0 for one in found):
        raise ValueError("negative")
    return tuple(dict.fromkeys(found))


def exactly(choice: Choice, preview: MergeOut) -> Choice:
    """What a preview has shown: its branches, and its target."""
    return Choice(tuple(one.index for one in preview.branches), preview.into or choice.into, choice.mode)


def command(name: str, choice: Choice, *, dry_run: bool) -> str:
    """The equivalent command line."""
    words = ["spl", "task", "merge", name, *map(str, choice.subtasks)]
    words += ["--into", choice.into] if choice.into else []
    words += [f"--{choice.mode}"] if choice.mode != MODES[0] else []
    return shlex.join([*words, "--dry-run"] if dry_run else words)


def objection(world: World, subject: Subject) -> str:
    """Why there is nothing to merge, as far as is known; empty when there may be."""
    if not subject.thread:
        return "the cursor is on no task"
    join = world.join_of(subject.thread)
    if join is not None and not any(one.repo and one.state == "accept" for one in join.subtasks):
        return "no accepted subtask of this task has worked on a repository"
    return ""


def progress(name: str, merge: MergeOut, glyphs: Glyphs) -> list[Told]:
    """How far it is, or how it ended and what to do now."""
    steps = [plain(words) for one in merge.steps if (words := merge_text.step_words(one))]
    told: list[Told] = [(f"  {words}", "plain") for words in steps[-_STEPS:]]
    if not merge_text.is_over(merge):
        where = plain(merge.instance_alias or merge.instance)
        return [*told, (f"{glyphs.sign('in_progress')} {word(merge.state)} on {where}", "busy")]
    fine = merge_text.is_fine(merge)
    unknown = merge.state == "merge_untaken"
    sign = glyphs.sign("done" if fine else "unknown" if unknown else "failed")
    tone: Tone = "good" if fine else "warn" if unknown else "bad"
    told.append((f"{sign} {plain(merge_text.end_words(merge))}", tone))
    if fine:
        return told
    told += [(f"  {plain(words)}", "muted") for words in _last(merge)]
    told.append((plain(merge_text.left_words(merge)), "plain"))
    return [*told, *((f"{glyphs.arrow} {plain(one)}", "warn") for one in merge_text.advice(name, merge))]


def _last(merge: MergeOut) -> list[str]:
    """What shows why it stopped, as much as there is room for: of a gate that is its end."""
    lines = merge_text.proof_lines(merge)
    if len(lines) <= _PROOFS:
        return lines
    if merge.state == "gate_failed":
        return lines[-_PROOFS:]
    return [*lines[: _PROOFS - 1], f"and {len(lines) - _PROOFS + 1} more"]


def earlier(merges: list[MergeOut], glyphs: Glyphs) -> list[Told]:
    """The merges so far, the latest first."""
    told: list[Told] = []
    for one in [merge for merge in merges if not merge.dry_run][:_EARLIER]:
        over, fine = merge_text.is_over(one), merge_text.is_fine(one)
        sign = glyphs.sign("done" if fine else "failed" if over else "in_progress")
        told.append((f"{sign} {plain(merge_text.merge_words(one))}", "muted"))
    return told


def merged_facts(join: JoinStatus | None) -> list[tuple[str, Line]]:
    """Where the branches of a task's subtasks were merged, a line for each merge."""
    found: dict[tuple[str, str], list[int]] = {}
    for one in join.subtasks if join is not None else ():
        if one.merged is not None:
            place = f"{one.merged.into} at {one.merged.commit[: merge_text.SHORT]}".removesuffix(" at ")
            found.setdefault((one.merged.merge, place), []).append(one.index)
    return [
        ("merged", Line(plain(f"{' '.join(f'[{index}]' for index in subtasks)} into {place}"), "good"))
        for (_, place), subtasks in found.items()
    ]
