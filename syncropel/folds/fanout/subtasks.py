"""The state of each subtask of a fan-out, what it waits for, and which may be spawned next."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from syncropel.folds.fanout.report import Report
from syncropel.folds.fanout.spec import Subtask
from syncropel.folds.fanout.state import ACCEPT, VERDICTS, FanOut, Spawn


@dataclass(slots=True)  # not frozen, which would double the cost of making one, and every query makes all
class Child:
    """A subtask with its current state: pending, blocked, in_progress, or a verdict.

    Blocked: it waits for a subtask that, as things stand, will never accept, or for money: the fan-out's
    budget is spent.
    """

    subtask: Subtask
    state: str
    attempt: int
    waits_for: tuple[int, ...] = ()
    blocked_by: tuple[int, ...] = ()
    spawn: Spawn | None = None
    report: Report | None = None
    approved: bool = False
    """Whether this attempt was approved in review."""

    @property
    def index(self) -> int:
        return self.subtask.index

    @property
    def finished(self) -> bool:
        return self.report is not None


def fan_out_children(fanout: FanOut) -> list[Child]:
    """Every subtask with its state, by index."""
    states = states_of(fanout)
    return [child_at(fanout, index, states) for index in range(len(states))]


def states_of(fanout: FanOut) -> list[str]:
    """The state of every subtask, by index."""
    subtasks = fanout.spec.subtasks
    states = [own_state(fanout, subtask.index) for subtask in subtasks]
    for index in dependency_order(subtasks):
        if states[index] == "pending" and any(stops(states[other]) for other in subtasks[index].depends_on):
            states[index] = "blocked"
    return states


def own_state(fanout: FanOut, index: int) -> str:
    """The state of a subtask, whatever became of those it waits for."""
    slot = index, fanout.attempt(index)
    report = fanout.reports.get(slot)
    if report is not None:
        return report.verdict
    if slot in fanout.spawns:
        return "in_progress"
    return "blocked" if fanout.moves.exceeded else "pending"


def stops(state: str) -> bool:
    """Whether a subtask in this state keeps those that wait for it from beginning, as things stand."""
    return state == "blocked" or (state != ACCEPT and state in VERDICTS)


def child_at(fanout: FanOut, index: int, states: list[str]) -> Child:
    """One subtask, given the states of all."""
    subtask, attempt = fanout.spec.subtasks[index], fanout.attempt(index)
    unmet, blocked_by = _waiting(subtask, states) if subtask.depends_on else ((), ())
    slot = index, attempt
    spawn, report = fanout.spawns.get(slot), fanout.reports.get(slot)
    approved, subtask = fanout.reviews.approves(index, attempt), subtask_now(fanout, index)
    return Child(subtask, states[index], attempt, unmet, blocked_by, spawn, report, approved)


def child_in_progress(fanout: FanOut, index: int) -> Child:
    """A subtask of which an instance has the current attempt, without a look at any other."""
    attempt = fanout.attempt(index)
    return Child(
        subtask_now(fanout, index), "in_progress", attempt, spawn=fanout.spawns.get((index, attempt))
    )


def subtask_now(fanout: FanOut, index: int) -> Subtask:
    """A subtask with what its retries changed."""
    subtask = fanout.spec.subtasks[index]
    if index in fanout.targets:
        subtask = replace(subtask, target=fanout.targets[index])
    if index in fanout.models:
        subtask = replace(subtask, model=fanout.models[index])
    if index in fanout.budgets:
        subtask = replace(subtask, budget_usd=fanout.budgets[index])
    return subtask


def _waiting(subtask: Subtask, states: list[str]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Which predecessors a subtask waits for, and which of these will not accept as things stand."""
    if states[subtask.index] not in ("pending", "blocked"):
        return (), ()
    unmet = tuple(other for other in subtask.depends_on if states[other] != ACCEPT)
    return unmet, tuple(other for other in unmet if stops(states[other]))


def dependency_order(subtasks: Iterable[Subtask]) -> list[int]:
    """Indexes with dependencies, each after those it waits for. The specification contains no cycles."""
    edges = {subtask.index: subtask.depends_on for subtask in subtasks if subtask.depends_on}
    ordered: list[int] = []
    done: set[int] = set()
    for start in edges:
        stack = [start]
        while stack:
            node = stack[-1]
            waits = [other for other in edges.get(node, ()) if other in edges and other not in done]
            if waits:
                stack.extend(waits)
                continue
            stack.pop()
            if node not in done:
                done.add(node)
                ordered.append(node)
    return ordered
