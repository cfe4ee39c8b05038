"""What only a store in a file does: durability, shared commits, one process at a time, refusals."""

import asyncio
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from syncropel.errors import StoreError
from syncropel.record.model import Record
from syncropel.store.base import Appended, Outcome, RecordFilter
from syncropel.store.group_commit import GROUP_RECORDS
from syncropel.store.sqlite.store import SqliteStore
from tests.child_process import ChildProcess

from .conftest import TickingClock

Build = Callable[..., Record]


@contextmanager
def changing(path: Path) -> Iterator[sqlite3.Connection]:
    """The file as another program would change it."""
    with closing(sqlite3.connect(path)) as connection, connection:
        yield connection


@contextmanager
def write_lock(path: Path) -> Iterator[None]:
    """While it is held no commit can finish, so that appends have to queue behind the one under way."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


async def on_writer(store: SqliteStore, pragma: str) -> None:
    """Set something on the writing connection, to make it fail as a full disk or a foreign lock would."""
    await store._writer._connection.run(lambda connection: connection.execute(f"PRAGMA {pragma}").fetchall())


async def turns() -> None:
    """Let the event loop go round until every task that can run now waits for the writer's thread."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_records_outlive_the_store(tmp_path: Path, clock: TickingClock, record: Build) -> None:
    path = tmp_path / "hub.db"
    first = await SqliteStore.open(path, clock=clock)
    await first.append([record(n) for n in range(3)])
    await first.acknowledge(["a"])
    before = await first.query(RecordFilter())
    await first.close()
    second = await SqliteStore.open(path, clock=clock)
    assert await second.query(RecordFilter()) == before
    assert (second.count, second.last_sequence) == (3, 3)
    assert await second.acknowledged(["a", "b"]) == {"a"}
    [outcome] = await second.append([record(3)])
    await second.close()
    assert isinstance(outcome, Appended)
    assert (outcome.stored.sequence, outcome.stored.record.clock) == (4, 3)


APPENDER = """
import asyncio, sys
from pathlib import Path
from syncropel.record.model import Record
from syncropel.store.sqlite.store import SqliteStore

async def append_for_ever(store, worker):
    n = 0
    while True:
        [outcome] = await store.append([Record(f"th_{worker}", "did:a", "DO", {"n": n})])
        sys.stdout.write(outcome.stored.record.id + "\\n")
        sys.stdout.flush()
        n += 1

async def main():
    store = await SqliteStore.open(Path(sys.argv[1]), clock=lambda: 0.0)
    await asyncio.gather(*(append_for_ever(store, worker) for worker in range(8)))

asyncio.run(main())
"""


def append_until_killed(path: Path) -> list[str]:
    """The ids that a process was told are stored before it was killed in the middle of appending."""
    command = [sys.executable, "-c", APPENDER, str(path)]
    with ChildProcess(command, stdout=subprocess.PIPE, text=True) as appender:
        assert appender.stdout is not None
        answered = [appender.stdout.readline() for _ in range(200)]
        appender.send_signal(signal.SIGKILL)
        answered += appender.stdout.readlines()
    # The last line may be cut short: a record counts as answered once its line is whole.
    return [line.strip() for line in answered if line.endswith("\n")]


async def test_every_acknowledged_record_survives_a_kill(tmp_path: Path, clock: TickingClock) -> None:
    path = tmp_path / "hub.db"
    answered = append_until_killed(path)
    store = await SqliteStore.open(path, clock=clock)
    kept = {stored.record.id async for chunk in store.scan() for stored in chunk}
    count = store.count
    await store.close()
    assert len(answered) >= 200
    assert set(answered) <= kept
    assert count == len(kept)


async def test_appends_that_meet_share_one_commit(sqlite_store: SqliteStore, record: Build) -> None:
    await asyncio.gather(*(sqlite_store.append([record(n)]) for n in range(50)))
    assert (sqlite_store.count, sqlite_store.commits) == (50, 1)


async def test_appends_behind_a_commit_share_the_next(sqlite_store: SqliteStore, record: Build) -> None:
    with write_lock(sqlite_store.path):
        first = asyncio.create_task(sqlite_store.append([record(0)]))
        await turns()
        rest = [asyncio.create_task(sqlite_store.append([record(n)])) for n in range(1, 50)]
        await turns()
        assert not first.done()
    await asyncio.gather(first, *rest)
    assert (sqlite_store.count, sqlite_store.commits) == (50, 2)


async def test_a_group_has_a_limit(sqlite_store: SqliteStore, record: Build) -> None:
    half = GROUP_RECORDS // 2
    calls = [[record(n, thread=f"th_{call}") for n in range(half)] for call in range(3)]
    await asyncio.gather(*map(sqlite_store.append, calls))
    assert (sqlite_store.count, sqlite_store.commits) == (3 * half, 2)


