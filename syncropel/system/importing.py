"""Importing quickly: every process of ours is waited for, most of all while it imports."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quickly() -> Iterator[None]:
    """Let the imports inside take no longer than they have to. The first that brings httpx has to be one."""
    # httpx imports its own command line, and with it click, rich and pygments, wherever they happen to be
    # installed: 50 ms that no process of ours should wait for. It copes when they are absent.
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
    collecting = gc.isenabled()
    gc.disable()  # nothing that is imported is garbage, and looking for some takes a tenth of the time
    try:
        yield
    finally:
        if collecting:
            gc.enable()
