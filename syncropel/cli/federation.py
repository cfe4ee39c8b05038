"""`spl federation`: what this version supports, and what it does not. Nothing here pretends to sync."""

from __future__ import annotations

from argparse import Namespace
from typing import Final

from syncropel.cli.support.connect import connect
from syncropel.cli.support.parsing import Parser, add_list_verb, add_verb, verbs
from syncropel.cli.support.terminal import is_json, print_json, say
from syncropel.errors import NotFound

_BY_HAND: Final = "carry records by hand: spl thread snapshot --to-namespace NS --all --out F"
_MISSING: Final = {
    "pair": ("PEER", "pair with another instance", f"this version makes no pairs|{_BY_HAND}"),
    "sync": ("PAIR", "pull records from a pair", f"this version does not sync|{_BY_HAND}"),
    "revoke": (
        "PAIR",
        "end a federation pair",
        "there is no federation pair, this version makes none|"
        "nothing has to be revoked; grants are taken back with: spl consent revoke --to-namespace NS",
    ),
}
"""Verbs of other versions: their arguments, what they do there, and why they fail here."""


def configure(parser: Parser) -> None:
    group = verbs(parser)
    add_verb(group, "status", "show which parts of federation this version has").set_defaults(run=run_status)
    add_list_verb(group, "list", "list the federation pairs", ["name"]).set_defaults(run=run_list)
    for name, (metavar, summary, told) in _MISSING.items():
        verb = add_verb(group, name, f"{summary}; fails: this version has no federation")
        verb.add_argument("what", metavar=metavar, help="not used")
        verb.set_defaults(run=run_missing, told=told)


def run_status(args: Namespace) -> int:
    with connect(args) as client:
        from syncropel.client import consent_calls

        grants = client.send(consent_calls.consents()).data
    active = sum(one.state == "active" for one in grants)
    if is_json(args):
        print_json({"object": "federation", "pairs": 0, "sync": False, "active_consents": active})
    else:
        say(
            "Federation",
            f"  Consent grants: {active} active (spl consent list)",
            "  Checked in: bundles for a namespace (spl thread snapshot --to-namespace NS),",
            "    and those that accounts with the scope federation:read pull",
            "  Pairs: none; this version makes none",
            "  Sync: none; records leave and come by bundles only",
        )
    return 0


def run_list(args: Namespace) -> int:
    if is_json(args):
        print_json({"object": "list", "data": [], "has_more": False})
    else:
        say("no federation pairs")
    return 0


def run_missing(args: Namespace) -> int:
    problem, _, hint = args.told.partition("|")
    raise NotFound(f"{args.what}: {problem}", hint)
