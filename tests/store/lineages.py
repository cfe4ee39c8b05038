"""Logs of which only the ids matter, and what a lineage knows of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from syncropel.store.lineage.digest import BLOCK, digest_of
from syncropel.store.lineage.lineage import Lineage, Point


def ids(count: int) -> list[str]:
    """The ids of the first records of any such log."""
    return [f"{n:064x}" for n in range(count)]


@pytest.fixture
def log() -> Iterator[sqlite3.Connection]:
    """An empty log without a name."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute("CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT)")
        connection.execute("CREATE TABLE records (sequence INTEGER PRIMARY KEY, id TEXT, received_at REAL)")
        yield connection


def add(log: sqlite3.Connection, start: int, stop: int) -> None:
    """Put in the records after `start`, up to `stop`."""
    rows = [(n, id_, float(n)) for n, id_ in enumerate(ids(stop)[start:], start + 1)]
    log.executemany("INSERT INTO records VALUES (?, ?, ?)", rows)


def end(count: int) -> Point:
    """Where a log with so many records ends, which came at the time 0."""
    return Point(count, ids(count)[-1] if count else "", digest_of(ids(count)), 0.0)


def known(count: int, *points: Point, name: str = "log-a") -> Lineage:
    """What is known of a log with so many records, in its seventh writing."""
    head = Point(count, end(count).id, end(count).digest, float(count))
    begun = digest_of(ids(count - count % BLOCK))
    return Lineage(name, head, begun, points=points, serial=7)
