"""Whether a freeze holds everywhere: the conditions for saying that the fleet stands still."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from syncropel.client.freeze_text import unverified

if TYPE_CHECKING:
    from syncropel.wire import FleetStatus, FreezeOut


def holds(freeze: FreezeOut) -> bool:
    """Whether every instance that must confirm refuses the writes that this freeze forbids by now."""
    return not freeze.waiting and (freeze.grace_left_secs != 0 or freeze.refuses_all)


def problems(
    status: FleetStatus, freeze: FreezeOut, waited_secs: float, *, accept_unverified: bool = False
) -> Iterator[tuple[str, str]]:
    """Why instances may still accept writes that the freeze forbids, each with what to do."""
    refused = {one.alias or one.did: one.refused for one in status.instances if one.refused}
    shut_out = [f"{name} ({refused[name]})" for name in freeze.waiting if name in refused]
    if shut_out:
        yield (
            f"not reached, as its heartbeats are refused: {'; '.join(shut_out)}",
            "stop it on its machine: spl stop; or give it its credential back: spl fleet start",
        )
    slow = [name for name in freeze.waiting if name not in refused]
    if slow:
        yield (
            f"not confirmed within {waited_secs:g}s by: {', '.join(slow)}",
            "the freeze stands and reaches them with their next heartbeat; see: spl fleet status",
        )
    elif not shut_out and not holds(freeze):
        yield (
            f"the grace is over, but after {waited_secs:g}s not every instance refuses every write",
            "the freeze stands; see: spl fleet status",
        )
    unproven = unverified(freeze)
    if unproven and not accept_unverified:
        yield (
            f"confirmed without proof by: {', '.join(unproven)}",
            "give each a credential of its own: spl fleet start; or take its word: --accept-unverified",
        )
    gone = _archived(status, freeze)
    if gone:
        yield (
            f"archived before the freeze and not reached: {', '.join(gone)}",
            f"if it comes back, it takes the freeze before any work; if not: spl fleet revoke {gone[0]}",
        )


def _archived(status: FleetStatus, freeze: FreezeOut) -> list[str]:
    """Instances that nobody waits for, although nothing proves that they have stopped."""
    told = {one.instance for one in freeze.confirmed}
    return sorted(
        one.alias
        for one in status.instances
        if one.status == "archived" and one.credential != "revoked" and one.did not in told
        if one.alias not in freeze.waiting
    )
