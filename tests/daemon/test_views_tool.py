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
    assert "✗ the views are 30 of 30 records behind" in capsys.readouterr().out
    assert not file.exists(), "a look changes nothing"
    assert run(home, "build") == 0
    assert "✓ the views contain all 30 records" in capsys.readouterr().out
    assert run(home, "status", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["through"], found["records"], found["file"]) == (30, 30, str(file))
    assert found["bytes"] >= file.stat().st_size
    assert run(home, "drop") == 0
    assert capsys.readouterr().out == f"✓ dropped {file}\n"
    assert not file.exists()
    assert run(home, "drop") == 0
    assert capsys.readouterr().out == f"there are no views at {file}\n"


def test_damaged_views_contain_nothing(home: Home, capsys: Captured) -> None:
    views_path(home.store).write_bytes(b"no database" * 500)
    assert run(home, "status") == 1
    assert "30 of 30 records behind" in capsys.readouterr().out


@pytest.mark.parametrize("verb", ["status", "build", "drop"])
def test_nothing_is_done_beside_a_daemon_or_without_a_store(home: Home, verb: str, capsys: Captured) -> None:
    assert run(home, "build") == 0
    lock = StoreLock(home.store)
    assert run(home, verb) == 1
    lock.release()
    assert "has" in (told := capsys.readouterr().err)
    assert "open" in told
    assert views_path(home.store).exists()
    assert run(Home(home.path / "none"), verb) == 1
    assert "there is no store" in capsys.readouterr().err


def test_the_progress_says_how_far_and_how_long(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    now = [0.0]
    monkeypatch.setattr("syncropel.daemon.views_tool.time.monotonic", lambda: now[0])
    progress = views_tool.Progress(100_000)
    for now[0], sequence in ((5.0, 10_000), (10.0, 25_000), (11.0, 26_000)):
        progress.seen(sequence)
    progress.end()
    assert capsys.readouterr().err == "25000 of 100000 records, 2500/s, 30s left\n"
