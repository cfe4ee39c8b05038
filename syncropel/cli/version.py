"""`spl version`"""

from __future__ import annotations

from argparse import Namespace

from syncropel import __version__
from syncropel.cli.support.parsing import Parser, add_output
from syncropel.cli.support.terminal import is_json, print_json, say


def configure(parser: Parser) -> None:
    add_output(parser)
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    if is_json(args):
        print_json({"version": __version__})
    else:
        say(f"spl {__version__}")
    return 0
