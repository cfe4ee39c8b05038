"""`spl drill`: practise the kill switch on a fan-out made for it, and see how past drills went."""

from __future__ import annotations

import os
import secrets
import time
from argparse import Namespace
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Final

from syncropel.cli.connect import connect, this_home
from syncropel.cli.parsing import Parser, UsageError, add_verb, verbs
from syncropel.cli.terminal import complain, is_json, print_json, say, table
from syncropel.settings import actor_from

if TYPE_CHECKING:
    from syncropel.client import Client
    from syncropel.client.drill import DrillReport

LIMIT_SECS: Final = 20.0
SHOWN: Final = 20


def configure(parser: Parser) -> None:
    group = verbs(parser)
    kill = add_verb(group, "kill", "freeze and lift a practice fan-out; exit 1 when a write leaks")
    kill.add_argument(
        "--limit",
        type=float,
        default=LIMIT_SECS,
        metavar="SECS",
        help="how long each step may take (default 20)",
    )
    kill.set_defaults(run=run_kill)
    add_verb(group, "history", "list past drills, the latest first").set_defaults(run=run_history)


def run_kill(args: Namespace) -> int:
    if not 0 < args.limit < float("inf"):
        raise UsageError("--limit must be seconds above 0", "for example --limit 20")
    with connect(args) as coordinator, _instances(coordinator) as clients:
        from syncropel.client.drill import KillDrill

        drill = KillDrill(
            coordinator,
            clients,
            actor=actor_from(os.environ),
            token=secrets.token_hex(3),
            limit_secs=args.limit,
            now=time.monotonic,
            sleep=time.sleep,
            say=(lambda _: None) if is_json(args) else (lambda line: say(f"  {line}")),
        )
        if not is_json(args):
            say("Kill switch drill")
        report = drill.run()
    _show(args, report)
    return 0 if report.ok else 1


@contextmanager
def _instances(coordinator: Client) -> Iterator[Mapping[str, Client]]:
    """A client of every live instance that this home has the fleet's token for, the coordinator included."""
    from syncropel.client import Client, Target, calls

    with ExitStack() as stack:
        clients: dict[str, Client] = {}
        token = _fleet_token()
        for one in coordinator.send(calls.fleet_status()).instances:
            if one.role == "coordinator":
                clients[one.alias] = coordinator
            elif one.status == "live" and token:
                clients[one.alias] = stack.enter_context(Client(Target(url=one.endpoint, token=token)))
        yield clients


def _fleet_token() -> str:
    try:
        return this_home().fleet_token.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _show(args: Namespace, report: DrillReport) -> None:
    if is_json(args):
        from dataclasses import asdict

        print_json({**asdict(report), "ok": report.ok})
        return
    unprobed = report.instances - len(report.probed)
    if unprobed > 0:
        say(f"  {unprobed} instances were not probed: their token is not in this home")
    if report.ok:
        say(f"✓ drill passed (recorded as {report.record[:16]})")
        return
    leaks = [f"{report.leaked} writes leaked"] if report.leaked else []
    complain(
        f"drill failed: {'; '.join([*leaks, *report.problems])}", "see: spl fleet status; spl drill history"
    )


def run_history(args: Namespace) -> int:
    with connect(args) as client:
        from syncropel.client import calls
        from syncropel.client.drill import THREAD, TOPIC

        drills: list[dict[str, Any]] = []
        since = None
        while True:
            page = client.send(calls.records(thread=THREAD, topic=TOPIC, since=since, limit=1000))
            drills += [one.body for one in page.data]
            since = page.next_cursor
            if since is None:
                break
    latest = drills[::-1][:SHOWN]
    if is_json(args):
        print_json({"object": "list", "data": latest, "next_cursor": None})
    elif not latest:
        say("no drill yet", "  make one: spl drill kill")
    else:
        rows = [_row(drill) for drill in latest]
        say(*table(["WHEN", "RESULT", "CONFIRMED", "REFUSED", "LEAKED", "DRAINED", "RECOVERED"], rows))
    return 0


def _row(drill: Mapping[str, Any]) -> list[str]:
    at = drill.get("at")
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(at)) if isinstance(at, int | float) else "?"
    return [
        when,
        "passed" if drill.get("ok") is True else "FAILED",
        _number(drill.get("confirmed_ms"), "ms"),
        str(drill.get("refused", "?")),
        str(drill.get("leaked", "?")),
        _number(drill.get("drain_secs"), "s"),
        _number(drill.get("recovery_secs"), "s"),
    ]


def _number(value: Any, unit: str) -> str:
    return f"{value:g}{unit}" if isinstance(value, int | float) else "never"
