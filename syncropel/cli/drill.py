"""`spl drill`: practise the kill switch on a fan-out made for it, and show past drills."""

from __future__ import annotations

import secrets
import time
from argparse import Namespace
from typing import TYPE_CHECKING, Final

from syncropel.cli.support.connect import connect, target
from syncropel.cli.support.parsing import Parser, UsageError, add_list_verb, add_verb, verbs
from syncropel.cli.support.terminal import complain, is_json, print_json, say, table

if TYPE_CHECKING:
    from syncropel.client.drill import DrillReport
    from syncropel.client.drill_records import PastDrill
    from syncropel.wire import RecordOut

LIMIT_SECS: Final = 20.0
SHOWN: Final = 20


def configure(parser: Parser) -> None:
    group = verbs(parser)
    kill = add_verb(
        group, "kill", "practise the kill switch on a fan-out of its own; exit 1 when a step fails"
    )
    kill.add_argument(
        "--limit",
        type=float,
        default=LIMIT_SECS,
        metavar="SECS",
        help="how long each step may take (default 20)",
    )
    kill.set_defaults(run=run_kill)
    add_list_verb(group, "history", "list past drills, the latest first", []).set_defaults(run=run_history)


def run_kill(args: Namespace) -> int:
    if not 0 < args.limit < float("inf"):
        raise UsageError("--limit must be seconds above 0", "for example --limit 20")
    import asyncio

    if not is_json(args):
        say("Kill switch drill")
    report = asyncio.run(_drill(args))
    _show(args, report)
    return 0 if report.ok else 1


async def _drill(args: Namespace) -> DrillReport:
    where = target(args)
    import asyncio

    from syncropel.client import AsyncClient
    from syncropel.client.drill import KillDrill, reach

    def tell(step: str, words: str, good: bool) -> None:
        if words and step not in ("lift", "record") and not is_json(args):
            say(f"  {'lifted: ' if step == 'recover' else ''}{words}")

    async with AsyncClient(where) as coordinator, reach(coordinator, where, AsyncClient) as clients:
        drill = KillDrill(
            coordinator,
            clients,
            actor=where.actor,
            token=secrets.token_hex(3),
            limit_secs=args.limit,
            now=time.monotonic,
            sleep=asyncio.sleep,
            say=tell,
        )
        return await drill.run()


def _show(args: Namespace, report: DrillReport) -> None:
    if is_json(args):
        from dataclasses import asdict

        print_json({**asdict(report), "ok": report.ok})
        return
    if report.unprobed:
        say(f"  {report.unprobed} instances were not probed: their token is not in this home")
    if report.ok:
        say(f"✓ drill passed (recorded as {report.record[:16]})")
        return
    leaks = [f"{report.leaked} writes leaked"] if report.leaked else []
    complain(
        f"drill failed: {'; '.join([*leaks, *report.problems])}", "see: spl fleet status; spl drill history"
    )


def run_history(args: Namespace) -> int:
    with connect(args) as client:
        from syncropel.client.drill_records import page_of_drills, read_drills

        drills: list[RecordOut] = []
        since = None
        while True:
            page = client.send(page_of_drills(since))
            drills += page.data
            since = page.next_cursor
            if since is None:
                break
    latest = drills[::-1][:SHOWN]
    if is_json(args):
        print_json({"object": "list", "data": [one.body for one in latest], "next_cursor": None})
    elif not latest:
        say("no drill yet", "  make one: spl drill kill")
    else:
        rows = [_row(drill) for drill in read_drills(latest)]
        say(*table(["WHEN", "RESULT", "CONFIRMED", "REFUSED", "LEAKED", "DRAINED", "RECOVERED"], rows))
    return 0


def _row(drill: PastDrill) -> list[str]:
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(drill.at)) if drill.at is not None else "?"
    return [
        when,
        "passed" if drill.ok else "FAILED",
        _number(drill.confirmed_ms, "ms"),
        _count(drill.refused),
        _count(drill.leaked),
        _number(drill.drain_secs, "s"),
        _number(drill.recovery_secs, "s"),
    ]


def _number(value: float | None, unit: str) -> str:
    return "never" if value is None else f"{value:g}{unit}"


def _count(value: int | None) -> str:
    return "?" if value is None else str(value)
