"""`spl status`: the state of the daemon."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Final

from syncropel.cli.support.connect import connect
from syncropel.cli.support.numbers import duration, size
from syncropel.cli.support.parsing import Parser, add_output, add_target
from syncropel.cli.support.terminal import clean, is_json, print_json, say

if TYPE_CHECKING:
    from syncropel.wire import EngineHealth, Health

_REFUSED: Final = "the coordinator refuses this worker's heartbeats"


def configure(parser: Parser) -> None:
    add_target(parser)
    add_output(parser)
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    with connect(args) as client:
        from syncropel.client import calls

        health = client.send(calls.health())
        engine = client.send(calls.engine_health(details=True))
    if is_json(args):
        print_json({**health.model_dump(mode="json"), "engine": engine.model_dump(mode="json")})
    else:
        say(*status_lines(health, engine))
    return 0


def memory_lines(engine: EngineHealth) -> list[str]:
    """The daemon's memory and its growth; nothing from a daemon that does not measure it."""
    memory = engine.details.memory if engine.details is not None else None
    if memory is None:
        return []
    grown = memory.growth_bytes
    words = f"{size(grown)} more" if grown >= 0 else f"{size(-grown)} less"
    return [f"Memory: {size(memory.resident_bytes)}, {words} than at its start"]


def status_lines(health: Health, engine: EngineHealth) -> list[str]:
    """The report of `spl status`."""
    refused = engine.coordinator_refuses
    bad = [one for one in engine.checks if not one.healthy]
    return [
        f"✓ {health.status}",
        f"Version: {health.version}",
        f"Instance: {engine.did} ({engine.alias})",
        f"Role: {engine.role}",
        f"PID: {engine.pid}",
        f"Home: {engine.home}",
        f"Uptime: {duration(health.uptime_secs)}",
        f"Records: {health.records}",
        f"Store: {health.store} ({size(engine.store_bytes)})",
        *([f"✗ store: {clean(health.store_problem)}"] if health.store_problem else []),
        *memory_lines(engine),
        f"Dispatches: {engine.dispatch_running} running · {engine.dispatch_queued} queued",
        f"Queues: {engine.reconcile_queue_depth} to reconcile · {engine.outbox_pending} to report",
        *(
            [f"Health checks: {len(engine.checks) - len(bad)}/{len(engine.checks)} pass"]
            if engine.checks
            else []
        ),
        *([f"✗ takes no work: {clean(engine.takes_no_work)}"] if engine.takes_no_work else []),
        *([f"✗ warning: {_REFUSED}: {clean(refused)}"] if refused else []),
        *(f"✗ {one.severity}: {one.name}{f' ({one.problem})' if one.problem else ''}" for one in bad),
    ]
