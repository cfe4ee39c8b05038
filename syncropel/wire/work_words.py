"""What is wrong with work that runs, in words: where a fleet needs attention, and where an operator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from syncropel.wire.fleet import DispatchOut, FanOutProgress
    from syncropel.wire.merges import CollisionOut

NEAR: Final = 0.9
"""The share of a budget from which on an operator is told."""


def of_dispatch(one: DispatchOut, now: float) -> str:
    """What is wrong with a subtask assigned to an instance; `now` in unix seconds."""
    if one.hangs:
        return one.why
    if is_late(one, now):
        return f"runs longer than its {one.timeout_secs:g} s"
    return near_budget(one.cost_usd, one.budget_usd) if is_over_budget(one) else ""


def is_late(one: DispatchOut, now: float) -> bool:
    """Whether it has run longer than it may."""
    began = one.started_at if one.began_at is None else one.began_at
    runs = not one.queued and one.lost_at is None
    return one.timeout_secs is not None and runs and now - began > one.timeout_secs


def is_over_budget(one: DispatchOut) -> bool:
    """Whether it has spent more than it may."""
    return one.budget_usd is not None and one.cost_usd > one.budget_usd


def near_budget(cost_usd: float, budget_usd: float | None) -> str:
    """What is left of a budget that is nearly spent; empty while there is enough, or without one."""
    if budget_usd is None or cost_usd < NEAR * budget_usd:
        return ""
    if cost_usd > budget_usd:
        return f"has spent more than its ${budget_usd:.2f}"
    return f"has spent ${cost_usd:.2f} of its ${budget_usd:.2f}"


def of_fan_out(one: FanOutProgress) -> str:
    """What is wrong with a fan-out that has not joined."""
    if not one.satisfiable:
        return f"cannot join any more: {one.cause or one.explanation}"
    if one.hangs:
        return f"{_indexes(one.hangs)} cannot finish as things stand: {one.cause or one.explanation}"
    if one.questions:
        verb = "asks its operator" if len(one.questions) == 1 else "ask their operator"
        return f"{_indexes(one.questions)} {verb}: spl inbox"
    if one.asking:
        command = f"spl task approve {one.alias or one.thread} --subtask {one.asking[0]}"
        verb = "waits" if len(one.asking) == 1 else "wait"
        return f"{_indexes(one.asking)} {verb} for your decision: {command}"
    if one.unreviewed:
        command = f"spl task review {one.alias or one.thread} {one.unreviewed[0]}"
        verb = "waits" if len(one.unreviewed) == 1 else "wait"
        return f"{_indexes(one.unreviewed)} {verb} for your review: {command}"
    return ""


def _indexes(found: list[int]) -> str:
    shown = ", ".join(f"[{index}]" for index in found[:4])
    return f"{shown} and {len(found) - 4} more" if len(found) > 4 else shown


def of_collision(one: CollisionOut) -> str:
    """Which running subtasks have touched the same files, and which files."""
    names = [f"{by.alias or by.thread}[{by.index}]" for by in one.by]
    who = f"{', '.join(names[:-1])} and {names[-1]}"
    files = ", ".join(one.files[:3])
    more = f" and {one.count - 3} more" if one.count > 3 else ""
    return f"has files touched by {who}: {files}{more}"
