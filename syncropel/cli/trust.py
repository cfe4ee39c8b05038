"""`spl trust`: whose results were accepted, and how often."""

from __future__ import annotations

from argparse import Namespace

from syncropel.cli.support.connect import connect
from syncropel.cli.support.parsing import Parser, add_output, add_target
from syncropel.cli.support.terminal import is_json, print_json, say, table


def configure(parser: Parser) -> None:
    add_target(parser)
    add_output(parser)
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    with connect(args) as client:
        from syncropel.client import thread_calls

        page = client.send(thread_calls.trust())
    if is_json(args):
        print_json(page)
    elif not page.data:
        say(
            "No results yet.",
            "  They come from fan-outs, and from tasks that others approve or reject: spl task approve NAME",
        )
    else:
        rows = [
            [one.alias or "-", f"{one.score:.2f}", str(one.accepted), str(one.results), one.actor]
            for one in page.data
        ]
        own = [f"  {one.own} by {one.actor}" for one in page.data if one.own]
        say(
            *table(["ALIAS", "TRUST", "ACCEPTED", "RESULTS", "ACTOR"], rows),
            *(["Not counted, verdicts on their own work:", *own] if own else []),
        )
    return 0
