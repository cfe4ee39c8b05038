"""`spl help`: the output of `--help`, as a command."""

from __future__ import annotations

from argparse import Namespace

from syncropel.cli.support.parsing import Parser, build_parser


def configure(parser: Parser) -> None:
    parser.add_argument("words", nargs="*", metavar="COMMAND", help="such as: task fan-out")
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    """Print the help, and exit as `--help` does. Raises UsageError for an unknown command."""
    build_parser().parse_args([*args.words, "--help"])
    return 0
