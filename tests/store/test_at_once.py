"""The reader of one thread at once: it is closed beside reads on other threads."""

from __future__ import annotations

import sqlite3
import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from syncropel.errors import StoreError
from syncropel.store.sqlite.at_once import ReaderAtOnce
from syncropel.store.sqlite.store import SqliteStore
from tests.folds.build import THREAD, record

LIMIT_SECS = 60


class Slow(sqlite3.Connection):
    """Holds a read of records until `go_on`, and notes what came in which order."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.reading, self.go_on = threading.Event(), threading.Event()
        self.noted: list[str] = []

    def execute(self, statement: str, values: Any = ()) -> sqlite3.Cursor:
        found = super().execute(statement, values)
        if "FROM records" in statement:
            self.reading.set()
            assert self.go_on.wait(LIMIT_SECS)
            self.noted.append("read")
        return found

    def close(self) -> None:
        self.noted.append("closed")
        super().close()


@pytest.fixture
async def log(sqlite_store: SqliteStore, tmp_path: Path) -> Path:
    await sqlite_store.append([record("DO", 1)])
    return tmp_path / "hub.db"


def test_a_close_waits_for_the_read_on_another_thread(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite crashes the process when a connection is closed under a running read."""
    made: list[Slow] = []

    def factory(*args: Any, **kwargs: Any) -> Slow:
        made.append(Slow(*args, **kwargs))
        return made[0]

    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=factory))
    reader = ReaderAtOnce(log)
    found: list[int] = []
    reads = threading.Thread(target=lambda: found.append(len(reader.thread(THREAD, 9))))
    closes = threading.Thread(target=reader.close)
    reads.start()
    assert made[0].reading.wait(LIMIT_SECS)
    closes.start()
    closes.join(0.05)  # one that does not wait has closed by then
    made[0].go_on.set()
    for thread in (reads, closes):
        thread.join(LIMIT_SECS)
    assert (made[0].noted, found) == (["read", "closed"], [1])


def test_a_closed_one_says_so_and_is_closed_again(log: Path) -> None:
    reader = ReaderAtOnce(log)
    reader.close()
    reader.close()
    with pytest.raises(StoreError, match="closed"):
        reader.thread(THREAD, 9)
