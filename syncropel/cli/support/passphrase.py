"""The passphrase of a backup's keys: from a file, the environment, or whoever sits at the terminal.

Never from an argument: other users see these in a list of processes.
"""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from getpass import getpass

from syncropel.cli.support.parsing import Parser, UsageError
from syncropel.cli.support.terminal import complain
from syncropel.errors import WARNING, SetupError
from syncropel.settings.config import load_settings
from syncropel.settings.home import Home
from syncropel.settings.passphrase import VARIABLE, known_passphrase, passphrase_in


def add_passphrase(parser: Parser) -> None:
    """The flag for the file with the passphrase."""
    parser.add_argument(
        "--passphrase-file",
        metavar="FILE",
        default="",
        help=f"the passphrase of the keys (mode 0600), or set {VARIABLE}",
    )


def given(args: Namespace, home: Home) -> str:
    """The passphrase that is known without asking; empty when none is, with a warning where the settings may
    name one and cannot be read. Raises SetupError for the file that the flag names.
    """
    known = known_passphrase(args.passphrase_file, os.environ)
    if known:
        return known
    try:
        return _configured(home)
    except SetupError as error:
        complain(f"{WARNING}no passphrase from the settings: {error.message}", error.hint)
        return ""


def _configured(home: Home) -> str:
    path = load_settings(home, {}).backup.passphrase_file
    return passphrase_in(path) if path else ""


def asked(args: Namespace, home: Home, *, new: bool) -> str:
    """The passphrase that is known, else the one that is typed. `new`: it is typed twice, and must not be
    empty; an old one may be, for keys that are not sealed. Raises UsageError, SetupError.
    """
    known = given(args, home)
    if known or not (sys.stdin.isatty() and sys.stderr.isatty()):
        if not known and new:
            raise UsageError(
                "there is no passphrase to seal the keys with",
                f"add --passphrase-file FILE, or set {VARIABLE}; or keep them unsealed: --unsealed",
            )
        return known
    if not new:
        return getpass("Passphrase of the keys (empty if they are not sealed): ")
    typed = getpass("New passphrase for the keys: ")
    if not typed:
        raise UsageError("the passphrase is empty", "to keep the keys unsealed: --unsealed")
    if getpass("The same once more: ") != typed:
        raise UsageError("the two passphrases differ", "nothing was done; try again")
    return typed
