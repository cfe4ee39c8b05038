"""A daemon that is told to stop before it has read its log, and what it says of an earlier backup."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from syncropel.client import AsyncClient, Target, calls, transport
from syncropel.daemon import serving
from syncropel.engine import lifecycle
from syncropel.engine.backups import Backups
from syncropel.engine.views.opening import Started, start_folds
from syncropel.errors import RemoteError
from syncropel.listening import starting
from syncropel.listening.sockets import listen_tcp
from syncropel.logs.ring import LogRing
from syncropel.settings.config import Settings
from syncropel.settings.home import Home
from syncropel.settings.identity import make_home
from syncropel.store.base import RecordStore
from syncropel.store.sqlite.backup import BackupResult
from syncropel.store.sqlite.store import SqliteStore
from syncropel.store.views.views import Views, views_path


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    # It would last: what other tests of this process start would be below a daemon, and taken for goals.
    monkeypatch.setattr(serving, "name_process", lambda _: True)
    home = Home(tmp_path / "h")
    make_home(home)
    return home


async def run(home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as tcp:
        await serving._run(home, Settings(), tcp, None, LogRing(), "")


async def test_a_stop_does_not_wait_until_the_log_is_read(
    own: Home, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stop, reading = asyncio.Event(), asyncio.Event()

    async def endless(*_: Any) -> None:
        reading.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(serving, "_stop_on_signal", lambda: stop)
    monkeypatch.setattr(lifecycle, "start_folds", endless)
    with caplog.at_level(logging.INFO):
        running = asyncio.ensure_future(run(own))
        await reading.wait()
        stop.set()
        async with asyncio.timeout(60):
            await running
    assert "stopped while the log was being read" in caplog.messages
    assert (own.pid_file.exists(), own.socket.exists()) == (False, False)


async def test_while_the_log_is_read_everybody_is_told_how_far_it_is(
    own: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop, reading, go_on = serving._Stop(), asyncio.Event(), asyncio.Event()

    async def slow(store: RecordStore, views: Views, seen: Callable[[int], None]) -> Started:
        seen(312_000)
        reading.set()
        await go_on.wait()
        return await start_folds(store, views, seen)

    monkeypatch.setattr(serving, "_stop_on_signal", lambda: stop)
    monkeypatch.setattr(starting, "QUIET_SECS", 0.0)
    monkeypatch.setattr(lifecycle, "start_folds", slow)
    monkeypatch.setattr(SqliteStore, "count", 1_000_000)
    monkeypatch.setattr(serving, "LONG", 2_000_000)
    with listen_tcp(0) as tcp:
        running = asyncio.ensure_future(serving._run(own, Settings(), tcp, None, LogRing(), ""))
        await asyncio.wait({running, asyncio.ensure_future(reading.wait())}, return_when="FIRST_COMPLETED")
        url = f"http://127.0.0.1:{tcp.getsockname()[1]}"
        async with AsyncClient(Target(socket=own.socket)) as operator, AsyncClient(Target(url=url)) as other:
            told = await operator.send(calls.start())
            assert (told.state, told.pid) == ("reading", os.getpid())
            assert (told.records_read, told.records) == (312_000, 1_000_000)
            monkeypatch.setattr(transport, "STARTING_POLL_SECS", 60.0)  # they do not ask again
            for client in (operator, other):
                with pytest.raises(RemoteError, match="312,000 of 1,000,000 records") as refused:
                    await client.send(calls.health())
                assert (refused.value.status, refused.value.code) == (503, "STARTING")
            monkeypatch.undo()
            go_on.set()
            async with asyncio.timeout(60):
                while (told := await operator.send(calls.start())).state != "serving":  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
                assert (await other.send(calls.health())).status == "ok", "on the very same sockets"
                stop.set()
                await running


async def test_a_log_that_cannot_be_read_is_told_as_such(own: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: Any) -> None:
        raise ValueError("no such fold")

    monkeypatch.setattr(serving, "_stop_on_signal", asyncio.Event)
    monkeypatch.setattr(lifecycle, "start_folds", broken)
    with pytest.raises(ValueError, match="no such fold"):
        await run(own)
    assert not own.pid_file.exists()


async def test_an_earlier_backup_that_has_more_is_told(
    own: Home, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stop = serving._Stop()
    stop.set()
    kept = BackupResult(own.path / "hub.db.bak", 3, kept=own.path / "hub.db.bak.1")
    monkeypatch.setattr(serving, "_stop_on_signal", lambda: stop)
    monkeypatch.setattr(
        serving,
        "backups_of",
        lambda saved, settings, environ, store, runtime: Backups(store, saved.place, copy=lambda *_: kept),
    )
    monkeypatch.setattr(serving, "_started", lambda started, doors, secret, stop: started.start(secret))
    with caplog.at_level(logging.WARNING):
        await run(own)
    assert [one for one in caplog.messages if "hub.db.bak.1 keeps an earlier backup" in one]


@pytest.mark.parametrize("broken", ["Engine", "own_beat"])
async def test_a_start_that_fails_after_the_log_was_read_leaves_no_view_open(
    own: Home, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise ValueError("no such part")

    monkeypatch.setattr(serving, "_stop_on_signal", asyncio.Event)
    monkeypatch.setattr(lifecycle, broken, refuse)
    with pytest.raises(ValueError, match="no such part"):
        await run(own)
    assert views_path(own.store).exists()
    assert not list(own.path.glob("views-*.db-wal"))
