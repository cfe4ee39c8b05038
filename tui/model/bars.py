"""Fits the header and the footer to the width."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from tui.model.glyphs import Tone


@dataclass(frozen=True)
class Piece:
    """A piece of a bar. Pieces with the lowest `rank` stay longest when there is little room."""

    text: str
    tone: Tone = "plain"
    rank: int = 0
    action: str = ""


def pack(pieces: Sequence[Piece], width: int, gap: int = 2) -> list[Piece]:
    """The pieces that fit, in their order: those of the highest rank are dropped first."""
    kept = [one for one in pieces if one.text]
    while len(kept) > 1 and sum(cell_len(one.text) + gap for one in kept) - gap > width:
        kept.remove(max(reversed(kept), key=lambda one: one.rank))
    return kept
