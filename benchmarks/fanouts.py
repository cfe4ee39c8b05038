"""Fan-outs over two workers that do nothing: what the engine itself costs, everything durable."""

from __future__ import annotations

import os
import sqlite3
import tempfile
import time
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from statistics import median

from benchmarks.place import Place, fleet
from benchmarks.table import Table
from syncropel.client import calls
from syncropel.launcher.local import local_workers
from syncropel.settings.home import Home

SIZES = {2: 5, 100: 5, 1_000: 3, 10_000: 1}
"""Subtasks → rounds."""
_POLL_SECS = 0.1
"""Asking for a task costs the coordinator time, too."""
_LIMIT_SECS = 300.0


_BODY = "x" * 500
"""About as long as a record in the log."""


_TICKS = os.sysconf("SC_CLK_TCK")


def _cpu_secs(homes: Iterable[Home]) -> list[float]:
    """Processor time that the daemons of these homes have used so far, in seconds (Linux only)."""
    found = []
    for home in homes:
        status = Path(f"/proc/{home.pid_file.read_text().split()[0]}/stat").read_text()
        user, system = status.rpartition(")")[2].split()[11:13]
        found.append((int(user) + int(system)) / _TICKS)
    return found


def _joined_secs(place: Place, size: int, round_: int) -> float:
    """Seconds from the fan-out's record to the joined one, by the coordinator's clock."""
    name = f"BENCH-{size}-{round_}"
    place.client.send(calls.create_task({"goal": "measure", "alias": name, "actor": "did:sync:user:bench"}))
    subtasks = [{"goal": f"nothing {n}", "target": f"worker-{'ab'[n % 2]}"} for n in range(size)]
    place.client.send(calls.fan_out(name, {"subtasks": subtasks, "actor": "did:sync:user:bench"}))
    deadline = time.monotonic() + _LIMIT_SECS
    while not place.client.send(calls.task(name)).joined:
        assert time.monotonic() < deadline, f"{name} never joined"
        time.sleep(_POLL_SECS * max(1, size / 1_000))
    elapsed = place.client.send(calls.speedup(name)).elapsed_secs
    assert elapsed is not None
    return elapsed


def _homes(place: Place) -> list[Home]:
    """The coordinator's home, and those of its workers."""
    return [place.home, *(worker.home for worker in local_workers(place.home))]


def _records(place: Place) -> int:
    """How many records there are in the logs of the whole fleet."""
    total = 0
    for home in _homes(place):
        with closing(sqlite3.connect(f"file:{home.store}?mode=ro", uri=True)) as log:
            total += log.execute("SELECT max(sequence) FROM records").fetchone()[0]
    return total


def _bare_secs(folder: str, size: int, records: int, round_: int) -> float:
    """Seconds for a loop that commits as many rows as a subtask has records, and does nothing else."""
    with closing(sqlite3.connect(Path(folder) / f"{size}-{round_}.db", isolation_level=None)) as log:
        log.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE r (n, b)")
        started = time.perf_counter()
        for n in range(size):
            log.execute("BEGIN IMMEDIATE")
            log.executemany("INSERT INTO r VALUES (?, ?)", [(n, _BODY)] * records)
            log.execute("COMMIT")
        return time.perf_counter() - started


def run() -> Table:
    """Submit → joined over two workers, beside a bare loop that writes as many rows."""
    table = Table(
        "Fan-out with noop goals over two workers (medians)",
        [
            "subtasks",
            "submit → joined",
            "per subtask",
            "coordinator's CPU",
            "workers' CPU",
            "records each",
            "bare loop",
            "times bare",
            "aim",
        ],
        notes=[
            "Records each: in the logs of all three instances. The bare loop is one process that writes as",
            "many rows of the same size into SQLite, with one durable commit a subtask. CPU: per subtask.",
        ],
    )
    with tempfile.TemporaryDirectory(prefix="spl-bare-") as folder, fleet(2, "noop") as place:
        for size, rounds in SIZES.items():
            bare, ours, each, used = [], [], 0, []
            for round_ in range(rounds):
                before, cpu = _records(place), _cpu_secs(_homes(place))
                ours.append(_joined_secs(place, size, round_))
                now = _cpu_secs(_homes(place))
                used.append([(after - former) / size * 1000 for former, after in zip(cpu, now, strict=True)])
                each = round((_records(place) - before) / size)
                bare.append(_bare_secs(folder, size, each, round_))
            ratio = median(mine / theirs for mine, theirs in zip(ours, bare, strict=True))
            table.add(
                f"{size:,}",
                f"{median(ours) * 1000:,.0f} ms",
                f"{median(ours) / size * 1000:.2f} ms",
                f"{median(first for first, *_ in used):.2f} ms",
                f"{median(sum(others) for _, *others in used):.2f} ms",
                str(each),
                f"{median(bare) / size * 1000:.2f} ms",
                f"{ratio:.1f}",
                "≤ 0.45 ms" if size >= 1_000 else "",
            )
    return table
