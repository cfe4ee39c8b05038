"""`spl views` without a daemon: what it says of the files, and what it does to them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from syncropel.daemon import views_tool
from syncropel.settings.home import Home
from syncropel.store.lock import StoreLock
from syncropel.store.sqlite.store import SqliteStore
from syncropel.store.views.views import views_path
from tests.folds.build import record

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home with a log of 30 records."""

    own = Home(tmp_path)

    async def write() -> None:
        store = await SqliteStore.open(own.store, clock=lambda: 0.0)
        await store.append([record("KNOW", number) for number in range(30)])
        await store.close()

    asyncio.run(write())
    return own


def run(home: Home, verb: str, *more: str) -> int:
    return views_tool.main([verb, "--home", str(home.path), *more])


def test_views_are_built_told_and_dropped(home: Home, capsys: Captured) -> None:
    file = views_path(home.store)
    assert run(home, "status") == 1
    told = capsys.readouterr().out
    assert told.startswith("✗ the views contain 0 of 30 records\n  30 of 30 records are not in ")
    assert not file.exists(), "a look changes nothing"
    assert run(home, "build") == 0
    assert f"✓ the views contain 30 of 30 records; 0.1 MB in {file}" in capsys.readouterr().out
    assert run(home, "status", "--json") == 0
    whole = {"object": "views", "through": 30, "records": 30, "problem": ""}
    assert json.loads(capsys.readouterr().out) == whole
    assert run(home, "drop") == 0
    assert capsys.readouterr().out == f"✓ dropped {file}\n"
    assert not file.exists()
    assert run(home, "drop") == 0
    assert capsys.readouterr().out == f"there are no views at {file}\n"


def test_damaged_views_contain_nothing(home: Home, capsys: Captured) -> None:
    views_path(home.store).write_bytes(b"no database" * 500)
    assert run(home, "status") == 1
    assert "30 of 30 records are not in" in capsys.readouterr().out


@pytest.mark.parametrize("verb", ["build", "drop"])
def test_nothing_is_changed_beside_a_daemon(home: Home, verb: str, capsys: Captured) -> None:
    assert run(home, "build") == 0
    lock = StoreLock(home.store)
    assert (run(home, verb), run(home, "status")) == (1, 0)
    lock.release()
    assert "another process" in capsys.readouterr().err
    assert views_path(home.store).exists()


@pytest.mark.parametrize("verb", ["status", "build", "drop"])
def test_without_a_store_there_is_nothing_to_look_at(home: Home, verb: str, capsys: Captured) -> None:
    assert run(Home(home.path / "none"), verb) == 1
    assert "there is no store" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["build", "drop"])
def test_a_place_where_no_file_can_be_is_told(home: Home, verb: str, capsys: Captured) -> None:
    views_path(home.store).mkdir()
    assert run(home, verb) == 1
    assert str(views_path(home.store)) in capsys.readouterr().err
    assert run(home, "status") == 1
