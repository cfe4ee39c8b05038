"""How the tools fail that work on a store without its daemon: with a message, never a traceback."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from syncropel.errors import SetupError, SyncropelError, complaint
from syncropel.store.sqlite.connection import explain

FAILED: Final = 1
INTERRUPTED: Final = 130


def told(job: Callable[[], int], store: Path, *, as_json: bool) -> int:
    """The exit status of a tool's job; what it raises is told on stderr. `store`: the log it works on;
    `as_json`: an error is a JSON document on one line.
    """
    try:
        return job()
    except SyncropelError as error:
        return _failed(error, as_json)
    except sqlite3.Error as error:
        return _failed(explain(error, store), as_json)
    except OSError as error:
        place = "" if error.filename is None else f" {error.filename}"
        reason = error.strerror or str(error)
        return _failed(SetupError(f"cannot use{place}: {reason}", "check the folder and its disk"), as_json)
    except KeyboardInterrupt:
        return INTERRUPTED


def _failed(error: SyncropelError, as_json: bool) -> int:
    lines = [json.dumps(error.envelope())] if as_json else complaint(error.message, error.hint)
    print(*lines, sep="\n", file=sys.stderr)  # noqa: T201
    return FAILED
