"""`spl fleet relink`: let a worker link again that was refused as a second home."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from syncropel.cli.support.connect import connect
from syncropel.cli.support.parsing import add_verb
from syncropel.cli.support.terminal import is_json, print_json, say
from syncropel.settings.home import actor_from


def configure(group: Any) -> None:
    relink = add_verb(group, "relink", "let a worker link again whose credential two processes presented")
    relink.add_argument("name", metavar="NAME_OR_DID", help="alias or DID of the instance")
    relink.set_defaults(run=run)


def run(args: Namespace) -> int:
    import os

    with connect(args) as client:
        from syncropel.client import credential_calls

        done = client.send(credential_calls.relink(args.name, actor_from(os.environ)))
    if is_json(args):
        print_json(done)
    else:
        say(
            f"✓ {done.alias} may link again; it connects by itself within half a minute",
            f"  If the copied home still runs, both are refused again; a new credential ends that for good:"
            f" spl fleet start --workers N --reissue {done.alias}",
        )
    return 0
