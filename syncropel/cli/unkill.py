"""`spl unkill`: lift a freeze. Held work continues by itself."""

from __future__ import annotations

import os
from argparse import Namespace

from syncropel.cli.support.connect import connect
from syncropel.cli.support.parsing import Parser, add_output, add_target
from syncropel.cli.support.terminal import is_json, print_json, say
from syncropel.settings.home import actor_from


def configure(parser: Parser) -> None:
    add_target(parser)
    add_output(parser)
    place = parser.add_mutually_exclusive_group(required=True)
    place.add_argument("--namespace", metavar="NS", help="lift the freeze of exactly this namespace")
    place.add_argument("--emergency", action="store_true", help="lift the emergency stop")
    parser.add_argument("--reason", default="", help="why it is over; others will read it")
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    with connect(args) as client:
        from syncropel.client import calls

        written = client.send(calls.unfreeze(actor_from(os.environ), args.namespace, args.reason))
    if is_json(args):
        print_json(written)
    elif args.emergency:
        say("✓ lifting of the emergency stop recorded")
    else:
        say(f"✓ unfreeze of '{args.namespace}' recorded")
    return 0
