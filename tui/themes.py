"""The console's colours: green and red on dark, and blue and orange for eyes that mix those two up."""

from __future__ import annotations

from typing import Final

from textual.theme import Theme

DARK: Final = Theme(
    name="syncropel",
    primary="#5fafd7",
    secondary="#87afaf",
    accent="#5fd7d7",
    success="#5fd787",
    warning="#ffaf5f",
    error="#ff6b6b",
    foreground="#d0d4d8",
    background="#101418",
    surface="#161b21",
    panel="#1c232b",
    variables={"quiet": "#84919d", "chosen": "#1f3a4d", "alarm": "#4a1519"},
    dark=True,
)

BLUE_ORANGE: Final = Theme(
    name="syncropel-blue-orange",
    primary="#8fb8de",
    secondary="#a0a8b0",
    accent="#9ad0f5",
    success="#56b4e9",
    warning="#f0e442",
    error="#ff9d3b",
    foreground="#d8dcE0",
    background="#101418",
    surface="#161b21",
    panel="#1c232b",
    variables={"quiet": "#8c98a4", "chosen": "#1f3a4d", "alarm": "#4a2a08"},
    dark=True,
)

LIGHT: Final = Theme(
    name="syncropel-light",
    primary="#005f87",
    secondary="#4e6a6a",
    accent="#00708f",
    success="#0b6e2e",
    warning="#8a4b00",
    error="#b00020",
    foreground="#1c2328",
    background="#f7f8f9",
    surface="#eef0f2",
    panel="#e3e6ea",
    variables={"quiet": "#5c6872", "chosen": "#cfe3ef", "alarm": "#fbd9dc"},
    dark=False,
)

DEFAULTS: Final = {"quiet": "ansi_default", "chosen": "ansi_blue", "alarm": "ansi_red"}
"""For themes that are not ours."""

THEMES: Final = (DARK, BLUE_ORANGE, LIGHT)
