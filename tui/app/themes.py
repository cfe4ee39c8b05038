"""The console's own themes."""

from __future__ import annotations

from typing import Final

from textual.theme import Theme

_LIGHT_HUES: Final = {
    "hue-red": "#ff8a95", "hue-yellow": "#e8c35a", "hue-green": "#8fd07a", "hue-cyan": "#6fd3e3",
    "hue-blue": "#82b1ff", "hue-magenta": "#e0a0f0",
}  # fmt: skip


def _bars(thumb: str, under: str, hover: str) -> dict[str, str]:
    """Scroll bars that recede behind the rows."""
    return {
        "scrollbar": thumb, "scrollbar-hover": hover, "scrollbar-active": hover,
        "scrollbar-background": under, "scrollbar-background-hover": under,
        "scrollbar-background-active": under, "scrollbar-corner-color": under,
    }  # fmt: skip


PLAIN_HUES: Final = {
    f"hue-{one}": f"ansi_{one}" for one in ("red", "yellow", "green", "cyan", "blue", "magenta")
}
"""Hues for themes that are not ours, including the terminal's own colours."""
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
    variables=_LIGHT_HUES | _bars("#3d4563", "#171a23", "#5a648a"),
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
    variables=_LIGHT_HUES | _bars("#454c58", "#171a1f", "#66707f"),
)
DAY: Final = Theme(
    name="console-day",
    primary="#1d4ed8",
    secondary="#0b5f7a",
    accent="#0b5f7a",
    success="#1b6e3c",
    warning="#7d4f00",
    error="#b3261e",
    foreground="#1c2330",
    background="#ffffff",
    surface="#f1f4f9",
    panel="#dbe3f0",
    dark=False,
    variables=_bars("#a9b4c8", "#f1f4f9", "#7f8ba3") | {
        "hue-red": "#b3261e", "hue-yellow": "#7d4f00", "hue-green": "#1b6e3c", "hue-cyan": "#0b5f7a",
        "hue-blue": "#1d4ed8", "hue-magenta": "#8a2f8f",
    },
)  # fmt: skip
HIGH_CONTRAST: Final = Theme(
    name="high-contrast",
    primary="#8ab4ff",
    secondary="#66e0ff",
    accent="#66e0ff",
    success="#5cff7a",
    warning="#ffd54a",
    error="#ff8080",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#303030",
    dark=True,
    variables=_LIGHT_HUES | _bars("#909090", "#000000", "#c0c0c0") | {"text-muted": "#d0d0d0"},
)
ALL: Final = (NIGHT, DAY, BLUE_ORANGE, HIGH_CONTRAST)
NAMES: Final = frozenset(theme.name for theme in ALL)
