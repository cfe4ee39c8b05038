"""The breadcrumb trail of the header."""

from __future__ import annotations

from collections.abc import Iterable

from textual.screen import Screen

from tui.screens.base import ConsoleScreen


def trail(stack: Iterable[Screen[object]]) -> str:
    """The titles of stacked screens. One that is not about part of its opener follows the first directly."""
    path: list[ConsoleScreen] = []
    words: list[str] = []
    for one in stack:
        if isinstance(one, ConsoleScreen):
            if len(path) > 1 and not one.lies_in(path[-1]):
                del path[1:], words[1:]
            words.append(one.crumb_in(path[-1]) if path else one.crumb)
            path.append(one)
    return " › ".join(words)
