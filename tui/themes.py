"""The console's own themes."""

from __future__ import annotations

from typing import Final

from textual.theme import Theme

NIGHT: Final = Theme(
    name="console-night",
    primary="#7aa2f7",
    secondary="#7dcfff",
    accent="#7dcfff",
    success="#9ece6a",
    warning="#e0af68",
    error="#f7768e",
    foreground="#c8d0e8",
    background="#11131a",
    surface="#171a23",
    panel="#232838",
    dark=True,
)
BLUE_ORANGE: Final = Theme(
    name="blue-orange",
    primary="#56b4e9",
    secondary="#cc79a7",
    accent="#cc79a7",
    success="#56b4e9",
    warning="#f0e442",
    error="#ff9e1b",
    foreground="#e6e6e6",
    background="#101215",
    surface="#171a1f",
    panel="#262b33",
    dark=True,
)
ALL: Final = (NIGHT, BLUE_ORANGE)
