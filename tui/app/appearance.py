"""How the console looks: its theme, its glyphs, and what it does without colour."""

from __future__ import annotations

from typing import Any

from textual.app import App
from textual.scrollbar import ScrollBar, ScrollBarRender

from tui.app import themes
from tui.model.glyphs import ASCII, UNICODE
from tui.preferences import Preferences
from tui.widgets.ink import AsciiOnly, Colourless, WholeCells


class Appearance:
    """Dresses an app, and remembers the theme that the operator chose."""

    def __init__(self, app: App[Any], preferences: Preferences, *, ascii_only: bool) -> None:
        self._app, self._preferences = app, preferences
        self.glyphs = ASCII if ascii_only else UNICODE
        for theme in themes.ALL:
            app.register_theme(theme)
        if not app.no_color and not app.native_ansi_color:
            app.theme = preferences.theme if preferences.theme in themes.NAMES else themes.NIGHT.name
        ScrollBar.renderer = WholeCells if ascii_only else ScrollBarRender
        if ascii_only:
            app._filters.append(AsciiOnly())
        if app.no_color:
            app._filters.append(Colourless())

    @property
    def has_colour(self) -> bool:
        """Whether themes make a difference."""
        return not self._app.no_color

    def wear(self, theme: str) -> None:
        """Switch to a theme and remember it."""
        self._app.theme = self._preferences.theme = theme
        self._preferences.save()
