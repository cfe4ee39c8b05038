"""Ends a console whose terminal has gone away."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable
from threading import Thread


def end_with_terminal(descriptor: int, farewell: Callable[[], None] | None = None) -> None:
    """End this process as soon as the terminal hangs up, after calling `farewell`.

    SIGHUP usually does this, but not under `nohup`, nor when the terminal is not the controlling one. Textual
    would then wait for ever to write, or read end-of-file over and over.
    """
    Thread(target=_watch, args=(descriptor, farewell), name="hangup", daemon=True).start()


def _watch(descriptor: int, farewell: Callable[[], None] | None) -> None:
    lines = select.poll()
    lines.register(descriptor, 0)  # poll reports a hang-up unasked; no other event is requested
    lines.poll()
    try:
        if farewell is not None:
            farewell()
    finally:
        os._exit(128 + signal.SIGHUP)
