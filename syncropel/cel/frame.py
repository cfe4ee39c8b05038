"""One evaluation of a compiled expression, and the form of what is compiled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from syncropel.cel.budget import Budget


class Frame:
    """One evaluation: names resolved so far, where others come from, and the remaining budget."""

    __slots__ = ("budget", "functions", "load", "values")

    def __init__(
        self,
        load: Callable[[str], Any],
        functions: Mapping[str, Callable[..., Any]],
        budget: Budget,
    ) -> None:
        self.values: dict[str, Any] = {}
        self.load = load
        self.functions = functions
        self.budget = budget


Run = Callable[[Frame], Any]
"""A compiled node: computes its value in a frame. Raises CelError."""
