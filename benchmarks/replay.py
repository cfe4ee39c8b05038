"""Walking through the past of a thread of 10,000 records, and opening a day's bundle of 100,000."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.table import Table
from syncropel.api.replay.replays import JoinJudge
from syncropel.client import calls, thread_calls
from syncropel.folds.replay.walk import Replay
from syncropel.offline.client import OfflineClient
from syncropel.record.model import Record, StoredRecord
from syncropel.store.bundle.format import Sealer

_RECORDS: Final = 10_000
_SUBTASKS: Final = 1_000
DAY: Final = 100_000
PER_THREAD: Final = 41
_STEPS: Final = 200
_VERDICTS: Final = 2_000
_AIM_MS: Final = 20.0
_COORDINATOR: Final = "did:sync:instance:00000000000000c0"


def run() -> Table:
    """Every step is a request through the whole HTTP application, in this process."""
    table = Table("Replay", ["what", "median", "worst of 200", "aim"])
    with tempfile.TemporaryDirectory() as folder:
        plain = write(Path(folder) / "plain", notes("th_notes", _RECORDS))
        wide = write(Path(folder) / "wide", fan_out(_SUBTASKS))
        log = write(Path(folder) / "day", day())
        asyncio.run(_walk(table, f"{_RECORDS:,} records", plain, "th_notes"))
        asyncio.run(_walk(table, f"fan-out of {_SUBTASKS:,}", wide, "th_wide"))
        asyncio.run(_open(table, log))
    few, many = (_replayed(verdicts(count)) for count in (_VERDICTS, 4 * _VERDICTS))
    table.add(f"{4 * _VERDICTS:,} verdicts at one clock", f"{many * 1e3:.0f} ms", "", "")
    table.add(f"the same / {_VERDICTS:,} of them", f"{many / few:.1f}", "", "4")
    table.notes.append("a gap is how long the caller's event loop stood still while the bundle was opened")
    return table


async def _walk(table: Table, name: str, path: Path, thread: str) -> None:
    client = await OfflineClient.open(path)
    try:
        total = (await client.send(calls.threads())).data[0].records
        opened = await _timed(client, thread, [total])
        table.add(f"{name}: open", _ms(opened), "", "")
        middle = total // 2
        forwards = await _timed(client, thread, range(middle, middle + _STEPS))
        backwards = await _timed(client, thread, range(middle + _STEPS - 1, middle - 1, -1))
        for way, times in (("step forwards", forwards), ("step backwards", backwards)):
            table.add(f"{name}: {way}", _ms(times), f"{max(times):.1f} ms", f"< {_AIM_MS:.0f} ms")
        ratio = statistics.median(backwards) / statistics.median(forwards)
        table.add(f"{name}: backwards / forwards", f"{ratio:.2f}", "", "1")
    finally:
        await client.close()


async def _timed(client: OfflineClient, thread: str, positions: Sequence[int]) -> list[float]:
    times = []
    for position in positions:
        started = time.perf_counter()
        await client.send(thread_calls.replay_at(thread, position))
        times.append((time.perf_counter() - started) * 1e3)
    return times


async def _open(table: Table, path: Path) -> None:
    gaps: list[float] = []

    async def beat() -> None:
        while True:
            started = time.perf_counter()
            await asyncio.sleep(0.005)
            gaps.append(time.perf_counter() - started - 0.005)

    beating = asyncio.create_task(beat())
    started = time.perf_counter()
    client = await OfflineClient.open(path)
    secs = time.perf_counter() - started
    beating.cancel()
    table.add(f"bundle of {client.records:,}: open", f"{secs:.1f} s", "", "")
    table.add(f"bundle of {client.records:,}: longest gap", f"{max(gaps) * 1e3:.0f} ms", "", "< 50 ms")
    await client.close()


def _replayed(records: Sequence[Record]) -> float:
    """Seconds of the processor that it takes to walk through a thread once."""
    stored = [StoredRecord(one, at, float(at)) for at, one in enumerate(records, 1)]
    started = time.process_time()
    Replay(stored[0].record.thread, stored, JoinJudge({}))
    return time.process_time() - started


def _ms(times: Sequence[float]) -> str:
    return f"{statistics.median(times):.1f} ms"


def write(path: Path, records: Sequence[Record]) -> Path:
    sealer = Sealer()
    lines = [sealer.line(one, 1_700_000_000.0 + at) for at, one in enumerate(records)]
    path.write_text("".join([sealer.header().line(), *lines]), encoding="utf-8")
    return path


def notes(thread: str, count: int) -> list[Record]:
    opening = Record(thread, _COORDINATOR, "INTEND", {"task": True, "goal": "much", "alias": thread}, 0)
    kinds = ("task_started", "task_blocked", "task_comment", "task_comment")
    bodies = ({"topic": kinds[at % 4], "reason": f"number {at}"} for at in range(1, count))
    rest = [Record(thread, _COORDINATOR, "DO", body, clock) for clock, body in enumerate(bodies, 1)]
    return [one.identified() for one in (opening, *rest)]


def verdicts(count: int, thread: str = "th_judged") -> list[Record]:
    """A task and what so many people say of it, all at one clock."""
    opening = Record(thread, _COORDINATOR, "INTEND", {"task": True, "goal": "much", "alias": thread}, 0)
    said = [Record(thread, f"did:sync:user:{at}", "KNOW", {"verdict": "accept"}, 1) for at in range(count)]
    return [one.identified() for one in (opening, *said)]


def fan_out(count: int, thread: str = "th_wide") -> list[Record]:
    subtasks = [{"goal": f"part {at}", "target": "least-loaded-worker"} for at in range(count)]
    whole = {"task": True, "goal": "much", "alias": thread, "subtasks": subtasks, "join": "all", "at": 0.0}
    facts = [
        {"topic": topic, "index": at, "attempt": 1, "verdict": "accept", "cost_usd": 0.01, "at": float(at)}
        for topic in ("fanout_spawned", "fanout_child_done")
        for at in range(count)
    ]
    records = [Record(thread, _COORDINATOR, "INTEND", whole, 0)]
    records += [Record(thread, _COORDINATOR, "DO", body, clock) for clock, body in enumerate(facts, 1)]
    return [one.identified() for one in records]


def day() -> list[Record]:
    records: list[Record] = []
    while len(records) < DAY:
        records += fan_out(PER_THREAD // 2, f"th_{len(records)}")
    return records
