"""Merges in words, shared by the command line and the console. Texts of others are in them: clean them before
they reach a terminal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from syncropel.wire import ConflictFile, MergeOut, MergeStep

SHORT: Final = 12
"""Digits of a commit that are shown."""
_TAIL_LINES: Final = 10
_FINE: Final = ("merged", "checked")
_ENDS: Final = {"checked": "nothing was moved", "merge_untaken": "not taken on", "gate_failed": "gate failed"}


def is_fine(merge: MergeOut) -> bool:
    """Whether it came to what was asked for."""
    return merge.state in _FINE


def is_over(merge: MergeOut) -> bool:
    """Whether nothing more is to be expected of it."""
    return merge.ended_at is not None or merge.state == "merge_untaken"


def step_words(step: MergeStep) -> str:
    """One step, as it is done; empty for those that the end repeats."""
    subtask = f"[{step.index}]" if step.index is not None else ""
    match step.what:
        case "merged":
            return f"{subtask} merged ({step.made[:SHORT]})"
        case "nothing_new":
            return f"{subtask} has nothing new"
        case "gate_started":
            return f"gate on {step.commit[:SHORT]}{f', up to {subtask}' if subtask else ''}"
        case "gate_passed":
            return "gate passed"
        case "gate_failed":
            return step.told
        case "bisected":
            return f"the gate fails from {subtask} on"
    return ""


def end_words(merge: MergeOut) -> str:
    """How it ended."""
    word = "" if merge.state == "merged" else f"{_ENDS.get(merge.state, merge.state)}: "
    return f"{word}{merge.told}"


def proof_lines(merge: MergeOut) -> list[str]:
    """What shows why it ended so: the files in conflict, and the last lines of a gate that failed."""
    tail = next((step.tail for step in reversed(merge.steps) if step.tail), "")
    failed = tail.splitlines()[-_TAIL_LINES:] if merge.state == "gate_failed" else []
    return [*(_file(merge, one) for one in merge.files), *failed]


def _file(merge: MergeOut, file: ConflictFile) -> str:
    other = f"[{file.index}]" if file.index is not None else file.since or merge.into
    return f"{file.path}: [{_last(merge)}] and {other}"


def _last(merge: MergeOut) -> int | None:
    """The subtask that the last step about one was about."""
    return next((step.index for step in reversed(merge.steps) if step.index is not None), None)


def merge_words(merge: MergeOut) -> str:
    """One merge in one line."""
    branches = " ".join(f"[{one.index}]" for one in merge.branches)
    what = "dry run, " if merge.dry_run else ""
    told = f": {merge.told}" if merge.told else ""
    return f"{branches} into {merge.into or 'the base branch'}: {what}{merge.state}{told}"


def left_words(merge: MergeOut) -> str:
    """What a merge that stopped has left."""
    if merge.state == "merge_untaken":
        return "it is not known whether its instance got it"
    return f"{merge.into or 'the target'} was left as it was"


def advice(name: str, merge: MergeOut) -> list[str]:
    """What to do after a merge that stopped; empty where its own words say that."""
    again = f"spl task merge {name}"
    match merge.state:
        case "conflict":
            return _by_hand(again, merge, [step.index for step in merge.steps if step.what == "merged"])
        case "gate_failed":
            bad = next((step.index for step in reversed(merge.steps) if step.what == "bisected"), None)
            others = [one.index for one in merge.branches if one.index != bad]
            if bad is not None and others:
                return [f"leave [{bad}] out: {again} {' '.join(map(str, others))}"]
            return [f"mend it, and merge it by hand: git merge {one.branch}" for one in merge.branches[:1]]
        case "frozen":
            return [f"lift the freeze, and merge again: {again}"]
        case "interrupted":
            return [f"merge again: {again}"]
        case "merge_untaken":
            return [f"see whether it began after all: {again} --status"]
    return []


def _by_hand(again: str, merge: MergeOut, done: list[int | None]) -> list[str]:
    """About a conflict, and about the branches before it."""
    at = _last(merge)
    first = [f"merge those before it: {again} {' '.join(map(str, done))}"] if done else []
    branch = next((one.branch for one in merge.branches if one.index == at), "")
    return [*first, f"{'then ' if done else ''}merge it by hand: git merge {branch}"]
