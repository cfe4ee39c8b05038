"""Readers that any thread may use: they are closed beside reads on other threads."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from syncropel.errors import StoreError
from syncropel.store.sqlite.at_once import ReaderAtOnce
from syncropel.store.sqlite.store import SqliteStore
from syncropel.store.views.views import Views
from tests.folds.build import THREAD, record

LIMIT_SECS = 60
_HELD = ("SELECT sequence", "SELECT key, value FROM meta")


class Slow(sqlite3.Connection):
    """Holds a read until `go_on`, and notes what came in which order."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.reading, self.go_on = threading.Event(), threading.Event()
        self.noted: list[str] = []

    def execute(self, statement: str, values: Any = ()) -> sqlite3.Cursor:
        found = super().execute(statement, values)
        if statement.startswith(_HELD):
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


def one_thread(log: Path) -> tuple[Callable[[], object], Callable[[], object]]:
    """A read, and what closes its connection."""
    reader = ReaderAtOnce(log)
    return partial(reader.thread, THREAD, 9), reader.close


def views(_: Path) -> tuple[Callable[[], object], Callable[[], object]]:
    opened = asyncio.run(Views.open())
    return opened.meta, lambda: asyncio.run(opened.close())


@pytest.mark.parametrize("opened", [one_thread, views])
def test_a_close_waits_for_the_read_on_another_thread(
    log: Path, monkeypatch: pytest.MonkeyPatch, opened: Callable[[Path], Any]
) -> None:
    """SQLite crashes the process when a connection is closed under a running read."""
    made: list[Slow] = []

    def factory(*args: Any, **kwargs: Any) -> Slow:
        made.append(Slow(*args, **kwargs))
        return made[0]

    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=factory))
    read, close = opened(log)
    reads, closes = threading.Thread(target=read), threading.Thread(target=close)
    reads.start()
    assert made[0].reading.wait(LIMIT_SECS)
    closes.start()
    closes.join(0.05)  # one that does not wait has closed by then
    made[0].go_on.set()
    for thread in (reads, closes):
        thread.join(LIMIT_SECS)
    assert made[0].noted == ["read", "closed"]


def test_a_closed_one_says_so_and_is_closed_again(log: Path) -> None:
    reader = ReaderAtOnce(log)
    reader.close()
    reader.close()
    with pytest.raises(StoreError, match="closed"):
        reader.thread(THREAD, 9)


@pytest.mark.parametrize("kind", ["views", "one thread"])
def test_the_end_of_the_process_waits_too(kind: str, log: Path) -> None:
    """At its end every connection is closed, also one that a thread uses that nobody waits for."""
    program = f"""
import asyncio, threading
from pathlib import Path
from syncropel.store.sqlite.at_once import ReaderAtOnce
from syncropel.store.views.views import Views
if {kind!r} == "views":
    reader = asyncio.run(Views.open())
    log, lock = reader._reader, reader._lock
else:
    reader = ReaderAtOnce(Path({str(log)!r}))
    log, lock = reader._log, reader._lock
reading, ending = threading.Event(), threading.Event()
def read():
    with lock:
        reading.set()
        ending.wait(60)
        print(log.execute("SELECT 1").fetchone())
threading.Thread(target=read, daemon=True).start()
reading.wait(60)
import atexit
atexit.register(ending.set)
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=LIMIT_SECS)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "(1,)\n", "")
