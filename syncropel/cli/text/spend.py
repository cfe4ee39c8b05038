"""Spend against budget as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from syncropel.cli.support.numbers import dollars

if TYPE_CHECKING:
    from syncropel.wire import FleetStatus

WARN_SHARE: Final = 0.8
"""From this share of a budget on, a line is marked."""


def against(cost_usd: float, budget_usd: float | None, *, unknown: bool = False) -> str:
    """`$0.42 of $0.50 (84%) !`: marked from 80% on. Without a budget only the cost; without a known cost no
    share.
    """
    if unknown:
        told = cost(cost_usd, unknown=True)
        return told if budget_usd is None else f"{told}, of {dollars(budget_usd)}"
    if budget_usd is None:
        return dollars(cost_usd)
    share = cost_usd / budget_usd
    mark = " !" if share >= WARN_SHARE - 1e-9 else ""
    return f"{dollars(cost_usd)} of {dollars(budget_usd)} ({share:.0%}){mark}"


def cost(cost_usd: float, decimals: int = 2, *, unknown: bool) -> str:
    """What something cost: `cost unknown` is never `$0.00`."""
    if not unknown:
        return dollars(cost_usd, decimals)
    return f"cost unknown, at least {dollars(cost_usd, decimals)}" if cost_usd else "cost unknown"


def spend_lines(status: FleetStatus) -> list[str]:
    """Fan-outs and running subtasks that have a budget or a cost; nothing when none has."""
    lines = [
        f"    {one.alias or one.thread} {against(one.cost_usd, one.budget_usd, unknown=one.cost_unknown)}"
        for one in status.fanouts
        if one.budget_usd is not None or one.cost_usd or one.cost_unknown
    ]
    names = {one.did: one.alias for one in status.instances}
    lines += [
        f"    {one.alias or one.thread} [{one.index}] on {names.get(one.instance) or one.instance} "
        f"{against(one.cost_usd, one.budget_usd, unknown=one.cost_unknown)}"
        for one in status.dispatches
        if one.budget_usd is not None or one.cost_usd or one.cost_unknown
    ]
    return ["  Spend:", *lines] if lines else []
