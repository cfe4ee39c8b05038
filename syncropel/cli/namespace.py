"""`spl namespace`: the registry of namespaces that freezes and rules apply to."""

from __future__ import annotations

import os
from argparse import Namespace

from syncropel.cli.support.connect import connect
from syncropel.cli.support.parsing import Parser, add_list_verb, add_verb, verbs
from syncropel.cli.support.terminal import is_json, print_json, say, table
from syncropel.errors import NotFound
from syncropel.settings.home import actor_from


def configure(parser: Parser) -> None:
    group = verbs(parser)
    create = add_verb(group, "create", "register a namespace, or open a closed one again")
    create.add_argument("name", metavar="NS", help="org, org/project, org/project/env or org/project/env/job")
    create.add_argument("--description", default="", help="what it is for")
    create.set_defaults(run=run_create)
    add_list_verb(group, "list", "list the registered namespaces", ["namespace"]).set_defaults(run=run_list)
    show = add_verb(group, "show", "show one namespace")
    show.add_argument("name", metavar="NS", help="its id")
    show.set_defaults(run=run_show)
    strict = add_verb(group, "strict", "set whether only registered namespaces may be used")
    strict.add_argument("state", metavar="STATE", choices=("on", "off"), help="on or off")
    strict.set_defaults(run=run_strict)
    for verb, past in (("archive", "archived"), ("delete", "deleted")):
        close = add_verb(
            group, verb, f"close a namespace: it is {past}, and nothing more is written to it or below it"
        )
        close.add_argument("name", metavar="NS", help="its id")
        close.set_defaults(run=run_close, closing=verb, past=past)


def run_create(args: Namespace) -> int:
    with connect(args) as client:
        from syncropel.client import calls

        written = client.send(calls.create_namespace(args.name, args.description, actor_from(os.environ)))
    if is_json(args):
        print_json(written)
    else:
        say(f"✓ namespace '{args.name}' created")
    return 0


def run_list(args: Namespace) -> int:
    with connect(args) as client:
        from syncropel.client import calls

        page = client.send(calls.namespaces())
    if is_json(args):
        print_json(page)
    else:
        rows = [[one.namespace, one.level, one.state, one.description] for one in page.data]
        say(*table(["NAMESPACE", "LEVEL", "STATE", "DESCRIPTION"], rows))
        if page.strict:
            say("Strict: only these may be used")
    return 0


def run_show(args: Namespace) -> int:
    with connect(args) as client:
        from syncropel.client import calls

        page = client.send(calls.namespaces())
        status = client.send(calls.fleet_status())
    found = next((one for one in page.data if one.namespace == args.name), None)
    if found is None:
        raise NotFound(f"no namespace {args.name!r}", "see them: spl namespace list")
    if is_json(args):
        print_json(found)
        return 0
    covering = [
        f"[{one.level}] {one.namespace} — {one.reason}"
        for one in status.freezes
        if one.namespace == "*" or f"{args.name}/".startswith(f"{one.namespace}/")
    ]
    say(
        f"Namespace: {found.namespace}",
        f"  Level: {found.level}",
        f"  State: {found.state}",
        *([f"  Description: {found.description}"] if found.description else []),
        f"  Frozen: {'; '.join(covering) if covering else 'no'}",
    )
    return 0


def run_close(args: Namespace) -> int:
    with connect(args) as client:
        from syncropel.client import calls

        written = client.send(calls.close_namespace(args.closing, args.name, actor_from(os.environ)))
    if is_json(args):
        print_json(written)
    else:
        say(f"✓ namespace '{args.name}' {args.past}")
    return 0


def run_strict(args: Namespace) -> int:
    with connect(args) as client:
        from syncropel.client import calls

        written = client.send(calls.set_strict(args.state == "on", actor_from(os.environ)))
    if is_json(args):
        print_json(written)
    else:
        say(
            "✓ only registered namespaces may be used"
            if args.state == "on"
            else "✓ any namespace may be used"
        )
    return 0
