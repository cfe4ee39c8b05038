"""Batches over HTTP beside a bare SQLite loop."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.place import fleet
from benchmarks.table import Table
from syncropel.client import calls

SIZE = 1000
ROUNDS = 7


def _records(round_: int) -> list[dict[str, object]]:
    return [
        {
            "thread": f"batch-{round_}",
            "actor": "did:sync:agent:bench",
            "act": "DO",
            "clock": n,
            "body": {"n": n},
        }
        for n in range(SIZE)
    ]


def _secs(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def run() -> Table:
    """A thousand records a batch, each batch one durable commit."""
    bare, ours = [], []
    with (
        tempfile.TemporaryDirectory(prefix="spl-bare-") as folder,
        fleet(0) as place,
        closing(sqlite3.connect(Path(folder) / "bare.db", isolation_level=None)) as log,
    ):
        log.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE r (t, a, c, b)")
        for round_ in range(ROUNDS):
            records = _records(round_)
            bare.append(_secs(partial(_insert, log, records)))
            ours.append(_secs(partial(place.client.send, calls.post_batch(records))))
    table = Table("Batches of 1,000 (records/s, medians)", ["bare SQLite", "daemon", "daemon/bare"])
    ratio = median(theirs / mine for mine, theirs in zip(ours, bare, strict=True))
    table.add(f"{SIZE / median(bare):,.0f}", f"{SIZE / median(ours):,.0f}", f"{ratio:.1%}")
    table.notes.append(
        "bare: insert and commit. daemon: HTTP, shape, guard, hash, log, folds, an outcome each."
    )
    return table


def _insert(log: sqlite3.Connection, records: list[dict[str, object]]) -> None:
    log.execute("BEGIN")
    log.executemany(
        "INSERT INTO r VALUES (?, ?, ?, ?)",
        [(one["thread"], one["actor"], one["clock"], str(one["body"])) for one in records],
    )
    log.execute("COMMIT")
