"""`spl drain`: empty an instance or the fleet before it is stopped, and show the progress."""

from __future__ import annotations

import os
import sys
import time
from argparse import Namespace
from typing import TYPE_CHECKING, Any, Final

from syncropel.cli.support.connect import connect
from syncropel.cli.support.parsing import Parser, UsageError, add_verb, verbs
from syncropel.cli.support.progress import replace_line
from syncropel.cli.support.terminal import complain, is_json, print_json, say
from syncropel.settings.home import actor_from

if TYPE_CHECKING:
    from syncropel.wire import DrainingInstance, DrainStatus

_POLL_SECS: Final = 0.2
_THEN: Final = {"reassign": "others take the rest", "end": "the rest is ended"}
WHOLE_FLEET: Final = "*"


def configure(parser: Parser) -> None:
    group = verbs(parser)
    start = _placed(add_verb(group, "start", "let running work finish, and begin nothing else"))
    start.add_argument(
        "--deadline", type=float, metavar="SECS", help="seconds after which --then applies to what is left"
    )
    start.add_argument(
        "--then",
        choices=("reassign", "end"),
        help="at the deadline: others take what is left (default), or it is ended (for a fleet: always)",
    )
    start.add_argument("--reason", default="", help="why; others will read it")
    start.set_defaults(run=run_start)
    status = _placed(add_verb(group, "status", "wait until nothing is in flight, and show progress"))
    status.add_argument("--wait", action="store_true", default=True, help="wait; this is the default")
    status.add_argument(
        "--no-wait",
        action="store_false",
        dest="wait",
        help="print the present state; exit 1 while something is in flight",
    )
    status.set_defaults(run=run_status)
    _placed(add_verb(group, "stop", "take new work again")).set_defaults(run=run_stop)


def _placed(parser: Parser) -> Parser:
    parser.add_argument("--instance", metavar="NAME", help="alias or DID (default: the whole fleet)")
    return parser


def run_start(args: Namespace) -> int:
    if args.deadline is not None and not 0 <= args.deadline < float("inf"):
        raise UsageError("--deadline must be a number of seconds", "for example --deadline 60")
    fields = {"deadline_secs": args.deadline, "then": args.then, "reason": args.reason}
    return _post(args, "start", {key: value for key, value in fields.items() if value not in (None, "")})


def run_stop(args: Namespace) -> int:
    return _post(args, "stop", {})


def _post(args: Namespace, state: str, fields: dict[str, Any]) -> int:
    place = {"state": state, "instance": args.instance or WHOLE_FLEET, "actor": actor_from(os.environ)}
    with connect(args) as client:
        from syncropel.client import calls

        changed = client.send(calls.drain({**place, **fields}))
    if is_json(args):
        print_json(changed)
        return 0
    name = f"'{args.instance}'" if args.instance else "the fleet"
    if state == "stop":
        say(f"✓ {name} takes new work again")
    else:
        flag = f" --instance {args.instance}" if args.instance else ""
        say(f"✓ drain of {name} recorded", f"  Wait for it: spl drain status{flag}")
    return 0


def run_status(args: Namespace) -> int:
    """Exits 0 once nothing is in flight; without waiting, 1 while something is."""
    with connect(args) as client:
        from syncropel.client import calls

        # Progress is for a person; a pipe gets only the final state.
        live = args.wait and sys.stdout.isatty() and not is_json(args)
        shown = ""
        while True:
            status = client.send(calls.drain_status(args.instance))
            if not args.wait or not _is_busy(status):
                break
            if live and (line := progress_line(status)) != shown:
                shown = line
                replace_line(sys.stdout, line)
            time.sleep(_POLL_SECS)
    if shown:
        replace_line(sys.stdout, "")
    if is_json(args):
        print_json(status)
    else:
        say(*status_lines(status, args.instance))
    if _is_busy(status):
        complain(f"{status.in_flight} still in flight", "wait for it: spl drain status")
        return 1
    return 0


def _is_busy(status: DrainStatus) -> bool:
    unconfirmed = any(not one.confirmed and one.status == "draining" for one in status.instances)
    return status.in_flight > 0 or unconfirmed


def progress_line(status: DrainStatus) -> str:
    """The progress, in one line."""
    rows = [f"{one.alias} {one.in_flight}" for one in status.instances if one.in_flight]
    return f"draining · {status.in_flight} in flight{' · ' if rows else ''}{' · '.join(rows)}"


def status_lines(status: DrainStatus, instance: str | None) -> list[str]:
    """The output of `spl drain status`."""
    if not status.draining:
        return [f"{instance or 'nothing'} is {'not ' if instance else ''}draining"]
    lines = [f"Drain status: {status.in_flight} in flight"]
    for one in status.instances:
        lines.append(f"  {one.alias} ({one.status}): {one.in_flight} in flight{_details(one, status.at)}")
        if one.held:
            lines.append(
                f"    {one.held} not begun, held until the drain stops or they are retried elsewhere"
            )
    return lines


def _details(one: DrainingInstance, at: float) -> str:
    facts = []
    if one.deadline is not None:
        left = one.deadline - at
        verb = _THEN.get(one.then, one.then)
        facts.append(f"{verb} {f'in {left:.0f}s' if left > 0 else 'now'}")
    if one.reason:
        facts.append(one.reason)
    return "".join(f" · {fact}" for fact in facts)
