"""Every theme can be read: contrast of what is written on what it is written on, as WCAG 2 measures it."""

from __future__ import annotations

from itertools import product

import pytest
from textual.color import Color
from textual.filter import dim_color
from textual.theme import Theme

from tui.app import themes

ENOUGH = 4.5
WRITTEN = ("foreground", "primary", "secondary", "accent", "success", "warning", "error")
GROUNDS = ("background", "surface", "panel")


def ratio(one: Color, other: Color) -> float:
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: Color) -> float:
    def linear(part: float) -> float:
        return part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(part) for part in colour.normalized)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def written(theme: Theme) -> dict[str, Color]:
    colours = theme.to_color_system().generate()
    hues = {name: value for name, value in theme.variables.items() if name.startswith("hue-")}
    return {name: Color.parse(colours[name]) for name in WRITTEN} | {
        name: Color.parse(value) for name, value in hues.items()
    }


def grounds(theme: Theme) -> dict[str, Color]:
    colours = theme.to_color_system().generate()
    return {name: Color.parse(colours[name]) for name in GROUNDS}


@pytest.mark.parametrize("theme", themes.ALL, ids=lambda theme: theme.name)
def test_all_that_is_written_can_be_read_on_every_ground(theme: Theme) -> None:
    poor = [
        f"{name} on {ground}: {ratio(colour, under):.2f}"
        for (name, colour), (ground, under) in product(written(theme).items(), grounds(theme).items())
        if ratio(colour, under) < ENOUGH
    ]
    assert poor == []


@pytest.mark.parametrize("theme", themes.ALL, ids=lambda theme: theme.name)
def test_what_is_dimmed_can_still_be_read(theme: Theme) -> None:
    ink = written(theme)["foreground"].rich_color
    for ground, under in grounds(theme).items():
        dimmed = Color.from_rich_color(dim_color(under.rich_color, ink))
        assert ratio(dimmed, under) >= ENOUGH, ground


@pytest.mark.parametrize("theme", themes.ALL, ids=lambda theme: theme.name)
def test_words_in_an_alarm_or_on_a_coloured_name_can_be_read(theme: Theme) -> None:
    """They stand in the ground's colour on the sign's, so it is the same pair the other way round."""
    ground = grounds(theme)["background"]
    for name, colour in written(theme).items():
        if name == "error" or name.startswith("hue-"):
            assert ratio(ground, colour) >= ENOUGH, name


def test_names_are_their_own() -> None:
    assert len({theme.name for theme in themes.ALL}) == len(themes.ALL) == len(themes.NAMES)


def test_the_measure_is_right() -> None:
    assert ratio(Color.parse("#000"), Color.parse("#fff")) == pytest.approx(21)
    assert ratio(Color.parse("#777"), Color.parse("#fff")) == pytest.approx(4.48, abs=0.01)
