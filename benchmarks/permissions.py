"""What permission rules cost a write: CEL on the way into a log in memory, and nothing else."""

from __future__ import annotations

import asyncio
import time
from statistics import median

from benchmarks.table import Table
from syncropel.engine.ingest.broadcast import Broadcast
from syncropel.engine.ingest.door import Ingest
from syncropel.engine.ingest.live import LiveFolds
from syncropel.folds.control.rules import ENABLED_TOPIC, PERMISSION
from syncropel.peer.runtime import Runtime
from syncropel.record.model import Record
from syncropel.record.threads import ENGINE_CONFIG
from syncropel.store.memory import MemoryStore

COUNTS = (0, 1, 10, 50)
WRITES = 2_000
ROUNDS = 5
ME = "did:sync:user:bench"


async def _ingest(rules: int) -> Ingest:
    ingest = Ingest(MemoryStore(clock=time.time), LiveFolds(), Broadcast(), "did:sync:instance:0", Runtime())
    for number in range(rules):
        last = number == rules - 1
        text = f'record.actor == "{ME}" && record.act in ["DO", "KNOW"]' if last else _other(number)
        await _set(ingest, topic=PERMISSION, name=f"r{number:02}", expression=text, effect="allow")
    if rules:
        await _set(ingest, topic=ENABLED_TOPIC, enabled=True)
    return ingest


def _other(number: int) -> str:
    return f'record.actor == "did:sync:user:{number}" && record.namespace.startsWith("team-{number}")'


async def _set(ingest: Ingest, **body: object) -> None:
    (outcome,) = await ingest.append([Record(ENGINE_CONFIG, ME, "LEARN", dict(body))])
    assert not isinstance(outcome, Exception), outcome


async def _micros(rules: int) -> float:
    ingest = await _ingest(rules)
    times = []
    for round_ in range(ROUNDS):
        records = [
            Record(f"th-{round_}", ME, "DO", {"n": number}, number).identified() for number in range(WRITES)
        ]
        started = time.perf_counter()
        for record in records:
            await ingest.append([record])
        times.append((time.perf_counter() - started) / WRITES * 1e6)
    return median(times)


def run() -> Table:
    """The rule that allows is the last one, so that each write asks all of them."""
    table = Table(
        "Permission rules (µs a write, medians)",
        ["rules", "a write", "rules alone"],
        notes=["a log in memory; 0 rules: permissions are off"],
    )
    base = 0.0
    for count in COUNTS:
        micros = asyncio.run(_micros(count))
        base = base if count else micros
        table.add(str(count), f"{micros:.1f}", f"{micros - base:.1f}")
    return table
