"""`spl consent`: which namespace may share its records with which other."""

from __future__ import annotations

import os
import time
from argparse import ArgumentTypeError, Namespace
from datetime import datetime
from typing import TYPE_CHECKING, Final

from syncropel.cli.support.connect import connect
from syncropel.cli.support.parsing import Parser, add_list_verb, add_verb, verbs
from syncropel.cli.support.terminal import is_json, print_json, say, table
from syncropel.cli.text.thread import when
from syncropel.settings.home import actor_from

if TYPE_CHECKING:
    from syncropel.wire import ConsentOut

_UNITS: Final = {"m": 60, "h": 3600, "d": 86_400}
_FROM: Final = "default"


def configure(parser: Parser) -> None:
    group = verbs(parser)
    grant = add_verb(group, "grant", "let one namespace share its records with another")
    _add_pair(grant)
    grant.add_argument(
        "--purpose", metavar="TEXT", default="", help="what the grant is for; it is kept in the log"
    )
    grant.add_argument(
        "--expires",
        metavar="WHEN",
        type=_expiry,
        help="when it ends: a date, a time, or a span such as 30d (default: when it is revoked)",
    )
    grant.set_defaults(run=run_grant)
    add_list_verb(group, "list", "list the grants", ["record"]).set_defaults(run=run_list)
    revoke = add_verb(group, "revoke", "revoke a grant; what was shared stays where it is")
    _add_pair(revoke)
    revoke.add_argument("--reason", metavar="TEXT", default="", help="why, for the log")
    revoke.set_defaults(run=run_revoke)


def _add_pair(verb: Parser) -> None:
    verb.add_argument(
        "--to-namespace", metavar="NS", required=True, help="the namespace that receives records"
    )
    verb.add_argument(
        "--from-namespace",
        metavar="NS",
        default=_FROM,
        help=f"the namespace that shares its records (default: {_FROM})",
    )


def _expiry(text: str) -> float:
    """Unix seconds. A time without a zone is in this machine's zone."""
    try:
        if text[:-1].isdecimal() and text[-1] in _UNITS:
            end = int(time.time()) + int(text[:-1]) * _UNITS[text[-1]]
            return datetime.fromtimestamp(end).timestamp()  # raises for impossible dates
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        raise ArgumentTypeError(
            f"{text!r} is neither a time, such as 2027-01-31, nor a span, such as 30d"
        ) from None


def run_grant(args: Namespace) -> int:
    with connect(args) as client:
        from syncropel.client import consent_calls

        written = client.send(
            consent_calls.grant(
                args.from_namespace,
                args.to_namespace,
                actor_from(os.environ),
                purpose=args.purpose,
                expires_at=args.expires,
            )
        )
    if is_json(args):
        print_json(written)
    else:
        ends = f" until {when(args.expires)}" if args.expires else ""
        say(
            f"✓ '{written.source_namespace}' may share with '{written.target_namespace}'{ends}",
            f"  a bundle for it: spl thread snapshot --to-namespace {written.target_namespace} --all --out F",
        )
    return 0


def run_list(args: Namespace) -> int:
    with connect(args) as client:
        from syncropel.client import consent_calls

        page = client.send(consent_calls.consents())
    if is_json(args):
        print_json(page)
    elif not page.data:
        say("no consent was granted", "  Grant it: spl consent grant --to-namespace NS")
    else:
        say(*table(["FROM", "TO", "STATE", "EXPIRES", "BY", "PURPOSE"], list(map(_row, page.data))))
    return 0


def _row(one: ConsentOut) -> list[str]:
    ends = "never" if one.expires_at is None else when(one.expires_at)
    told = one.problem or one.purpose
    return [
        one.source_namespace,
        one.target_namespace,
        one.state,
        "-" if one.state in ("revoked", "invalid") else ends,
        one.actor,
        told,
    ]


def run_revoke(args: Namespace) -> int:
    with connect(args) as client:
        from syncropel.client import consent_calls

        written = client.send(
            consent_calls.revoke(
                args.from_namespace, args.to_namespace, actor_from(os.environ), reason=args.reason
            )
        )
    if is_json(args):
        print_json(written)
    else:
        say(
            f"✓ '{written.source_namespace}' no longer shares with '{written.target_namespace}' by this grant"
        )
    return 0
