"""Faster imports: somebody waits for each of our processes, most of all while it imports."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quickly() -> Iterator[None]:
    """Speed up the imports inside. The first one that loads httpx must be wrapped in this."""
    # httpx imports its own command line, and with it click, rich, and pygments, if they happen to be
    # installed: 50 ms that none of our processes should wait for. It copes when they are absent.
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
    collecting = gc.isenabled()
    gc.disable()  # nothing that is imported is garbage, and looking for some takes a tenth of the time
    try:
        yield
    finally:
        if collecting:
            gc.enable()
