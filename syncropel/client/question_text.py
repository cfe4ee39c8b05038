"""What a question shows, as lines, shared by the command line and the console."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from syncropel.wire import QuestionDetail

_KINDS: Final[dict[str, Literal["added", "removed", "hunk"]]] = {"+": "added", "-": "removed", "@": "hunk"}

_LABELS: Final = ("input", "title", "cwd")
"""What is shown under its own name; any other name may be an agent's."""


@dataclass(frozen=True, slots=True)
class ShownLine:
    """One line. A `label` is in our words, everything else in those of the agent, control characters and all.

    Lines of a difference begin with their sign: `+`, `-`, or a blank.
    """

    kind: Literal["label", "text", "same", "added", "removed", "hunk"]
    text: str


def shown_lines(one: QuestionDetail) -> Iterator[ShownLine]:
    """Exactly what would be done: the command, the changed lines of each file, and whatever else is shown.

    Nothing where there is nothing to show, since it was too large.
    """
    if one.shown is None:
        return
    shown = dict(one.shown)
    if isinstance(command := shown.get("command"), str):
        del shown["command"]
        yield ShownLine("label", "command:")
        yield from (ShownLine("text", line) for line in _lines_of(command))
    if one.command is not None:
        yield ShownLine("label", f"arguments: {json.dumps(one.command)}")
    if isinstance(diffs := shown.get("diffs"), list) and all(map(_is_diff, diffs)):
        del shown["diffs"]
        for diff in diffs:
            yield from _diff_lines(diff["path"], diff.get("old"), diff["new"])
    for key, value in shown.items():
        if key == "title" and value == one.text:
            continue  # it stands above already
        yield ShownLine("label", f"{key if key in _LABELS else json.dumps(key)}:")
        yield from (ShownLine("text", line) for line in _lines_of(json.dumps(value, indent=2)))
    if one.paths:
        yield ShownLine("label", f"paths: {json.dumps(one.paths)}")


def _is_diff(diff: Any) -> bool:
    """Whether its lines can stand for all of it; anything else is shown as it came."""
    if not isinstance(diff, dict) or not diff.keys() <= {"path", "old", "new"}:
        return False
    texts = isinstance(diff.get("path"), str) and isinstance(diff.get("new"), str)
    return texts and isinstance(diff.get("old"), str | None)


def _diff_lines(path: str, before: str | None, new: str) -> Iterator[ShownLine]:
    old = before or ""
    yield ShownLine("label", f"file: {json.dumps(path)}{' (new)' if before is None else ''}")
    # Only the first two lines are headers: a line of the file may begin with the same characters.
    changed = islice(difflib.unified_diff(_file_lines(old), _file_lines(new), lineterm="", n=3), 2, None)
    yield from (ShownLine(_KINDS.get(line[:1], "same"), line) for line in changed)
    if old.endswith("\n") != new.endswith("\n") and old and new:
        text = "the new" if old.endswith("\n") else "the old"
        yield ShownLine("hunk", f"\\ {text} text has no newline at its end")


def _file_lines(text: str) -> list[str]:
    """The lines of a file, whose last one ends with a newline."""
    return _lines_of(text.removesuffix("\n")) if text else []


def _lines_of(text: str) -> list[str]:
    return text.split("\n")
