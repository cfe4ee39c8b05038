"""Faster imports: somebody waits for each of our processes, most of all while it imports."""

from __future__ import annotations

import gc
import importlib.util
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


def not_installed(name: str) -> None:
    """Let later imports of this package fail at once, if it is not installed: some libraries try again with
    each call, and Python then looks through every folder of its path."""
    if name not in sys.modules and importlib.util.find_spec(name) is None:
        sys.modules[name] = None  # type: ignore[assignment]
