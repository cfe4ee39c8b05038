"""Says how far a backup is that a running daemon takes, while its answer is waited for."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from syncropel.cli.support.progress import ProgressLines
from syncropel.client import Client, Target, calls
from syncropel.errors import SyncropelError
from syncropel.system.how_far import how_far

LOOK_SECS: Final = 0.5
_UNITS: Final = {"copying": "pages", "checking": "records"}


@contextmanager
def told_how_far(where: Target) -> Iterator[None]:
    """Say on stderr how far it is, until the block ends."""
    over, lines = threading.Event(), ProgressLines(sys.stderr)
    asking = threading.Thread(target=_tell, args=(where, over, lines), daemon=True)
    asking.start()
    try:
        yield
    finally:
        over.set()
        asking.join()
        lines("")


def _tell(where: Target, over: threading.Event, lines: ProgressLines) -> None:
    with Client(where) as client:
        doing, since, before = "", 0.0, 0
        while not over.wait(LOOK_SECS):
            try:
                details = client.send(calls.engine_health(details=True)).details
            except SyncropelError:
                continue  # whoever waits for the backup hears of it
            found = details.backup.get("progress") if details is not None and details.backup else None
            if not found:
                continue
            now, done = time.monotonic(), found["done"]
            if found["what"] != doing:
                doing, since, before = found["what"], now, done
            told = how_far(done, found["of"], before, now - since, _UNITS.get(doing, "steps"))
            lines(f"{doing}: {told}")
