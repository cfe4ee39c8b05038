"""`spl store`: its words, and the check of a whole log without a daemon."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from syncropel.daemon import store_tool
from syncropel.record.model import Record
from syncropel.settings.home import Home
from syncropel.store.lineage.lineage import LineageFile
from syncropel.store.sqlite.store import SqliteStore
from syncropel.wire import StoreLoss, StoreOut

from .conftest import FakeDaemon, Ran

Spl = Callable[..., Ran]

LOSS = StoreLoss(at=1_700_000_000.0, had=5, has=2, since=1.0, backup="/b/hub.db.bak", accepted=True)


def test_a_sound_log_is_told(spl: Spl, daemon: FakeDaemon) -> None:
    daemon.answer("/v1/store", StoreOut(state="sound", records=7, log="abc", digest="d" * 64))
    done = spl("store", "status")
    assert (done.code, done.out) == (0, f"✓ sound: 7 records\n  log abc, digest {'d' * 16}\n")


def test_a_log_that_is_still_read_says_how_far_its_digest_goes(spl: Spl, daemon: FakeDaemon) -> None:
    found = StoreOut(state="sound", records=7, log="abc", digest="d" * 64, digested=4)
    daemon.answer("/v1/store", found)
    told = f"  log abc, digest {'d' * 16} of the first 4 records: the others are being read"
    assert spl("store", "status").out.splitlines()[1] == told


def test_views_that_are_not_well_are_told(spl: Spl, daemon: FakeDaemon) -> None:
    found = StoreOut(state="sound", records=7, views_through=2, views_problem="no room")
    daemon.answer("/v1/store", found)
    assert "  ✗ the views: no room\n" in spl("store", "status").out
    done = spl("views", "status")
    assert (done.code, done.out) == (1, "✗ the views contain 2 of 7 records\n  no room\n")
    told = spl("views", "status", "-o", "json")
    assert told.json == {"object": "views", "through": 2, "records": 7, "problem": "no room"}
    daemon.answer("/v1/store", found.model_copy(update={"views_problem": ""}))
    done = spl("views", "status")
    assert (done.code, done.out.splitlines()) == (
        0,
        ["✓ the views contain 2 of 7 records", "  the others are in memory, and written within a second"],
    )


def test_a_held_log_fails_and_says_what_to_do(spl: Spl, daemon: FakeDaemon) -> None:
    held = StoreOut(state="held", records=0, problem="the log is empty", hint="do this", losses=[LOSS])
    daemon.answer("/v1/store", held)
    done = spl("store", "status")
    assert done.code == 1
    assert done.out.splitlines()[:3] == ["✗ held: 0 records", "  the log is empty", "  do this"]
    assert "3 of 5 records lost (accepted); in /b/hub.db.bak" in done.out
    assert spl("store", "status", "-o", "json").json["state"] == "held"


def test_a_loss_is_accepted(spl: Spl, daemon: FakeDaemon) -> None:
    daemon.answer("/v1/store/accept-loss", StoreOut(state="sound", records=2, losses=[LOSS]))
    done = spl("store", "accept-loss")
    assert (done.code, done.out.splitlines()[0]) == (0, "✓ the log goes on with 2 records")
    assert daemon.requests[-1].method == "POST"


@pytest.fixture
def filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    home = Home(tmp_path / "filled")
    home.path.mkdir()

    async def fill() -> None:
        known = LineageFile(home.lineage)
        store = await SqliteStore.open(home.store, clock=lambda: 1.0, lineage=known)
        await store.append([Record("th_a", "did:a", "DO", {"n": n}) for n in range(600)])
        await store.close()

    asyncio.run(fill())
    return home


def alter(home: Home, statement: str) -> None:
    with closing(sqlite3.connect(home.store)) as log, log:
        log.execute(statement)


def test_a_whole_log_verifies(filled: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert store_tool.main(["verify", "--home", str(filled.path)]) == 0
    assert capsys.readouterr().out.startswith("✓ 600 records, each as its id says; digest ")


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE records SET body = '{\"n\":1000}' WHERE sequence = 300", "record 300 ("),
        ("UPDATE records SET body = '{' WHERE sequence = 300", "no record"),
        ("UPDATE records SET topic = 'other' WHERE sequence = 300", "its topic is"),
        ("UPDATE records SET thread = 'th_b' WHERE sequence = 300", "was altered"),
        ("UPDATE records SET clock = 9000 WHERE sequence = 300", "was altered"),
        ("UPDATE records SET actor = 'did:b' WHERE sequence = 300", "was altered"),
        ("UPDATE records SET parents = '[1]' WHERE sequence = 300", "was altered"),
        ("DELETE FROM records WHERE sequence = 300", "record 300 is missing"),
        ("DELETE FROM records WHERE sequence > 590", "10 of 600 records are gone"),
        ("UPDATE meta SET value = 'x' WHERE key = 'log_id'", "this is another log"),
        ("UPDATE records SET sequence = 700 WHERE sequence = 300", "record 300 is missing"),
    ],
)
def test_what_is_wrong_with_a_log_is_named(
    filled: Home, capsys: pytest.CaptureFixture[str], statement: str, told: str
) -> None:
    alter(filled, statement)
    assert store_tool.main(["verify", "--home", str(filled.path)]) == 1
    assert told in capsys.readouterr().out


def test_without_a_lineage_that_is_unknown(filled: Home, capsys: pytest.CaptureFixture[str]) -> None:
    filled.lineage.unlink()
    assert store_tool.main(["verify", "--home", str(filled.path)]) == 0
    assert "what the log had before is unknown" in capsys.readouterr().out


def test_no_store_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert store_tool.main(["verify", "--home", str(tmp_path)]) == 1
    assert "there is no store" in capsys.readouterr().err
