"""A copied log is checked in a process of its own, with the same result as here."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from syncropel.errors import StoreError
from syncropel.store.sqlite import backup as backups
from syncropel.store.sqlite.apart import walk_apart
from syncropel.store.sqlite.backup import STOPPED, backup
from syncropel.store.sqlite.connection import read_only
from syncropel.store.sqlite.integrity import walk_records
from syncropel.store.sqlite.store import SqliteStore
from tests.child_process import has_ended
from tests.folds.build import record

Alter = Callable[[str], None]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A store of 60 records."""
    path = tmp_path / "hub.db"

    async def write() -> None:
        store = await SqliteStore.open(path, clock=lambda: 1.0)
        await store.append([record("KNOW", number, {"n": number}) for number in range(60)])
        await store.close()

    asyncio.run(write())
    return path


def altered(log: Path, statement: str) -> Path:
    with closing(sqlite3.connect(log)) as file:
        file.execute(statement)
        file.commit()
    return log


def here(log: Path) -> object:
    with closing(read_only(log)) as file:
        return walk_records(file)


def test_it_says_how_far_it_has_come(log: Path) -> None:
    heard: list[int] = []
    walk_apart(log, (), lambda: False, heard.append)
    assert (heard[0], heard[-1]) == (0, 60)
    assert heard == sorted(heard)


def test_it_finds_what_a_walk_here_finds(log: Path) -> None:
    assert walk_apart(log, (), lambda: False) == here(log)
    altered(log, """UPDATE records SET body = '{"n":7000}' WHERE sequence IN (8, 9)""")
    altered(log, "DELETE FROM records WHERE sequence = 20")
    found = walk_apart(log, (), lambda: False)
    assert found == here(log)
    assert found is not None
    assert ([one.sequence for one in found.altered], found.gaps) == ([8, 9], [20])
    accepted = walk_apart(log, {found.altered[0].found}, lambda: False)
    assert accepted is not None
    assert [one.sequence for one in accepted.altered] == [9]


def test_one_that_is_stopped_is_gone(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    walkers: list[int] = []

    class Seen(subprocess.Popen[str]):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            walkers.append(self.pid)

    monkeypatch.setattr("syncropel.store.sqlite.apart.subprocess.Popen", Seen)
    assert walk_apart(log, (), lambda: True) is None
    assert [has_ended(walker) for walker in walkers] == [True]


def test_an_answer_that_no_pipe_holds_is_read_whole(log: Path) -> None:
    altered(log, f"UPDATE records SET topic = '{'t' * 300_000}' WHERE sequence = 8")
    looks = iter(range(1_000))  # ends a walk that nobody reads
    found = walk_apart(log, [str(one) for one in range(30_000)], lambda: next(looks, None) is None)
    assert found == here(log)
    assert found is not None
    assert [one.sequence for one in found.altered] == [8]


@pytest.mark.parametrize("told", ["", "half a walk\n"])
def test_a_walker_that_is_killed_is_told(log: Path, monkeypatch: pytest.MonkeyPatch, told: str) -> None:
    class Killed(subprocess.Popen[str]):
        def __init__(self, words: list[str], **kwargs: Any) -> None:
            super().__init__(["sh", "-c", 'printf "$0" >&2; kill -KILL $$', told], **kwargs)

    monkeypatch.setattr("syncropel.store.sqlite.apart.subprocess.Popen", Killed)
    with pytest.raises(StoreError, match=r"cannot check .*hub\.db: .*by signal 9") as raised:
        walk_apart(log, [], lambda: False)
    assert told.strip() in raised.value.message


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    path = tmp_path / "hub.db"
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(StoreError, match=r"cannot check .*not a database"):
        walk_apart(path, (), lambda: False)


def test_a_backup_of_a_long_log_is_checked_so(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backups, "APART", 10)
    monkeypatch.setattr(backups, "walk_records", None)
    place = log.with_name("copy.db")
    assert backup(log, place).records == 60
    altered(log, """UPDATE records SET body = '{"n":7000}' WHERE sequence = 8""")
    asyncio.run(one_more(log))
    assert "record 8" in backup(log, place).refused
    monkeypatch.setattr(backups, "walk_apart", lambda *_: None)  # it was stopped
    assert backup(log, log.with_name("other.db")).refused == STOPPED


async def one_more(log: Path) -> None:
    store = await SqliteStore.open(log, clock=lambda: 1.0)
    await store.append([record("KNOW", 60, {"n": 60})])
    await store.close()
