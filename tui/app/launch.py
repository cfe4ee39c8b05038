"""The door: opens the console on a terminal. Textual is imported when it is about to open, not before."""

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
"""So long esc may be the beginning of a longer key. In Textual's 100 ms the esc before a key was lost."""

if TYPE_CHECKING:
    from textual.app import App

    from tui.connection.session import Outside
    from tui.model.setup import Setup


def run(setup: Setup) -> int:
    """Open the console and stay until the operator quits; gives the exit status.

    Before the terminal is taken it raises BadRequest when a setting of a key makes no sense, and what
    `bundle.opened` raises.
    """
    prepare(os.environ)
    app = _made(setup)
    set_libraries_aside()
    asyncio.run(_run(app))
    return app.return_code or 0


def _made(setup: Setup) -> App[None]:
    """Import all that the console needs, and take the terminal."""
    with quickly():
        from tui.model import keymap

        keys = keymap.read(setup.keys, setup.where)  # before the terminal is taken
        from tui.app.console_app import ConsoleApp

        outside = _opened(setup.bundle) if setup.bundle is not None else None
        if "TEXTUAL_DRIVER" not in os.environ:
            _take_terminal(setup.farewell)
        return ConsoleApp(setup, keymap=keys, outside=outside, painted=set_screen_aside)


def _opened(path: Path) -> Outside:
    from tui.app import bundle

    return bundle.opened(path)


def prepare(environ: MutableMapping[str, str]) -> None:
    """Say what Textual reads once, while it is imported."""
    if "NO_COLOR" in environ:
        environ["TEXTUAL_THEME"] = "ansi-dark"
    environ.setdefault("ESCDELAY", ESCAPE_MILLIS)


def set_libraries_aside() -> None:
    """Let the collector never look again at what was imported: each full round took 70 to 110 ms of it.

    In that time no key is answered, and nothing of it is ever garbage.
    """
    gc.freeze()


def set_screen_aside() -> None:
    """The same for a screen that stays, once it is drawn: with all five they are most of what is looked at.

    What is garbage by then goes first. Whatever else stands open at that moment can no longer be collected
    when it is closed: a few MiB, once for each of these screens.
    """
    gc.collect()
    gc.freeze()


def _take_terminal(farewell: Callable[[], None] | None) -> None:
    """Learn the size from the terminal alone, and end with it."""
    for name in ("COLUMNS", "LINES"):
        os.environ.pop(name, None)  # exported by a shell they go before the terminal's own word, for ever
    from tui.app import paste

    paste.install()
    end_with_terminal(sys.stdin.fileno(), farewell)


async def _run(app: App[None]) -> None:
    """Run it so that a request to end leaves the terminal as it was."""
    asyncio.get_running_loop().add_signal_handler(
        signal.SIGTERM, lambda: app.exit(return_code=128 + signal.SIGTERM)
    )
    await app.run_async()


def serve(words: Sequence[str], port: int, announce: Callable[[str], None]) -> None:
    """Serve the console that `words` start to a browser, until a signal ends it. Raises SetupError."""
    from tui.web.server import serve as serve_page

    serve_page(words, port, announce)
