"""Fan-outs over two workers that do nothing: what the engine itself costs, everything durable."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path
from statistics import median

from benchmarks.place import Place, fleet
from benchmarks.table import Table
from syncropel.client import calls
from syncropel.launcher.teardown import local_workers

SIZES = {2: 5, 100: 5, 1000: 3}
"""Subtasks → rounds."""
_POLL_SECS = 0.1
"""Asking for a task costs the coordinator time, too."""
_LIMIT_SECS = 300.0


_BODY = "x" * 500
"""About as long as a record in the log."""


def _joined_secs(place: Place, size: int, round_: int) -> float:
    """Seconds from the fan-out's record to the joined one, by the coordinator's clock."""
    name = f"BENCH-{size}-{round_}"
    place.client.send(calls.create_task({"goal": "measure", "alias": name, "actor": "did:sync:user:bench"}))
    subtasks = [{"goal": f"nothing {n}", "target": f"worker-{'ab'[n % 2]}"} for n in range(size)]
    place.client.send(calls.fan_out(name, {"subtasks": subtasks, "actor": "did:sync:user:bench"}))
    deadline = time.monotonic() + _LIMIT_SECS
    while not place.client.send(calls.task(name)).joined:
        assert time.monotonic() < deadline, f"{name} never joined"
        time.sleep(_POLL_SECS)
    elapsed = place.client.send(calls.speedup(name)).elapsed_secs
    assert elapsed is not None
    return elapsed


def _records(place: Place) -> int:
    """How many records there are in the logs of the whole fleet."""
    homes = [place.home, *(worker.home for worker in local_workers(place.home))]
    total = 0
    for home in homes:
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
        ["subtasks", "submit → joined", "per subtask", "records each", "bare loop", "times bare", "aim"],
        notes=[
            "Records each: in the logs of all three instances. The bare loop is one process that writes as",
            "many rows of the same size into SQLite, with one durable commit a subtask.",
        ],
    )
    with tempfile.TemporaryDirectory(prefix="spl-bare-") as folder, fleet(2, "noop") as place:
        for size, rounds in SIZES.items():
            bare, ours, each = [], [], 0
            for round_ in range(rounds):
                before = _records(place)
                ours.append(_joined_secs(place, size, round_))
                each = round((_records(place) - before) / size)
                bare.append(_bare_secs(folder, size, each, round_))
            ratio = median(mine / theirs for mine, theirs in zip(ours, bare, strict=True))
            table.add(
                f"{size:,}",
                f"{median(ours) * 1000:,.0f} ms",
                f"{median(ours) / size * 1000:.2f} ms",
                str(each),
                f"{median(bare) / size * 1000:.2f} ms",
                f"{ratio:.1f}",
                "< 1.5 ms" if size == 1000 else "",
            )
    return table
