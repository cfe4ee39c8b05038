"""Shortens a long fan-out: subtasks that nobody needs to see are folded into one line per state."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from syncropel.wire import ChildOut

MOST_SHOWN: Final = 40
"""Up to this many subtasks are shown individually, whatever their states."""
_LEAST_FOLDED: Final = 5
_QUIET: Final = ("accept", "pending", "blocked")
"""States that need no attention; running, failed, and terminated subtasks are always shown individually."""


@dataclass(frozen=True)
class Group:
    """All subtasks of one state; `folded` when they are not shown individually."""

    state: str
    children: tuple[ChildOut, ...]
    folded: bool

    @property
    def key(self) -> str:
        """Its identity among the rows, where subtasks use their index."""
        return f"+{self.state}"


def fold(
    children: Sequence[ChildOut], unfolded: Collection[str], altered: frozenset[str] = frozenset()
) -> list[ChildOut | Group]:
    """Individual subtasks, then each group before its members; no groups when there are few.

    `unfolded`: the states whose subtasks the operator wants to see individually. `altered`: the threads with
    altered records: subtasks that rest on one are in no group, since their state is not proven.
    """
    if len(children) <= MOST_SHOWN:
        return list(children)
    sound = [one for one in children if altered.isdisjoint(_threads(one))]
    members = {state: tuple(one for one in sound if one.state == state) for state in _QUIET}
    members = {state: found for state, found in members.items() if len(found) >= _LEAST_FOLDED}
    shown: list[ChildOut | Group] = [
        one for one in children if one.state not in members or not altered.isdisjoint(_threads(one))
    ]
    for state, found in members.items():
        folded = state not in unfolded
        shown += [Group(state, found, folded), *(() if folded else found)]
    return shown


def _threads(child: ChildOut) -> list[str]:
    """Its own thread, and those of the nested tasks beneath it."""
    return [child.child_thread or "", *(one.thread for one in child.parts)]
