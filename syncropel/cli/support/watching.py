"""`--watch`: run a command that reads again and again, and print what it says when that has changed."""

from __future__ import annotations

import contextlib
import io
import sys
import time
from argparse import Namespace
from typing import Final

from syncropel.cli.support.terminal import complain, write
from syncropel.errors import DaemonUnreachable

_CLEAR: Final = "\x1b[H\x1b[2J"


def watch(args: Namespace) -> int:
    """Run `args.run` every `args.watch_secs` seconds, until interrupted.

    A terminal shows the last answer alone; elsewhere each new answer follows the one before. A daemon that is
    away is told of once and waited for. Raises what the first run raises.
    """
    shown, problem, first = None, "", True
    while True:
        try:
            told = _captured(args)
        except DaemonUnreachable as error:
            if first:
                raise
            if error.message != problem:
                complain(error.message, "what is above may be out of date; waiting for it to come back")
            problem = error.message
        else:
            if told != shown or problem:
                write(sys.stdout, (_CLEAR if sys.stdout.isatty() else "") + told)
                sys.stdout.flush()
            shown, problem, first = told, "", False
        time.sleep(args.watch_secs)


def _captured(args: Namespace) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        args.run(args)
    return out.getvalue()
