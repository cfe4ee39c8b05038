"""`spl provider`: providers whose quota is spent, paused for the whole fleet."""

from __future__ import annotations

import os
from argparse import Namespace

from syncropel.cli.support.connect import connect
from syncropel.cli.support.parsing import Parser, UsageError, add_list_verb, add_verb, verbs
from syncropel.cli.support.terminal import is_json, print_json, say
from syncropel.settings.home import actor_from


def configure(parser: Parser) -> None:
    group = verbs(parser)
    add_list_verb(
        group, "list", "show which providers are paused, and until when", ["provider"]
    ).set_defaults(run=run_list)
    pause = add_verb(group, "pause", "start no goal on a provider for a while; what runs goes on")
    pause.add_argument("name", metavar="NAME", help="what the adapters call it, such as anthropic")
    pause.add_argument("--for", dest="secs", type=float, required=True, metavar="SECS", help="how long")
    pause.add_argument("--reason", default="", help="why; others will read it")
    pause.set_defaults(run=run_pause)
    resume = add_verb(group, "resume", "start goals on a provider again")
    resume.add_argument("name", metavar="NAME", help="a provider that is paused")
    resume.set_defaults(run=run_resume)


def run_list(args: Namespace) -> int:
    with connect(args) as client:
        from syncropel.client import calls

        paused = client.send(calls.paused_providers())
    if is_json(args):
        print_json(paused)
    else:
        say(*([one.told for one in paused.data] or ["no provider is paused"]))
    return 0


def run_pause(args: Namespace) -> int:
    if not 0 < args.secs < float("inf"):
        raise UsageError("--for must be seconds, more than 0", "for example --for 3600")
    with connect(args) as client:
        from syncropel.client import calls

        fields = {"secs": args.secs, "reason": args.reason, "actor": actor_from(os.environ)}
        changed = client.send(calls.pause_provider(args.name, fields))
    if is_json(args):
        print_json(changed)
    else:
        say(f"✓ {changed.told}", f"  Lift it: spl provider resume {args.name}")
    return 0


def run_resume(args: Namespace) -> int:
    with connect(args) as client:
        from syncropel.client import calls

        changed = client.send(calls.resume_provider(args.name, {"actor": actor_from(os.environ)}))
    if is_json(args):
        print_json(changed)
    else:
        say(f"✓ {changed.told}")
    return 0
