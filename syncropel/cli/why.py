"""`spl why`: the reason for a task's status, with the records that prove it."""

from __future__ import annotations

from argparse import Namespace

from syncropel.cli.support.connect import connect
from syncropel.cli.support.parsing import Parser, add_output, add_target
from syncropel.cli.support.terminal import is_json, print_json, say
from syncropel.cli.text import explain as explain_text


def configure(parser: Parser) -> None:
    parser.add_argument("name", metavar="NAME", help="a task's alias or thread, or one with child threads")
    add_output(parser)
    add_target(parser)
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    with connect(args) as client:
        from syncropel.client import explain_calls

        told = client.send(explain_calls.why(args.name))
    if is_json(args):
        print_json(told)
    else:
        say(*explain_text.why_lines(told))
    return 0
