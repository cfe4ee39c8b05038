"""Shows text in the operator's own pager, suspending the console meanwhile."""

from __future__ import annotations

import os
import shlex
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from textual.app import SuspendNotSupported

from tui.model.text import plain

Suspend = Callable[[], AbstractContextManager[None]]
_MEANWHILE: Final = {
    signal.SIGINT: signal.SIG_IGN,
    signal.SIGQUIT: signal.SIG_IGN,
    signal.SIGTSTP: signal.SIG_IGN,
    signal.SIGCONT: signal.SIG_DFL,
}
"""What these signals do to the console while another program is in front."""
_DEFAULT: Final = (*_MEANWHILE, signal.SIGPIPE, signal.SIGXFSZ)
"""The signals that a program finds as any other parent leaves them; Python itself ignores the last two."""


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
            with suspend(), _keys_of_the_terminal():
                return _run([*command, str(file)])
        except SuspendNotSupported:
            return "this terminal cannot be left for a pager"


def _run(command: list[str]) -> str:
    """Run a program in front until it ends; return why it failed, or nothing.

    It raises nothing for a program that cannot be run: Textual takes the terminal back only when the block
    under `suspend` ends without an error.
    """
    try:
        process = os.posix_spawnp(command[0], command, os.environ, setsigdef=_DEFAULT)
    except OSError as error:
        return f"{command[0]} cannot be run: {error.strerror or error}; set PAGER"
    _, status = os.waitpid(process, os.WUNTRACED)
    while os.WIFSTOPPED(status):
        # It has given the terminal back as it should be: now the shell may take it. This thread must be the
        # one that is stopped, or the next line could come first.
        signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)
        os.kill(process, signal.SIGCONT)
        _, status = os.waitpid(process, os.WUNTRACED)
    code = os.waitstatus_to_exitcode(status)
    return f"{command[0]} ended with status {code}" if code else ""


@contextmanager
def _keys_of_the_terminal() -> Iterator[None]:
    """Leave ^C, ^Z and ^\\ to the program in front.

    The terminal sends their signals to the console too, whose event loop stands still until the program ends,
    and would end or stop the console then.
    """
    former = {number: signal.signal(number, handler) for number, handler in _MEANWHILE.items()}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
