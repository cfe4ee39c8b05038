"""The control socket of a run's supervisor."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def control_socket(folder: Path) -> Iterator[str]:
    """The socket's address in a run's folder, whose path may be longer than an address can be."""
    if not os.path.isdir("/proc/self/fd"):
        yield str(folder / "ctl")
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{handle}/ctl"
    finally:
        os.close(handle)
