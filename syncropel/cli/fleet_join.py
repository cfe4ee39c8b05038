"""`spl fleet invite`, `uninvite`, `join`, and `nodes`: instances of other hosts."""

from __future__ import annotations

import os
import sys
import time
from argparse import ArgumentTypeError, Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from syncropel.cli.support.connect import connect, this_home
from syncropel.cli.support.numbers import duration
from syncropel.cli.support.parsing import Parser, UsageError, add_list_verb, add_output, add_verb, verbs
from syncropel.cli.support.terminal import complain, is_json, print_json, say, table
from syncropel.settings.home import actor_from

if TYPE_CHECKING:
    from syncropel.settings.home import Home
    from syncropel.settings.join_line import JoinLine

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_HEARD_SECS: Final = 30.0
"""How long to wait until the coordinator has heard from an instance that has just joined."""


def configure(group: Any, run_revoke: Callable[[Namespace], int]) -> None:
    """`run_revoke`: that of `spl fleet revoke`."""
    invite = add_verb(group, "invite", "let one instance of another host join, and print what is typed there")
    invite.add_argument("--alias", required=True, metavar="NAME", help="the alias of that instance")
    invite.add_argument(
        "--ttl",
        type=_duration,
        default=3600.0,
        metavar="TIME",
        help="for how long, such as 30m or 1h (default 1h)",
    )
    invite.set_defaults(run=run_invite)
    uninvite = add_verb(group, "uninvite", "take back an invite that nobody has used")
    uninvite.add_argument("name", metavar="NAME_OR_ID", help="alias or id of the invite")
    uninvite.set_defaults(run=run_uninvite)
    join: Parser = group.add_parser(
        "join",
        help="let this host join a fleet, with the line of an invite",
        description="Let this host join a fleet, with the line of an invite: make a home, if there is none, "
        "and start the instance.",
    )
    add_output(join)
    join.add_argument("line", metavar="LINE", help="what spl fleet invite printed; - reads it from stdin")
    join.add_argument("--no-start", action="store_true", help="do not start the instance")
    join.set_defaults(run=run_join)
    _configure_nodes(group, run_revoke)


def _configure_nodes(group: Any, run_revoke: Callable[[Namespace], int]) -> None:
    nodes: Parser = group.add_parser(
        "nodes",
        help="list, revoke, and renew credentials of instances",
        description="List, revoke, and renew credentials of instances.",
    )
    inner = verbs(nodes)
    add_list_verb(
        inner, "list", "list instances with a credential, and open invites", ["alias", "did"]
    ).set_defaults(run=run_list)
    revoke = add_verb(inner, "revoke", "revoke an instance's credential: it is refused at once")
    revoke.add_argument("name", metavar="NAME_OR_DID", help="alias or DID of the instance")
    revoke.add_argument("--reason", metavar="TEXT", default="", help="why, for the log")
    revoke.set_defaults(run=run_revoke)
    rotate = add_verb(inner, "rotate", "have an instance renew its credential now")
    rotate.add_argument("name", metavar="NAME_OR_DID", help="alias or DID of the instance")
    rotate.set_defaults(run=run_rotate)


def _duration(text: str) -> float:
    """Seconds in `30m`, `1h`, or `2d`."""
    number, unit = text[:-1], text[-1:]
    if unit not in _UNITS or not number.isdecimal() or not int(number):
        raise ArgumentTypeError(f"{text!r} is not a time such as 30m, 1h, or 2d")
    return float(int(number) * _UNITS[unit])


def run_invite(args: Namespace) -> int:
    with connect(args) as client:
        from syncropel.client import join_calls

        made = client.send(join_calls.invite(args.alias, args.ttl, actor_from(os.environ)))
    if is_json(args):
        print_json(made)
        return 0
    if sys.stdout.isatty():
        until = time.strftime("%H:%M", time.localtime(made.expires_at))
        say(f"# on the other host, until {until}, once: whoever has this line can join as {made.alias}")
    say(f"spl fleet join {made.line}")
    return 0


def run_uninvite(args: Namespace) -> int:
    with connect(args) as client:
        from syncropel.client import join_calls

        gone = client.send(join_calls.withdraw(args.name, actor_from(os.environ)))
    if is_json(args):
        print_json(gone)
    else:
        say(f"✓ the invite for {gone.alias} is taken back")
    return 0


def run_join(args: Namespace) -> int:
    from syncropel.cli.support.connect import import_client

    line, home = _line(args.line), this_home()
    import_client()
    from syncropel.launcher.joining import Joiner

    stream = sys.stderr if is_json(args) else sys.stdout
    alias = Joiner(home, line, lambda told: say(told, stream=stream), complain).run()
    started = not args.no_start and _start(home, alias)
    if is_json(args):
        print_json({"alias": alias, "home": str(home.path), "started": started})
    elif args.no_start:
        say("  start it: spl serve")
    return 0 if started or args.no_start else 1


def _line(text: str) -> JoinLine:
    from syncropel.errors import BadRequest
    from syncropel.settings.join_line import parse_line

    if text == "-":
        text = sys.stdin.readline()
    try:
        return parse_line(text)
    except BadRequest as error:
        raise UsageError(error.message, error.hint) from None


def _start(home: Home, alias: str) -> bool:
    """Start the daemon, and wait until the coordinator has accepted its heartbeat; return whether it has."""
    from contextlib import redirect_stdout

    from syncropel.cli.serve import start

    with redirect_stdout(sys.stderr):
        start(home, [])
    problem = _wait_heard(home)
    if problem:
        complain(f"{alias} runs, and takes no work yet: {problem}", "see: spl status; spl logs --level WARN")
        return False
    say(f"✓ {alias} runs, and its coordinator hears it", stream=sys.stderr)
    return True


def _wait_heard(home: Home) -> str:
    """Why the instance takes no work, once it does or the time is over; empty when it does."""
    from syncropel.client import Client, Target, calls
    from syncropel.client.polling import rest_secs

    began = time.monotonic()
    with Client(Target(socket=home.socket, home=home.display())) as client:
        while True:
            health = client.send(calls.engine_health())
            problem = health.coordinator_refuses or health.takes_no_work
            waited = time.monotonic() - began
            if not problem or health.coordinator_refuses or waited > _HEARD_SECS:
                return problem
            time.sleep(rest_secs(waited))


def run_list(args: Namespace) -> int:
    with connect(args) as client:
        from syncropel.client import join_calls

        found = client.send(join_calls.nodes())
    if is_json(args):
        print_json(found)
        return 0
    now = time.time()
    rows = [
        [
            one.alias or "-",
            one.did,
            one.credential,
            duration(now - one.credential_at),
            one.status or "never heard",
        ]
        for one in found.nodes
    ]
    say(*table(["ALIAS", "DID", "CREDENTIAL", "AGE", "STATUS"], rows))
    if found.invites:
        invited = [[one.alias, one.id, duration(one.expires_at - now), one.actor] for one in found.invites]
        say("", *table(["INVITED", "ID", "EXPIRES IN", "BY"], invited))
    return 0


def run_rotate(args: Namespace) -> int:
    with connect(args) as client:
        from syncropel.client import join_calls

        done = client.send(join_calls.rotate(args.name, actor_from(os.environ)))
    if is_json(args):
        print_json(done)
        return 0
    say(
        f"✓ {done.alias} renews its credential with its next heartbeat",
        "  the present one is good until then: spl fleet nodes list",
        f"  if somebody has a copy of it, shut it out instead: spl fleet nodes revoke {done.alias}",
    )
    return 0
