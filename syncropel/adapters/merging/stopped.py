"""Why a merge goes no further."""

from __future__ import annotations

from typing import Any


class Stopped(Exception):
    """A merge ends here, and its target stays as it was.

    `state`: one of `folds.tasks.merges.STATES`. `told`: what happened, for people. `facts`: for the record of
    the end.
    """

    def __init__(self, state: str, told: str, **facts: Any) -> None:
        super().__init__(told)
        self.state = state
        self.told = told
        self.facts = facts
