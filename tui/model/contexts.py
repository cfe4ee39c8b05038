"""The fleets in a list: name, connection, what is known of each, and unread news."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from rich.cells import cell_len, set_cell_size

from tui.model import fleet as fleet_words
from tui.model.access import Access
from tui.model.glyphs import Glyphs
from tui.model.link import label
from tui.model.setup import Fleet
from tui.model.world import World


class Seen(Protocol):
    """What the list shows of a session."""

    world: World
    access: Access


def lines(
    fleets: Sequence[Fleet],
    seen: Callable[[str], Seen | None],
    unseen: Mapping[str, int],
    now: float,
    glyphs: Glyphs,
) -> list[tuple[str, str]]:
    """Each fleet's name as the identity of its line, and the line. `unseen` counts the unread
    news of each."""
    cells = [_cells(one, seen(one.name), unseen.get(one.name, 0), now, glyphs) for one in fleets]
    widths = [max(cell_len(row[column]) for row in cells) for column in range(4)]
    return [
        (row[0], "  ".join(set_cell_size(words, width) for words, width in zip(row, widths, strict=True)))
        for row in cells
    ]


def _cells(
    one: Fleet, seen: Seen | None, unseen: int, now: float, glyphs: Glyphs
) -> tuple[str, str, str, str]:
    access = seen.access if seen else Access(one.read_only, firm=one.firm)
    locked = "read-only" if access.closed(now) else "changes"
    state = _state(seen, unseen, now, glyphs) if seen else "not opened yet"
    return one.name, state, locked, one.target.name


def _state(seen: Seen, unseen: int, now: float, glyphs: Glyphs) -> str:
    status = seen.world.status
    parts = [label(seen.world.link.at(now), now, glyphs)[0]]
    if status is not None:
        parts.append(fleet_words.counts(status))
        if status.freezes:
            parts.append(f"{glyphs.sign('frozen')} {len(status.freezes)} frozen")
    if unseen:
        parts.append(f"{unseen} news")
    return "  ".join(parts)


def behind(unseen: Mapping[str, int]) -> str:
    """News of background fleets for the header; empty when there is none."""
    told = {name: count for name, count in unseen.items() if count}
    if not told:
        return ""
    total = sum(told.values())
    return (
        f"! {next(iter(told))}: {total} news" if len(told) == 1 else f"! {total} news in {len(told)} fleets"
    )
