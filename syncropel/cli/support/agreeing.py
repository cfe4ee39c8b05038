"""Asks the user before something that cannot simply be undone."""

from __future__ import annotations

import sys
from argparse import Namespace

from syncropel.cli.support.parsing import UsageError
from syncropel.cli.support.terminal import complain, is_json


def agree(args: Namespace, question: str, otherwise: str, hint: str = "add --yes") -> None:
    """Return when `--yes` was given, or the user says yes at the terminal; raise UsageError, which says
    `otherwise`, if not.
    """
    if args.yes:
        return
    if sys.stdin.isatty() and sys.stderr.isatty() and not is_json(args):
        complain(f"{question} [y/N]")
        if sys.stdin.readline().strip().lower() in ("y", "yes"):
            return
    raise UsageError(otherwise, hint)
