"""Shows the current data on the screens in front: news soon and together, ages as time passes."""

from __future__ import annotations

from typing import Final

from textual.app import App

from tui.dialogs.base import Dialog
from tui.screens.base import ConsoleScreen

UNSEEN_TICKS: Final = 5
"""While the terminal reports that it has lost the focus, only every nth tick shows anything."""


class Painter:
    """Calls `show` on the screens and dialogs of the stack in front."""

    def __init__(self, app: App[None]) -> None:
        self._app = app
        self._is_due = False
        self._ticks = 0

    def soon(self) -> None:
        """Show the world soon; news items that arrive together are shown together."""
        if not self._is_due:
            self._is_due = True
            self._app.call_next(self.show)

    def tick(self) -> None:
        """Called once a second: advance ages and running times, less often while nobody looks."""
        self._ticks += 1
        if self._app.app_focus or self._ticks % UNSEEN_TICKS == 0:
            self.show()

    def show(self) -> None:
        """Show the world now."""
        self._is_due = False
        with self._app.batch_update():
            for screen in self._app.screen_stack:
                if isinstance(screen, ConsoleScreen | Dialog):
                    screen.show()
