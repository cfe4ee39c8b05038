"""`spl store copy` without a daemon: which places it takes, and what it says."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from syncropel.daemon import copy_tool
from syncropel.record.model import Record
from syncropel.settings.home import Home
from syncropel.store.lock import StoreLock
from syncropel.store.sqlite.store import SqliteStore
from tests.postgres_server import postgres_server, postgres_url

__all__ = ["postgres_server", "postgres_url"]


@pytest.fixture
async def own(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.path.mkdir()
    store = await SqliteStore.open(home.store, clock=time.time)
    await store.append([Record("th", "did:a", "DO", {"n": n}) for n in range(3)])
    await store.close()
    return home


def ran(home: Home, *words: str) -> int:
    return copy_tool.main(["--home", str(home.path), *words])


async def test_there_and_back(own: Home, postgres_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert ran(own, "--to", postgres_url, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["to"], told["records"]) == (postgres_url, 3)
    own.store.rename(own.store.with_name("before.db"))
    assert ran(own, "--from", postgres_url) == 0
    out = capsys.readouterr().out
    assert f"✓ copied 3 records to {own.store}" in out
    assert f"digest {told['digest'][:16]}" in out
    own.config.write_text(f'[store]\nurl = "{postgres_url}"\n', encoding="utf-8")
    copied = own.path / "again.db"
    assert ran(own, "--to", str(copied)) == 0
    assert copied.stat().st_mode & 0o077 == 0


async def test_what_it_refuses_is_said(
    own: Home, postgres_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = StoreLock(own.store)
    assert ran(own, "--to", postgres_url) == 1
    assert "spl stop" in capsys.readouterr().err
    lock.release()
    assert ran(own, "--to", "mysql://127.0.0.1/x") == 1
    assert "'mysql'" in capsys.readouterr().err
    assert ran(own, "--to", str(own.store)) == 1
    assert "there is a file" in capsys.readouterr().err
    with pytest.raises(SystemExit) as caught:
        ran(own)
    assert caught.value.code == 2
