"""Opens the console on a terminal. Textual is imported only when the console is about to open."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Callable, MutableMapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from syncropel.system.importing import quickly
from tui.app.hangup import end_with_terminal

ESCAPE_MILLIS = "25"
"""How long an esc may be the start of a longer key. At Textual's 100 ms, an esc typed before another key was
lost.
"""

if TYPE_CHECKING:
    from textual.app import App

    from tui.connection.session import Outside
    from tui.model.setup import Setup


def run(setup: Setup) -> int:
    """Open the console and stay until the operator quits; return the exit status.

    Before it takes over the terminal, it raises BadRequest for an invalid key setting, and whatever
    `bundle.opened` raises.
    """
    prepare(os.environ)
    app = _made(setup)
    set_libraries_aside()
    asyncio.run(_run(app))
    return app.return_code or 0


def _made(setup: Setup) -> App[None]:
    """Import everything the console needs, and take over the terminal."""
    with quickly():
        from tui.model import keymap

        keys = keymap.read(setup.keys, setup.where)  # checked before the terminal is taken over
        from tui.app.console_app import ConsoleApp

        outside = _opened(setup.bundle) if setup.bundle is not None else None
        has_terminal = "TEXTUAL_DRIVER" not in os.environ
        if has_terminal:
            _take_terminal(setup.farewell)
        app = ConsoleApp(setup, keymap=keys, outside=outside, painted=set_screen_aside)
        if has_terminal:
            from tui.app.terminal_driver import TerminalDriver

            app.driver_class = TerminalDriver
        return app


def _opened(path: Path) -> Outside:
    from tui.app import bundle

    return bundle.opened(path)


def prepare(environ: MutableMapping[str, str]) -> None:
    """Set the variables that Textual reads once, at import."""
    if "NO_COLOR" in environ:
        environ["TEXTUAL_THEME"] = "ansi-dark"
    environ.setdefault("ESCDELAY", ESCAPE_MILLIS)


def set_libraries_aside() -> None:
    """Exclude imported modules from garbage collection: they took 70 to 110 ms of each full collection.

    Keys wait during a collection, and none of these objects ever becomes garbage.
    """
    gc.freeze()


def set_screen_aside() -> None:
    """Do the same for a permanent screen once it is drawn: all five together are most of the remaining
    objects.

    A collection runs first. Other objects that are alive at that moment can no longer be collected when they
    are closed: a few MiB, once per screen.
    """
    gc.collect()
    gc.freeze()


def _take_terminal(farewell: Callable[[], None] | None) -> None:
    """Take the size from the terminal alone, and end when the terminal goes away."""
    for name in ("COLUMNS", "LINES"):
        os.environ.pop(name, None)  # an exported value would override the real size
    from tui.app import paste

    paste.install()
    end_with_terminal(sys.stdin.fileno(), farewell)


async def _run(app: App[None]) -> None:
    """Run it so that a termination signal leaves the terminal as it was."""
    asyncio.get_running_loop().add_signal_handler(
        signal.SIGTERM, lambda: app.exit(return_code=128 + signal.SIGTERM)
    )
    await app.run_async()


def serve(words: Sequence[str], port: int, announce: Callable[[str], None]) -> None:
    """Serve the console that `words` start to a browser, until a signal ends it. Raises SetupError."""
    from tui.web.server import serve as serve_page

    serve_page(words, port, announce)
