"""The mark of threads with an altered record, in lists."""

from __future__ import annotations

from typing import Final

from tui.model.glyphs import Glyphs
from tui.model.rows import Cell, state_cell

ALTERED: Final = "altered"
"""The state of a log, and the mark of a thread, with records that do not hash to their ids."""


def state_of(state: str, thread: str, found: frozenset[str], glyphs: Glyphs) -> Cell:
    """The state of a thread in a row: a state that rests on an altered record is not shown as true."""
    return state_cell(ALTERED if thread in found else state, glyphs)
