"""Freezes in words: what one would affect, who has confirmed it, and the command that sets or lifts it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from syncropel.freeze_levels import EVERYWHERE

if TYPE_CHECKING:
    from syncropel.wire import BlastRadius, FleetRule, FreezeOut

NAMED: Final = 4
_ENDS: Final = {
    "never": "what is in flight finishes and is recorded",
    "at once": "what is in flight is ended at once",
    "after the grace": "what is in flight when the grace is over is ended",
}


def place(namespace: str) -> str:
    """Where a freeze applies, in words."""
    return "the whole fleet" if namespace == EVERYWHERE else namespace


def confirmations(freeze: FreezeOut | FleetRule) -> str:
    """Who enforces it: `confirmed by 2 of 3 instances · unverified: worker-a · waiting for worker-b`."""
    total = len(freeze.confirmed) + len(freeze.waiting)
    line = f"confirmed by {len(freeze.confirmed)} of {total} {_many(total, 'instance')}"
    unproven = unverified(freeze)
    line += f" · unverified: {', '.join(unproven)}" if unproven else ""
    return f"{line} · waiting for {', '.join(freeze.waiting)}" if freeze.waiting else line


def unverified(freeze: FreezeOut | FleetRule) -> list[str]:
    """Aliases of those that claim to enforce it, without proof."""
    return sorted(one.alias for one in freeze.confirmed if not one.verified)


def blast_lines(blast: BlastRadius) -> list[str]:
    """What a freeze would affect, most important first."""
    flight = f"{blast.in_flight} in flight"
    if blast.instances:
        flight += f" on {_named(blast.instances, len(blast.instances))}"
    lines = [
        f"{flight} · {blast.pending} pending · ${blast.spend_usd:,.2f} at stake",
        f"{blast.fanouts} {_many(blast.fanouts, 'fan-out')}{_worst(blast)} · {blast.open_tasks} open "
        f"{_many(blast.open_tasks, 'task')}",
    ]
    if blast.descendants:
        below = "namespace" if blast.namespace == EVERYWHERE else "namespace below"
        below = below if blast.descendants == 1 else below.replace("namespace", "namespaces")
        named = _named(blast.descendants_named, blast.descendants)
        lines.append(f"{blast.descendants} {below}: {named}")
    elif blast.namespace != EVERYWHERE:
        lines.append("no known namespace below")
    if not blast.in_flight and not blast.pending:
        lines[0] = "nothing is in flight and nothing waits there"
    elif blast.in_flight:
        lines.append(_ENDS.get(blast.ends, blast.ends))
    lines.append(f"{blast.confirming} {_many(blast.confirming, 'instance')} will have to confirm")
    return [*lines, *(f"frozen already: {one}" for one in blast.frozen)]


def _worst(blast: BlastRadius) -> str:
    busy = [one for one in blast.fanouts_met if one.in_flight]
    told = [f"{one.alias or one.thread[:11]}: {one.in_flight}" for one in busy[:NAMED]]
    more = ", …" if len(busy) > NAMED else ""
    return f" ({', '.join(told)}{more} in flight)" if told else ""


def _named(names: Sequence[str], total: int) -> str:
    more = total - min(total, NAMED)
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more else "")


def _many(count: int, word: str) -> str:
    return word if count == 1 else f"{word}s"
