"""The fleets in a list: name, whether it is followed, what is known of it and how old that is."""

from __future__ import annotations

from typing import Protocol

from tui.model import fleet as fleet_words
from tui.model.access import Access
from tui.model.glyphs import Glyphs
from tui.model.link import label
from tui.model.text import duration
from tui.model.world import World
from tui.setup import Fleet


class Seen(Protocol):
    """What of a session is told in the list."""

    world: World
    access: Access


def line(one: Fleet, front: Fleet, seen: Seen | None, now: float, glyphs: Glyphs) -> tuple[str, str]:
    """The fleet's name as the identity of its line, and the line."""
    access = seen.access if seen else Access(one.read_only, firm=one.firm)
    locked = "read-only" if access.closed(now) else "changes"
    words = f"{one.name:<16} {locked:<10} {_state(one is front, seen, now, glyphs):<28} {one.target.name}"
    return one.name, words


def _state(is_front: bool, seen: Seen | None, now: float, glyphs: Glyphs) -> str:
    if seen is None or (seen.world.status is None and not is_front):
        return "not looked at yet" if seen is None else "never answered"
    world = seen.world
    counts = fleet_words.counts(world.status) if world.status else ""
    if is_front:
        return f"{label(world.link.at(now), now, glyphs)[0]}  {counts}"
    return f"{glyphs.sign('archived')} {duration(world.link.age(now))} ago  {counts}"
