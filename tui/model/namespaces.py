"""The namespaces known to the console, for completion."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tui.model.text import plain
from tui.model.world import World


def known_namespaces(world: World, registered: Iterable[str] = ()) -> list[str]:
    """Those registered, those in use, those frozen, and all their parents, in order."""
    known = {*registered, *(one.namespace for one in world.tasks or ())}
    if world.status is not None:
        known |= {one.namespace for one in world.status.fanouts}
        known |= {one.namespace for one in world.status.freezes}
    above = {"/".join(one.split("/")[:depth]) for one in known for depth in range(1, one.count("/") + 1)}
    return sorted(plain(one) for one in known | above if one and one != "*")


def completions(known: Sequence[str], typed: str, most: int = 6) -> list[str]:
    """Those that begin with the typed text; nothing when it is a complete one without children."""
    found = [one for one in known if one.startswith(typed)]
    return [] if found == [typed] else found[:most]
