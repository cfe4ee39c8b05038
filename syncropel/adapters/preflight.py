"""Logs how much memory the host has left, just before a subprocess is spawned."""

from __future__ import annotations

import logging
import sys
from typing import Final

import psutil

log = logging.getLogger("syncropel.engine.dispatch")

GIB: Final = 1024**3
HEALTHY_GIB: Final = 4.0
"""From here on there is room for goals side by side."""
CRITICAL_GIB: Final = 2.0
"""Below this the kernel may kill new processes."""


def available_memory() -> int | None:
    """Bytes available without swapping; None where the kernel does not say (anything but Linux)."""
    return psutil.virtual_memory().available if sys.platform == "linux" else None


def tell_memory(available: int | None) -> None:
    """Log the band for this number of available bytes; nothing when it is unknown."""
    if available is None:
        return
    gib = available / GIB
    if gib >= HEALTHY_GIB:
        level, band = logging.DEBUG, "host memory healthy"
    elif gib >= CRITICAL_GIB:
        level, band = logging.INFO, "host approaching memory pressure"
    else:
        level = logging.WARNING
        band = "host under memory pressure — OOM-kill risk; consider sequential dispatch"
    log.log(level, "dispatch pre-flight: %s avail_gb=%.1f", band, gib)
