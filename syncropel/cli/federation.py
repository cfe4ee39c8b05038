"""`spl federation`: pairs of instances that sync threads; this version has none, and says so."""

from __future__ import annotations

from argparse import Namespace

from syncropel.cli.parsing import Parser, add_verb, verbs
from syncropel.cli.terminal import is_json, print_json, say
from syncropel.errors import NotFound


def configure(parser: Parser) -> None:
    group = verbs(parser)
    listing = add_verb(group, "list", "list the federation pairs")
    listing.set_defaults(run=run_list)
    revoke = add_verb(group, "revoke", "end a federation pair")
    revoke.add_argument("pair", metavar="PAIR", help="the pair's id")
    revoke.set_defaults(run=run_revoke)


def run_list(args: Namespace) -> int:
    if is_json(args):
        print_json({"object": "list", "data": [], "next_cursor": None})
    else:
        say("no federation pairs")
    return 0


def run_revoke(args: Namespace) -> int:
    raise NotFound(
        f"no federation pair {args.pair!r}: this version makes none",
        "there is nothing to revoke before an instance is removed; the instances of a fleet: spl fleet list",
    )
