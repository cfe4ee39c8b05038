"""A console over a bundle: the same screens, fed from a file. There is no daemon, and time stands still."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from syncropel.offline.client import OfflineClient
from tui.connection.session import Outside


def opened(path: Path) -> Outside:
    """Read and check the file, showing progress on the terminal.

    Raises NotFound, SetupError, or InvalidBundle with the line, as `OfflineClient.open`.
    """
    client = asyncio.run(OfflineClient.open(path, _progress if sys.stderr.isatty() else _silent))
    return Outside(client=lambda _: client, clock=lambda: 0.0)


def _progress(share: float) -> None:
    ended = "\r\x1b[K" if share >= 1 else ""
    sys.stderr.write(f"\rreading the bundle: {share:4.0%}{ended}")
    sys.stderr.flush()


def _silent(_: float) -> None:
    """Progress callback for when nobody watches."""