async def test_a_full_disk_is_told_to_all_who_wait(sqlite_store: SqliteStore, record: Build) -> None:
    await sqlite_store.append([record(0)])
    await on_writer(sqlite_store, "max_page_count = 1")  # SQLite takes this as: no page more than now
    calls = [[record(n), record(n, body={"x": "x" * 100_000})] for n in range(1, 4)]
    heard: list[list[Outcome]] = []
    answers = await asyncio.gather(
        *(sqlite_store.append(call, heard.append) for call in calls), return_exceptions=True
    )
    assert heard == [[], [], []]
    for answer in answers:
        assert isinstance(answer, StoreError)
        assert "no room left" in answer.message
        assert answer.hint
    assert len(await sqlite_store.query(RecordFilter())) == sqlite_store.count == 1
    await on_writer(sqlite_store, "max_page_count = 100000")
    [outcome, _] = await sqlite_store.append(calls[0])
    assert isinstance(outcome, Appended)
    assert (outcome.stored.sequence, outcome.stored.record.clock) == (2, 1)


async def test_a_lock_that_is_not_let_go_is_told(sqlite_store: SqliteStore, record: Build) -> None:
    await on_writer(sqlite_store, "busy_timeout = 0")
    with write_lock(sqlite_store.path), pytest.raises(StoreError, match="locked by another process"):
        await sqlite_store.append([record(0)])
    await sqlite_store.append([record(1)])
    assert sqlite_store.count == 1


async def test_reads_do_not_wait_for_a_commit(sqlite_store: SqliteStore, record: Build) -> None:
    await sqlite_store.append([record(0)])
    with write_lock(sqlite_store.path):
        waiting = asyncio.create_task(sqlite_store.append([record(1)]))
        await turns()
        assert len(await sqlite_store.thread("th_a")) == 1
        assert not waiting.done()
    await waiting


async def test_closing_leaves_one_file_and_its_lock(sqlite_store: SqliteStore, record: Build) -> None:
    await sqlite_store.append([record()])
    assert await sqlite_store.size_bytes() > sqlite_store.path.stat().st_size
    await asyncio.gather(sqlite_store.close(), sqlite_store.close())
    assert {file.name for file in sqlite_store.path.parent.iterdir()} == {"hub.db", "hub.db.lock"}


async def test_a_checkpoint_moves_the_log_beside_the_file_into_it(
    sqlite_store: SqliteStore, record: Build, tmp_path: Path
) -> None:
    await sqlite_store.append([record()])
    await sqlite_store.checkpoint()
    alone = tmp_path / "alone.db"
    alone.write_bytes(sqlite_store.path.read_bytes())
    with closing(sqlite3.connect(alone)) as file:
        assert file.execute("SELECT count(*) FROM records").fetchone() == (1,)


async def test_the_acknowledgements_are_a_cache(
    sqlite_store: SqliteStore, clock: TickingClock, record: Build
) -> None:
    await sqlite_store.append([record()])
    await sqlite_store.acknowledge(["a"])
    await sqlite_store.close()
    with changing(sqlite_store.path) as file:
        file.execute("DROP TABLE acknowledged")
    again = await SqliteStore.open(sqlite_store.path, clock=clock)
    assert await again.acknowledged(["a"]) == set()
    assert again.count == 1
    await again.close()


async def test_a_writer_that_is_cancelled_leaves_nobody_waiting(
    sqlite_store: SqliteStore, record: Build
) -> None:
    with write_lock(sqlite_store.path):
        calls = [asyncio.create_task(sqlite_store.append([record(0)]))]
        await turns()
        calls.append(asyncio.create_task(sqlite_store.append([record(1)])))
        await turns()
        [writer] = [task for task in asyncio.all_tasks() if task.get_name() == "store-writer"]
        writer.cancel()
        answers = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(answer) for answer in answers] == [asyncio.CancelledError] * 2
    await sqlite_store.append([record(2)])
    assert sqlite_store.count == len(await sqlite_store.thread("th_a"))


FORGETFUL = """
import asyncio, sys
from pathlib import Path
from syncropel.store.sqlite.store import SqliteStore

async def main():
    global store
    store = await SqliteStore.open(Path(sys.argv[1]), clock=lambda: 0.0)
    sys.exit(3)

asyncio.run(main())
"""


def test_a_process_that_fails_with_the_store_open_ends(tmp_path: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", FORGETFUL, tmp_path / "hub.db"], timeout=60, check=False)
    assert ended.returncode == 3
