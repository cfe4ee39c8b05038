"""What a join is decided from: how many subtasks accepted, which are not finished, and which failed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from syncropel.folds.fanout.state import ACCEPT
from syncropel.folds.fanout.subtasks import Child


class Tally(Protocol):
    """The subtasks of one fan-out, counted. The lists have their indexes, in order.

    `unfinished` have no result, `failed` have one other than accept, `blocked` are the unfinished that will
    not begin as things stand.
    """

    @property
    def total(self) -> int: ...
    @property
    def accepted(self) -> int: ...
    @property
    def unfinished(self) -> Sequence[int]: ...
    @property
    def failed(self) -> Sequence[int]: ...
    @property
    def blocked(self) -> Sequence[int]: ...

    def child(self, index: int) -> Child:
        """One subtask."""
        ...

    def children(self) -> Sequence[Child]:
        """All subtasks, by index. Later changes do not reach what was returned."""
        ...

    def cel_children(self) -> list[dict[str, Any]]:
        """All subtasks as a join expression sees them, likewise."""
        ...


class Counted:
    """A tally of subtasks that were folded for one look."""

    def __init__(self, children: Sequence[Child]) -> None:
        self._children = children
        self.total = len(children)
        self.accepted = sum(child.state == ACCEPT for child in children)
        self.unfinished = [at for at, child in enumerate(children) if not child.finished]
        self.failed = [at for at, child in enumerate(children) if child.finished and child.state != ACCEPT]
        self.blocked = [at for at in self.unfinished if children[at].state == "blocked"]

    def child(self, index: int) -> Child:
        return self._children[index]

    def children(self) -> Sequence[Child]:
        return self._children

    def cel_children(self) -> list[dict[str, Any]]:
        return [cel_child(child) for child in self._children]


def tally_of(children: Sequence[Child] | Tally) -> Tally:
    """The tally of subtasks, unless it is one already."""
    return Counted(children) if isinstance(children, Sequence) else children


def cel_child(child: Child) -> dict[str, Any]:
    """A subtask as a join expression sees it. `verdict` is empty until there is a result."""
    spawn, report = child.spawn, child.report
    return {
        "index": child.index,
        "goal": child.subtask.goal,
        "target": child.subtask.target,
        "worker": spawn.instance if spawn else "",
        "state": child.state,
        "verdict": report.verdict if report else "",
        "summary": report.summary if report else "",
        "cost_usd": report.cost_usd if report else 0.0,
        "wall_time_secs": report.wall_time_secs if report else 0.0,
        "attempt": child.attempt,
        "approved": child.approved,
        "thread": spawn.child_thread if spawn else "",
    }
