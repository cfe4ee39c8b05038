"""The join of a parent over its child threads: decided like a fan-out's, from the children's results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from syncropel.errors import InvalidFanOut
from syncropel.folds.fanout.join import JoinDecision, parse_join
from syncropel.folds.fanout.report import Report
from syncropel.folds.fanout.spec import MAX_SUBTASKS, FanOutSpec, Subtask
from syncropel.folds.fanout.state import ACCEPT, FanOut, Spawn
from syncropel.folds.forks.state import Fork, ForkResult, Forks

_NOBODY: Final = ""


@dataclass(frozen=True, slots=True)
class ChildThread:
    """A child thread as its parent sees it.

    `fork`: the INTEND that made it one; empty for a task that names its parent itself. `problem`: why it does
    not count as a child; a result it had before remains.
    """

    thread: str
    goal: str
    fork: str = ""
    result: ForkResult | None = None
    problem: str = ""

    @property
    def counts(self) -> bool:
        """Whether the join includes this child."""
        return self.result is not None or not self.problem


def known_children(forks: Forks) -> list[ChildThread]:
    """The children known from a parent's own records: first those that it forked, then others."""
    ordered: list[Fork] = sorted(forks.forks.values(), key=lambda fork: fork.key)
    others = sorted(
        (one for one in forks.results.values() if one.child not in forks.forks), key=lambda one: one.key
    )
    return [
        *(
            ChildThread(
                one.child,
                one.goal,
                one.record,
                forks.results.get(one.child),
                "was taken back" if one.record in forks.taken_back else "",
            )
            for one in ordered
        ),
        *(ChildThread(one.child, "", "", one) for one in others),
    ]


def as_fan_out(
    thread: str, opening: str, join: str, namespace: str, children: Sequence[ChildThread]
) -> FanOut:
    """The children as subtasks of a fan-out, for the code that decides or explains joins. Nothing
    spawns it."""
    counted = [one for one in children if one.counts]
    subtasks = tuple(Subtask(at, one.goal or one.thread, _NOBODY) for at, one in enumerate(counted))
    fanout = FanOut(thread, opening, FanOutSpec(subtasks, join, namespace), 0.0, -1, join)
    for at, one in enumerate(counted):
        spawn = fanout.spawns[at, 1] = Spawn((0, one.fork), one.thread, one.fork, _NOBODY, 0.0)
        if (known := one.result) is None:
            fanout.unreported[at, 1] = spawn
        else:
            fanout.reports[at, 1] = Report(
                known.key,
                _NOBODY,
                known.result,
                known.summary,
                known.cost_usd,
                0.0,
                known.at,
                taken_at=known.taken_at,
            )
    return fanout


def undecided(fanout: FanOut) -> JoinDecision | None:
    """The decision while there are too few children for the join; None when it can be decided.

    A parent may fork more threads at any time, so this is never unsatisfiable.
    """
    count = len(fanout.spec.subtasks)
    if not count:
        return JoinDecision(False, True, "it has no child thread yet", (), "waits for a child thread")
    try:
        need = parse_join(fanout.join, MAX_SUBTASKS).need
    except InvalidFanOut as error:
        told = f"{fanout.join} can not be satisfied: {error.message}"
        return JoinDecision(False, False, told, (), error.message, error.message)
    if need is None or need <= count or fanout.join == "all":
        return None
    accepted = sum(report.verdict == ACCEPT for report in fanout.reports.values())
    cause = f"waits for {need - count} more child thread{'s' if need - count > 1 else ''}"
    return JoinDecision(False, True, f"{accepted}/{count} accepted of {need} needed, {cause}", (), cause)
