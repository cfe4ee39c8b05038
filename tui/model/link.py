"""What the console can truly say about its connection at one instant."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from rich.cells import cell_len

from tui.model.cells import Cell, Line, Tone
from tui.model.glyphs import Glyphs
from tui.model.numbers import duration


class Phase(StrEnum):
    """CONNECTING only before the first answer; DENIED when the daemon refuses this caller."""

    CONNECTING = "connecting"
    LIVE = "live"
    STALE = "stale"
    RETRYING = "retrying"
    DOWN = "down"
    DENIED = "denied"


@dataclass(frozen=True)
class Link:
    """`age` is seconds since the daemon was last heard, None when it never was.

    `next_in` is seconds to the next try, None while one is under way. `attempt` counts tries since the last
    good answer. `reason` and `hint` are the last error's words.
    """

    phase: Phase = Phase.CONNECTING
    age: float | None = None
    attempt: int = 0
    next_in: float | None = None
    code: str = ""
    reason: str = ""
    hint: str = ""

    @property
    def live(self) -> bool:
        return self.phase is Phase.LIVE


def link_text(link: Link, glyphs: Glyphs) -> str:
    """The state for the header: `● LIVE`, `◐ STALE 12s`, `↻ RETRYING #3 in 2s · STALE 12s`, `✗ DOWN`."""
    stale = f"STALE {duration(link.age)}" if link.age is not None else ""
    parts = [f"{glyphs.state(link.phase)} {_word(link)}"]
    if link.phase is Phase.STALE:
        parts[0] = f"{glyphs.state(link.phase)} {stale or 'STALE'}"
    elif link.phase is not Phase.LIVE and stale:
        parts.append(stale)
    return f" {glyphs.separator} ".join(parts)


def _word(link: Link) -> str:
    if link.phase is Phase.DENIED:
        return link.code or "DENIED"
    if link.phase is Phase.RETRYING:
        return f"RETRYING #{link.attempt}{_next(link)}"
    if link.phase is Phase.DOWN:
        return f"DOWN{_next(link, ', retry')}"
    return link.phase.upper()


def _next(link: Link, before: str = "") -> str:
    return f"{before} in {math.ceil(link.next_in)}s" if link.next_in else f"{before} now"


_TONES: dict[Phase, Tone] = {
    Phase.CONNECTING: "busy",
    Phase.LIVE: "good",
    Phase.STALE: "warn",
    Phase.RETRYING: "warn",
    Phase.DOWN: "bad",
    Phase.DENIED: "bad",
}


def link_cell(link: Link, glyphs: Glyphs) -> Cell:
    return Cell(link_text(link, glyphs), _TONES[link.phase])


def trouble_lines(link: Link, width: int, glyphs: Glyphs) -> tuple[Line, ...]:
    """Why what is on the screen may be old, and what to do; nothing while all is well."""
    if link.live or link.phase is Phase.CONNECTING:
        return ()
    text = f" {glyphs.warning} {link.reason or 'nothing was heard from the daemon'}"
    if link.age is not None:
        text += f"; what you see is {duration(link.age)} old"
    words, hint = Cell(text, _TONES[link.phase]), Cell(f"   {link.hint}", "quiet")
    if not link.hint:
        return ((words,),)
    if cell_len(text) + cell_len(hint.text) <= width:
        return ((words, hint),)
    return ((words,), (hint,))
