"""Goals left by a crashed daemon: stopping its home ends them, too."""

from __future__ import annotations

import contextlib
from itertools import pairwise
from typing import Final

import psutil

from syncropel.launcher.process import STOP_LIMIT_SECS
from syncropel.settings.home import Home
from syncropel.supervisor import tree

_PROGRAM: Final = "supervisor/__main__.py"


def end_runs(home: Home, limit_secs: float = STOP_LIMIT_SECS) -> int:
    """End every run of this home whose daemon is gone, and wait; return how many there were.

    A supervisor that does not end its run in time is killed with everything below it.
    """
    found = [one for one in psutil.process_iter() if _is_supervisor(one, home)]
    for one in found:
        with contextlib.suppress(psutil.Error):
            one.terminate()
    _, late = psutil.wait_procs(found, limit_secs)
    for one in late:
        pid = one.pid
        tree.strike(lambda pid=pid: tree.descendants(tree.look(), pid))  # type: ignore[misc]
        with contextlib.suppress(psutil.Error):
            one.kill()
    return len(found)


def _is_supervisor(process: psutil.Process, home: Home) -> bool:
    try:
        words = process.cmdline()
    except psutil.Error:
        return False
    return any(
        word.endswith(_PROGRAM) and folder.startswith(f"{home.run}/") for word, folder in pairwise(words)
    )
