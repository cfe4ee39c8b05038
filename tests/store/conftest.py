"""Stores to test, and records to put into them."""

from collections.abc import AsyncIterator, Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from syncropel.record.model import Record
from syncropel.store.base import RecordStore
from syncropel.store.memory import MemoryStore
from syncropel.store.postgres.address import read_address
from syncropel.store.postgres.store import PostgresStore
from syncropel.store.sqlite.store import SqliteStore
from tests.postgres_server import own_server, postgres_server, postgres_url

__all__ = ["own_server", "postgres_server", "postgres_url"]


class TickingClock:
    """A clock that shows one second more each time it is read."""

    def __init__(self) -> None:
        self._seconds = count(1_700_000_000)

    def __call__(self) -> float:
        return float(next(self._seconds))


@pytest.fixture
def clock() -> TickingClock:
    return TickingClock()


@pytest.fixture(params=["sqlite", "memory", "postgres"])
async def store(
    request: pytest.FixtureRequest, tmp_path: Path, clock: TickingClock
) -> AsyncIterator[RecordStore]:
    """One store of each kind: what holds for one has to hold for all."""
    opened: RecordStore
    if request.param == "sqlite":
        opened = await SqliteStore.open(tmp_path / "hub.db", clock=clock)
    elif request.param == "postgres":
        opened = await PostgresStore.open(read_address(request.getfixturevalue("postgres_url")), clock=clock)
    else:
        opened = MemoryStore(clock=clock)
    yield opened
    await opened.close()


@pytest.fixture
async def sqlite_store(tmp_path: Path, clock: TickingClock) -> AsyncIterator[SqliteStore]:
    """A store in `tmp_path / "hub.db"`, closed at the end."""
    opened = await SqliteStore.open(tmp_path / "hub.db", clock=clock)
    yield opened
    await opened.close()


@pytest.fixture
def record() -> Callable[..., Record]:
    """Build a record from whatever matters to the test."""

    def build(n: int = 0, **fields: Any) -> Record:
        return Record(**{"thread": "th_a", "actor": "did:a", "act": "DO", "body": {"n": n}, **fields})

    return build
