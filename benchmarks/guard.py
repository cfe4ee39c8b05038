"""What freezes of other namespaces cost a write: processor time on the way into a log in memory."""

from __future__ import annotations

import asyncio
import gc
import time
from statistics import median

from benchmarks.table import Table
from syncropel.engine.ingest.broadcast import Broadcast
from syncropel.engine.ingest.door import Ingest
from syncropel.engine.ingest.live import LiveFolds
from syncropel.folds.control.freezes import FREEZE
from syncropel.peer.runtime import Runtime
from syncropel.record.model import Record
from syncropel.record.threads import FLEET_CONTROL
from syncropel.store.memory import MemoryStore

FREEZES = (0, 1, 1_000)
WRITES = 10_000
AT_ONCE = 100
ROUNDS = 9
ME = "did:sync:user:bench"


async def _ingest(freezes: int) -> Ingest:
    ingest = Ingest(MemoryStore(clock=time.time), LiveFolds(), Broadcast(), "did:sync:instance:0", Runtime())
    for number in range(freezes):
        body = {"topic": FREEZE, "level": "soft", "namespace": f"other/n{number}", "reason": "bench", "at": 1}
        await ingest.append([Record(FLEET_CONTROL, ME, "LEARN", body)])
    return ingest


async def _micros(ingest: Ingest, named: bool, round_: int) -> float:
    """Processor time of one record in a batch, in microseconds."""
    body = {"text": "x" * 100, **({"namespace": "docs/v1"} if named else {})}
    records = [
        Record(f"th-{round_}-{number % 50}", ME, "DO", {"n": number, **body}) for number in range(WRITES)
    ]
    gc.collect()
    gc.disable()
    started = time.process_time()
    for start in range(0, WRITES, AT_ONCE):
        await ingest.append(records[start : start + AT_ONCE])
    spent = time.process_time() - started
    gc.enable()
    return spent / WRITES * 1e6


async def _measure(named: bool) -> dict[int, list[float]]:
    doors = {freezes: await _ingest(freezes) for freezes in FREEZES}
    spent: dict[int, list[float]] = {freezes: [] for freezes in FREEZES}
    for round_ in range(ROUNDS):
        for freezes, ingest in doors.items():  # by turns, so that a busy machine is busy for all
            spent[freezes].append(await _micros(ingest, named, round_))
    return spent


def run() -> Table:
    """Batches without a namespace, and in one that nothing covers."""
    table = Table(
        "The guard under freezes (µs of processor time a record, medians)",
        ["records", "freezes", "µs", "of none", "aim"],
        notes=[f"batches of {AT_ONCE} into a log in memory, by turns"],
    )
    for named, kind in ((False, "without a namespace"), (True, "in docs/v1")):
        spent = asyncio.run(_measure(named))
        for freezes, micros in spent.items():
            ratio = median(some / none for some, none in zip(micros, spent[0], strict=True))
            aim = "≤ 105%" if freezes else ""
            table.add(kind, f"{freezes:,}", f"{median(micros):.1f}", f"{ratio:.0%}", aim)
    return table
