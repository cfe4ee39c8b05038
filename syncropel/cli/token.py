"""`spl token save`: keep the bearer token that calls over TCP need."""

from __future__ import annotations

import re
from argparse import Namespace
from typing import Final

from syncropel.cli.connect import this_home
from syncropel.cli.parsing import Parser, UsageError, add_verb, verbs
from syncropel.cli.terminal import say
from syncropel.errors import SetupError
from syncropel.identity import make_home, write_private

_BEARER: Final = re.compile(r"spl_[^_\s]+_[^_\s]+_[\x21-\x7e]{16,256}", re.ASCII)


def configure(parser: Parser) -> None:
    save = add_verb(verbs(parser), "save", "keep a bearer token for calls over TCP (0600)")
    save.add_argument("bearer", help="spl_<env>_<service account>_<secret>, or - to read it from stdin")
    save.set_defaults(run=run_save)


def run_save(args: Namespace) -> int:
    bearer = checked_bearer(read_line() if args.bearer == "-" else args.bearer)
    home = this_home()
    make_home(home)
    try:
        write_private(home.client_token, bearer + "\n")
    except OSError as error:
        raise SetupError(
            f"cannot write {home.client_token}: {error.strerror}", "check the folder's permissions"
        ) from None
    say(f"✓ token saved in {home.display()}/secrets/{home.client_token.name}")
    return 0


def checked_bearer(text: str) -> str:
    """The bearer token in a text. Raises UsageError when it is none."""
    bearer = text.strip()
    if not _BEARER.fullmatch(bearer):
        raise UsageError(
            "that is not a bearer token", "it looks like spl_<env>_<service account>_<secret of 16 to 256>"
        )
    return bearer


def read_line() -> str:
    """One line from stdin, so that a secret does not get into the shell's history."""
    import sys

    return sys.stdin.readline().strip()
