"""A long fan-out made short: subtasks that nobody needs to look at stand behind one line for each state."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from syncropel.wire import ChildOut

MOST_SHOWN: Final = 40
"""As many subtasks are shown one by one whatever their states."""
_LEAST_FOLDED: Final = 5
_QUIET: Final = ("accept", "pending", "blocked")
"""States that ask nothing of an operator; what runs, failed or was ended always stands by itself."""


@dataclass(frozen=True)
class Group:
    """All subtasks of one state; `folded` when they are not shown one by one."""

    state: str
    children: tuple[ChildOut, ...]
    folded: bool

    @property
    def key(self) -> str:
        """Its identity among the rows, where subtasks have their index."""
        return f"+{self.state}"


def fold(children: Sequence[ChildOut], unfolded: Collection[str]) -> list[ChildOut | Group]:
    """The subtasks that stand by themselves, then each group before its own; no group when there are few.

    `unfolded`: the states of which the operator wants to see every one.
    """
    if len(children) <= MOST_SHOWN:
        return list(children)
    members = {state: tuple(one for one in children if one.state == state) for state in _QUIET}
    members = {state: found for state, found in members.items() if len(found) >= _LEAST_FOLDED}
    shown: list[ChildOut | Group] = [one for one in children if one.state not in members]
    for state, found in members.items():
        folded = state not in unfolded
        shown += [Group(state, found, folded), *(() if folded else found)]
    return shown
