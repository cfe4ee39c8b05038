"""Who leads the fleet, where that is not as it should be: the banner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from syncropel.client.leader_text import leader_problems
from tui.model.glyphs import Glyphs, Tone
from tui.model.text import plain

if TYPE_CHECKING:
    from syncropel.wire import FleetStatus


@dataclass(frozen=True)
class LeaderLine:
    """One problem: what is wrong, what helps, and how loud it is."""

    wrong: str
    helps: str
    tone: Tone


def leader_lines(status: FleetStatus | None, glyphs: Glyphs) -> list[LeaderLine]:
    """What is wrong about who leads; nothing when all is well, or the daemon does not say who does."""
    leader = status.leader if status is not None else None
    if leader is None:
        return []
    return [
        LeaderLine(
            f"{glyphs.sign('failed')} {plain(one.words)}",
            f"{glyphs.arrow} {plain(one.helps)}",
            "alarm" if one.kind in ("fenced", "split") else "warn",
        )
        for one in leader_problems(leader)
    ]
