"""The end of a console whose terminal is gone."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable
from threading import Thread


def end_with_terminal(descriptor: int, farewell: Callable[[], None] | None = None) -> None:
    """End this process at once when the terminal hangs up, after `farewell`.

    SIGHUP usually does that. Not under `nohup`, nor when the terminal is not the controlling one: there
    Textual would wait for ever for what can no more be written, or read an end of input again and again.
    """
    Thread(target=_watch, args=(descriptor, farewell), name="hangup", daemon=True).start()


def _watch(descriptor: int, farewell: Callable[[], None] | None) -> None:
    lines = select.poll()
    lines.register(descriptor, 0)  # a hang-up is told without being asked for, and nothing else is asked for
    lines.poll()
    try:
        if farewell is not None:
            farewell()
    finally:
        os._exit(128 + signal.SIGHUP)
