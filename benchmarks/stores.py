"""Durable appends into a log, without HTTP: SQLite, PostgreSQL, and psycopg alone with as many rows."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any, Final

import psycopg

from benchmarks.table import Table
from syncropel.daemon.process import SWITCH_INTERVAL_SECS
from syncropel.record.model import Record
from syncropel.store.base import RecordStore
from syncropel.store.postgres.address import read_address
from syncropel.store.postgres.store import PostgresStore
from syncropel.store.sqlite.store import SqliteStore
from tests.postgres_server import Server, needed

CALLERS: Final = (1, 8, 64)
ROUNDS: Final = 5
SECS: Final = 1.0
_TEXT: Final = "what came of a step, in so many words that it is about as long as a record usually is " * 3
_FLOOR: Final = """
    INSERT INTO floor (id, thread, clock, actor, body)
    SELECT * FROM unnest(%b::bytea[], %b::text[], %b::bigint[], %b::text[], %b::text[])
"""


async def rate(store: RecordStore, callers: int, names: count[int]) -> float:
    """Records a second, with so many callers that each append one record after the other."""
    ends = time.perf_counter() + SECS

    async def caller() -> int:
        thread, done = f"th_{next(names)}", 0
        while time.perf_counter() < ends:
            await store.append([Record(thread, "did:a", "DO", {"n": done, "text": _TEXT})])
            done += 1
        return done

    begun = time.perf_counter()
    done = sum(await asyncio.gather(*(caller() for _ in range(callers))))
    return done / (time.perf_counter() - begun)


def floor(log: psycopg.Connection[Any], rows: int, names: count[int]) -> float:
    """Rows a second of a bare loop: one statement and commit for so many rows, and the same two indexes."""
    ends, done, begun = time.perf_counter() + SECS, 0, time.perf_counter()
    while time.perf_counter() < ends:
        some = [next(names) for _ in range(rows)]
        log.execute(
            _FLOOR,
            (
                [one.to_bytes(32, "little") for one in some],
                [f"th_{one % rows}" for one in some],
                some,
                ["did:a"] * rows,
                [_TEXT] * rows,
            ),
        )
        done += rows
    return done / (time.perf_counter() - begun)


def run() -> Table:
    """Rounds in turn, so that a machine that slows down slows all."""
    return asyncio.run(_run())


async def _run() -> Table:
    table = Table(
        "Durable appends into a log, without HTTP (records/s, medians)",
        ["callers", "psycopg alone", "PostgreSQL", "of psycopg", "SQLite", "PostgreSQL/SQLite"],
        notes=[
            "PostgreSQL runs on this machine, and syncs each commit to the same disk as SQLite does.",
            "psycopg alone: one statement and one commit for as many rows as there are callers; no lock of",
            "the head, no clocks, no ids, no answers.",
        ],
    )
    sys.setswitchinterval(SWITCH_INTERVAL_SECS)
    server = Server(needed(), durable=True)
    names = count()
    try:
        server.start()
        with tempfile.TemporaryDirectory(prefix="spl-stores-") as folder:
            ours = await PostgresStore.open(read_address(server.url()), clock=time.time)
            file = await SqliteStore.open(Path(folder) / "hub.db", clock=time.time)
            with psycopg.connect(server.url(), autocommit=True) as log:
                log.execute(
                    "CREATE TABLE floor (id bytea UNIQUE, thread text, clock bigint, actor text, body text,"
                    " UNIQUE (thread, clock, actor))"
                )
                for callers in CALLERS:
                    found = []
                    for _ in range(ROUNDS):
                        bare = await asyncio.to_thread(floor, log, callers, names)
                        found.append(
                            (bare, await rate(ours, callers, names), await rate(file, callers, names))
                        )
                    _add(table, callers, found)
            await ours.close()
            await file.close()
    finally:
        server.close()
    return table


def _add(table: Table, callers: int, found: list[tuple[float, float, float]]) -> None:
    bare, ours, file = (median(one) for one in zip(*found, strict=True))
    table.add(
        str(callers),
        f"{bare:,.0f}",
        f"{ours:,.0f}",
        f"{median(one[1] / one[0] for one in found):.0%}",
        f"{file:,.0f}",
        f"{median(one[1] / one[2] for one in found):.0%}",
    )
