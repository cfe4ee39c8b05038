"""The way back into a store whose permissions locked everybody out."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import pytest

from syncropel.daemon import unlock
from syncropel.record.threads import ENGINE_CONFIG
from syncropel.settings.home import Home
from syncropel.settings.identity import make_home
from syncropel.store.sqlite.store import SqliteStore


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / ".syncro")
    make_home(home)
    return home


def test_unlock_writes_to_a_stopped_store(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    async def look() -> list[bool]:
        store = await SqliteStore.open(home.store, clock=time.time)
        try:
            return [one.record.body["enabled"] for one in await store.thread(ENGINE_CONFIG)]
        finally:
            await store.close()

    assert asyncio.run(look()) == []
    assert unlock.main(["--home", str(home.path), "--actor", "did:sync:user:ada"]) == 0
    assert "spl serve" in capsys.readouterr().out
    assert asyncio.run(look()) == [False]


def test_unlock_answers_in_json_when_it_is_asked_to(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--home", str(home.path), "--json"]
    assert unlock.main(words) == 1
    assert json.loads(capsys.readouterr().err)["code"] == "NOT_FOUND"
    home.store.write_bytes(b"junk" * 3000)
    assert unlock.main(words) == 1
    assert json.loads(capsys.readouterr().err)["object"] == "error"
    home.store.unlink()
    home.store.touch()
    assert unlock.main(words) == 0
    assert json.loads(capsys.readouterr().out) == {"object": "permissions", "enabled": False}


def test_unlock_is_refused_while_the_store_is_open(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    async def held() -> int:
        store = await SqliteStore.open(home.store, clock=time.time)
        try:
            return await asyncio.to_thread(unlock.main, ["--home", str(home.path)])
        finally:
            await store.close()

    assert asyncio.run(held()) == 1
    assert "stop that daemon first" in capsys.readouterr().err


def test_unlock_makes_no_store(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert unlock.main(["--home", str(home.path)]) == 1
    assert not home.store.exists()
    assert "no store" in capsys.readouterr().err
