"""`spl webhook`: who else hears what happens in the fleet."""

from __future__ import annotations

import time
from argparse import Namespace

from syncropel.cli.support.connect import connect
from syncropel.cli.support.numbers import duration
from syncropel.cli.support.parsing import Parser, add_list_verb, add_verb, verbs
from syncropel.cli.support.terminal import clean, is_json, print_json, say, table


def configure(parser: Parser) -> None:
    group = verbs(parser)
    add_list_verb(
        group, "list", "list the webhooks of this instance, and how they are", ["name"]
    ).set_defaults(run=run_list)
    test = add_verb(group, "test", "post a notice to one which says that nothing has happened")
    test.add_argument("name", metavar="NAME", help="a webhook: [webhooks.NAME] in config.toml")
    test.set_defaults(run=run_test)


def run_list(args: Namespace) -> int:
    with connect(args) as client:
        from syncropel.client import webhook_calls

        found = client.send(webhook_calls.webhooks())
    if is_json(args):
        print_json(found)
        return 0
    if not found.data:
        say("no webhooks", "  add one to config.toml: [webhooks.NAME], with url and events")
        return 0
    now = time.time()
    rows = [
        [
            clean(one.name),
            ",".join(one.events),
            str(one.sent),
            str(one.waiting),
            str(one.dropped),
            "–" if one.at is None else f"{duration(now - one.at)} ago",
            clean(one.problem) or "ok",
        ]
        for one in found.data
    ]
    say(*table(["WEBHOOK", "EVENTS", "SENT", "WAITING", "DROPPED", "LAST", "STATE"], rows))
    return 0


def run_test(args: Namespace) -> int:
    with connect(args) as client:
        from syncropel.client import webhook_calls

        done = client.send(webhook_calls.post_test(args.name))
    if is_json(args):
        print_json(done)
    else:
        say(f"✓ {clean(done.name)} took it")
    return 0
