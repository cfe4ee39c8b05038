"""What a subtask is told about those that it depends on: their summaries, and their worktrees.

It is decided with the spawn and stored in it, since a predecessor may be retried later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from syncropel.folds.fanout.state import FanOut

MOST_SUBTASKS: Final = 20
MOST_SUMMARY: Final = 12_000
"""Characters of all summaries together."""
MOST_GOAL: Final = 200
MOST_PATH: Final = 1024
_TEXTS: Final = ("branch", "commit", "path")
_COUNTS: Final = ("files", "insertions", "deletions", "uncommitted")


def briefing_of(fanout: FanOut, depends_on: tuple[int, ...]) -> dict[str, Any] | None:
    """Facts about these subtasks as reported; None when there are none.

    `subtasks`: a list of `index, attempt, instance, goal, summary`, and for a worktree `branch, commit, path,
    files, insertions, deletions, uncommitted`. `left_out`: how many more there are.
    """
    told = depends_on[:MOST_SUBTASKS]
    each = MOST_SUMMARY // max(1, len(told))
    rows = [row for index in told if (row := _row(fanout, index, each))]
    if not rows:
        return None
    left_out = len(depends_on) - len(rows)
    return {"subtasks": rows, **({"left_out": left_out} if left_out else {})}


def _row(fanout: FanOut, index: int, most: int) -> dict[str, Any] | None:
    report = fanout.report(index)
    if report is None:
        return None
    left = report.worktree or {}
    texts = {key: left[key][:MOST_PATH] for key in _TEXTS if isinstance(left.get(key), str)}
    return {
        "index": index,
        "attempt": fanout.attempt(index),
        "instance": report.worker,
        "goal": fanout.spec.subtasks[index].goal[:MOST_GOAL],
        "summary": report.summary[:most],
        **texts,
        **{key: left[key] for key in _COUNTS if type(left.get(key)) is int},
    }
