"""Parses what a program says about itself: whatever it is, it must not break the reader."""

from __future__ import annotations

import json
from typing import Any, Final

from syncropel.folds.fanout.spec import LARGEST

LONGEST_LINE: Final = 200
"""Characters of a tool's argument or result in an event."""


def read_object(line: bytes) -> dict[str, Any] | None:
    """The JSON object on a line; None when it is not one."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def text(value: Any) -> str:
    """A text, or an empty one; each lone surrogate, which no record may contain, becomes a question mark."""
    if not isinstance(value, str) or value.isascii():
        return value if isinstance(value, str) else ""
    return value.encode("utf-8", "replace").decode("utf-8")


def name(value: Any) -> str:
    """A program's name for a session or a model, cut to the length limit of events."""
    return text(value)[:LONGEST_LINE]


def part(value: Any) -> dict[str, Any]:
    """An object, or an empty one."""
    return value if isinstance(value, dict) else {}


def parts(value: Any) -> list[dict[str, Any]]:
    """The objects of a list."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def texts(value: Any) -> list[str]:
    """The texts of a list."""
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def dollars(value: Any) -> float | None:
    """An amount of US dollars; None when it is invalid, or so large that sums would not stay finite."""
    usable = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if usable and 0 <= value <= LARGEST else None


def one_line(value: str) -> str:
    """The first non-blank line, short enough to stand beside others."""
    for line in value.splitlines():
        if shown := " ".join(line.split()):
            return shown if len(shown) <= LONGEST_LINE else f"{shown[: LONGEST_LINE - 1]}…"
    return ""


def argument(given: Any) -> str:
    """What distinguishes one call of a tool from others: the command, the path, or the first text of its
    input.
    """
    if isinstance(given, str):
        return one_line(given)
    values = part(given)
    for key in ("command", "cmd", "file_path", "path", "pattern", "url", "query", "prompt", "description"):
        if shown := one_line(text(values.get(key))):
            return shown
    return next((shown for value in values.values() if (shown := one_line(text(value)))), "")
