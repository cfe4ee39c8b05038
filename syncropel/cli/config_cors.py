"""`spl config auth-…-cors-origins`: which web pages may call the daemon from a browser."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Sequence
from typing import Any

from syncropel.cli.support.connect import connect
from syncropel.cli.support.parsing import add_verb
from syncropel.cli.support.terminal import is_json, print_json, say
from syncropel.settings.home import actor_from


def configure(group: Any) -> None:
    """Add the verbs to `spl config`."""
    summary = "let pages of these origins call from a browser, and no others"
    setting = add_verb(group, "auth-set-cors-origins", summary)
    setting.add_argument("origins", nargs="+", metavar="ORIGIN", help="for example https://app.example.com")
    setting.set_defaults(run=run_set)
    listing = add_verb(group, "auth-list-cors-origins", "list the origins whose web pages may call")
    listing.set_defaults(run=run_list)
    clearing = add_verb(group, "auth-clear-cors-origins", "empty the list of origins: no page may call")
    clearing.set_defaults(run=run_clear)


def run_set(args: Namespace) -> int:
    return _put(args, args.origins)


def run_clear(args: Namespace) -> int:
    return _put(args, [])


def run_list(args: Namespace) -> int:
    with connect(args) as client:
        from syncropel.client import config_calls

        found = client.send(config_calls.cors_origins())
    if is_json(args):
        print_json(found)
    else:
        say(*(found.origins or ["(none: no page of another origin may call)"]))
    return 0


def _put(args: Namespace, origins: Sequence[str]) -> int:
    with connect(args) as client:
        from syncropel.client import config_calls

        written = client.send(config_calls.put_cors_origins(origins, actor_from(os.environ)))
    if is_json(args):
        print_json(written)
    else:
        said = f"pages of {', '.join(written.origins)} may call" if written.origins else "no page may call"
        say(f"✓ recorded: {said}")
    return 0
