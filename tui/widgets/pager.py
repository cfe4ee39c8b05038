"""Shows text in the operator's own pager, suspending the console meanwhile."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import TemporaryDirectory

from textual.app import SuspendNotSupported

from tui.model.text import plain

Suspend = Callable[[], AbstractContextManager[None]]


def page(text: str, name: str, suspend: Suspend) -> str:
    """Show `text` in `$PAGER`, or `less`, as a file called `name`; return why that failed, or nothing.

    Control characters are removed: a pager may pass them to the terminal (`less -R`), and records hold
    anything.
    """
    command = shlex.split(os.environ.get("PAGER", "")) or ["less"]
    with TemporaryDirectory(prefix="spl-") as folder:
        file = Path(folder) / name
        file.write_text(plain(text), encoding="utf-8")
        try:
            with suspend():
                ended = subprocess.run([*command, str(file)], check=False)
        except SuspendNotSupported:
            return "this terminal cannot be left for a pager"
        except OSError as error:
            return f"{command[0]} cannot be run: {error.strerror or error}; set PAGER"
    return f"{command[0]} ended with status {ended.returncode}" if ended.returncode else ""
