"""Writes the traceback of an unexpected error to a log file, never to the user's screen."""

from __future__ import annotations

import os
import time
import traceback

from syncropel import __version__
from syncropel.settings.home import Home, home_from


def write_crash(error: Exception) -> str:
    """Append the traceback, without values of variables, to the home's `logs/cli.log`; return its path.

    Raises OSError when it cannot be written.
    """
    home: Home = home_from(os.environ)
    path = home.log.with_name("cli.log")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    with path.open("a", encoding="utf-8", errors="backslashreplace") as log:
        log.write(f"--- {stamp} spl {__version__}\n{''.join(traceback.format_exception(error))}")
    return str(path)
