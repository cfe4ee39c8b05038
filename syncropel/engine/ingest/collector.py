"""Keeping Python's garbage collector away from large loads of records.

A day's log makes a million objects that stay. While they are made the collector looks through all of them
again and again, and each look holds up every thread of the process for up to half a second.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

LONG: Final = 10_000
"""Records from which on it is worth it: below, a collection is over in milliseconds."""

_lock: Final = threading.Lock()
_loads = 0


@contextmanager
def uncollected(records: int = LONG) -> Iterator[None]:
    """Let nothing be collected inside; what was made is never looked through again, and still goes when
    nobody holds it. Does nothing for fewer than LONG records. Any thread may enter, several at a time."""
    if records < LONG:
        yield
        return
    _begin()
    try:
        yield
    finally:
        _end()


def _begin() -> None:
    global _loads
    with _lock:
        _loads += 1
        gc.disable()


def _end() -> None:
    global _loads
    with _lock:
        _loads -= 1
        gc.freeze()
        if _loads == 0:
            gc.enable()
