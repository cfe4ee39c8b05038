"""`spl kill`: freeze a namespace, or the whole fleet, and wait until every live instance has confirmed it."""

from __future__ import annotations

import os
import time
from argparse import Namespace
from typing import TYPE_CHECKING, Final

from syncropel.cli.support.connect import connect
from syncropel.cli.support.parsing import Parser, UsageError, add_output, add_target
from syncropel.cli.support.terminal import complain, is_json, print_json, say
from syncropel.errors import WARNING
from syncropel.freeze_levels import DEFAULT_GRACE_SECS, EMERGENCY, HARD, MEANINGS, NAMESPACE_LEVELS, SOFT
from syncropel.settings.home import actor_from

if TYPE_CHECKING:
    from syncropel.client import Client
    from syncropel.wire import FleetStatus, FreezeOut

WAIT_SECS: Final = 5.0


def configure(parser: Parser) -> None:
    add_target(parser)
    add_output(parser)
    place = parser.add_mutually_exclusive_group(required=True)
    place.add_argument("--namespace", metavar="NS", help="freeze this namespace and everything below it")
    place.add_argument("--emergency", action="store_true", help="stop new work in the whole fleet")
    parser.add_argument(
        "--level",
        choices=NAMESPACE_LEVELS,
        default=SOFT,
        help=", ".join(f"{level} ({MEANINGS[level]})" for level in NAMESPACE_LEVELS),
    )
    parser.add_argument(
        "--grace", type=float, default=DEFAULT_GRACE_SECS, metavar="SECS", help="the grace of a hard freeze"
    )
    parser.add_argument("--reason", default="", help="why; others will read it")
    parser.add_argument("--terminate", action="store_true", help="end running work at once")
    parser.add_argument(
        "--wait",
        type=float,
        default=WAIT_SECS,
        metavar="SECS",
        help="how long to wait for confirmations, and then for work to end",
    )
    parser.add_argument(
        "--accept-unverified",
        action="store_true",
        help="accept confirmations of instances without a credential of their own",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="show what the freeze would affect, and change nothing"
    )
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    if args.emergency and args.level != SOFT:
        raise UsageError("--level does not go with --emergency", "an emergency stop has a level of its own")
    if args.grace < 0 or args.wait < 0:
        raise UsageError("seconds must not be negative", "for example --grace 60")
    if args.dry_run:
        return _show_blast(args)
    if not args.reason.strip():
        raise UsageError("--reason is missing", "say why: others will read it")
    with connect(args) as client:
        from syncropel.client import calls

        fields = {
            "level": _level(args),
            "reason": args.reason,
            "grace_secs": args.grace,
            "terminate": args.terminate,
            "actor": actor_from(os.environ),
        }
        if args.namespace is not None:
            fields["namespace"] = args.namespace
        record = client.send(calls.freeze(fields)).record
        if not is_json(args):
            say(_recorded(args))
        status, freeze = _confirmed(client, record, args.wait)
        ends = args.terminate or (args.level == HARD and args.grace == 0)
        wants_end = ends and freeze is not None and not status.starting
        left = _ended(client, freeze, args.wait) if wants_end and freeze is not None else []
    return _report(args, status, freeze) or _report_starting(status, ends=ends) or _report_left(left)


def _level(args: Namespace) -> str:
    return EMERGENCY if args.emergency else str(args.level)


def _show_blast(args: Namespace) -> int:
    with connect(args) as client:
        from syncropel.client import calls
        from syncropel.client.freeze_text import blast_lines, place

        blast = client.send(calls.blast(_level(args), args.namespace, args.terminate))
    if is_json(args):
        print_json(blast)
    else:
        say(f"A freeze ({blast.level}) of {place(blast.namespace)} would affect:")
        say(*(f"  {line}" for line in blast_lines(blast)), "Nothing was changed.")
    return 0


def _recorded(args: Namespace) -> str:
    if args.emergency:
        return "✓ emergency stop recorded"
    return f"✓ {args.level} freeze of '{args.namespace}' recorded"


def _confirmed(client: Client, record: str, wait_secs: float) -> tuple[FleetStatus, FreezeOut | None]:
    """The fleet once all have confirmed, or its state when the wait is over."""
    from syncropel.client import calls
    from syncropel.client.confirming import holds
    from syncropel.client.polling import rest_secs

    began = time.monotonic()
    while True:
        status = client.send(calls.fleet_status(while_starting=True))
        freeze = next((one for one in status.freezes if one.record == record), None)
        waited = time.monotonic() - began
        if freeze is None or holds(freeze) or waited >= wait_secs:
            return status, freeze
        time.sleep(min(rest_secs(waited), wait_secs - waited))


def _ended(client: Client, freeze: FreezeOut, wait_secs: float) -> list[str]:
    """Wait until the work under the freeze has ended; return what is left then, in words."""
    from syncropel.client import calls
    from syncropel.client.polling import rest_secs
    from syncropel.client.unended import by_instance, settled

    began = time.monotonic()
    while True:
        status = client.send(calls.fleet_status())
        waited = time.monotonic() - began
        if settled(status, freeze) or waited >= wait_secs:
            return by_instance(status, freeze)
        time.sleep(min(rest_secs(waited), wait_secs - waited))


def _report_starting(status: FleetStatus, *, ends: bool) -> int:
    """A daemon that reads its log enforces a freeze, but does not know yet what runs."""
    if not status.starting:
        return 0
    told = f"the daemon starts: it has read {status.starting} of its log"
    if not ends:
        complain(f"{WARNING}{told}; what runs is not known yet")
        return 0
    complain(
        f"not known whether what ran there has ended: {told}",
        "the freeze stands, and work on this machine ends when the log is read; see: spl fleet status",
    )
    return 1


def _report_left(left: list[str]) -> int:
    if not left:
        return 0
    complain(f"not everything that ran there has ended: {'; '.join(left)}", "see: spl fleet status")
    return 1


def _report(args: Namespace, status: FleetStatus, freeze: FreezeOut | None) -> int:
    from syncropel.client.confirming import problems
    from syncropel.client.freeze_text import confirmations

    if freeze is None:
        complain("somebody lifted this freeze again", "see: spl fleet status")
        return 1
    if is_json(args):
        print_json(freeze)
    else:
        slowest = max((one.at for one in freeze.confirmed), default=freeze.at) - freeze.at
        say(f"  {confirmations(freeze)} ({max(0.0, slowest) * 1000:.0f} ms)")
    found = list(problems(status, freeze, args.wait, accept_unverified=args.accept_unverified))
    for message, hint in found:
        complain(message, hint)
    return 1 if found else 0
