"""The lines that a patch of git shows, each by its file and number."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_HUNK: Final = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")


def patch_lines(patch: str) -> Iterator[tuple[str, str, int, str]]:
    """The lines that a patch of git shows: `new` or `old`, the file, the line's number, and its text. A line
    that is in both files comes twice.
    """
    names = {"old": "", "new": ""}
    at, left = {"old": 0, "new": 0}, {"old": 0, "new": 0}
    for line in patch.split("\n"):
        if left["old"] > 0 or left["new"] > 0:
            sides = {" ": ("old", "new"), "-": ("old",), "+": ("new",)}.get(line[:1], ())
            for side in sides:
                yield side, names[side], at[side], line[1:]
                at[side] += 1
                left[side] -= 1
        elif (hunk := _HUNK.match(line)) is not None:
            old, olds, new, news = hunk.groups()
            at = {"old": int(old), "new": int(new)}
            left = {"old": int(olds or 1), "new": int(news or 1)}
        elif line.startswith(("--- ", "+++ ")):
            names["old" if line[0] == "-" else "new"] = _file(line[4:])


def _file(name: str) -> str:
    """The path in a line `--- a/path` or `+++ b/path`; git quotes odd ones, which stay as they are."""
    plain = name.split("\t")[0]
    return plain[2:] if plain[:2] in ("a/", "b/") else plain
