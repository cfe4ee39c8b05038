"""The door: opens the console on a terminal. Textual is imported when it is about to open, not before."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tui.setup import Setup


def run(setup: Setup) -> int:
    """Open the console and stay until the operator quits; gives the exit status.

    Raises BadRequest, before the terminal is taken, when a setting of a key makes no sense.
    """
    if "NO_COLOR" in os.environ:
        os.environ["TEXTUAL_THEME"] = "ansi-dark"  # Textual reads it once, while it is imported
    from tui import keymap

    keys = keymap.read(setup.keys, setup.where)  # before the terminal is taken
    from tui.console_app import ConsoleApp

    app = ConsoleApp(setup, keymap=keys)
    app.run()
    return app.return_code or 0


def serve(words: Sequence[str], port: int, announce: Callable[[str], None]) -> None:
    """Serve the console that `words` start to a browser, until a signal ends it. Raises SetupError."""
    from tui.web.server import serve as serve_page

    serve_page(words, port, announce)
