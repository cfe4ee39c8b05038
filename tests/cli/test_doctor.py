"""`spl doctor`: what it finds, with and without a daemon; it changes nothing and never fails itself."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import sqlite3
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from platformdirs import user_data_path

from syncropel.record.model import Record
from syncropel.settings.home import Home
from syncropel.settings.identity import read_identity
from syncropel.store.lineage.lineage import LineageFile
from syncropel.store.sqlite.backup import backup, backup_path
from syncropel.store.sqlite.store import SqliteStore

from .doctor_findings import Spl, finding, fresh
from .live import daemon_home, live

__all__ = ["daemon_home", "fresh", "live"]


def test_without_a_home_it_says_how_to_make_one(spl: Spl) -> None:
    ran = spl("doctor")
    assert ran.code == 1
    assert ran.out.splitlines()[0].startswith("✗ fail  home:")
    assert "spl init" in ran.out


def test_a_fresh_home_has_nothing_wrong(spl: Spl, fresh: Home) -> None:
    ran = spl("doctor")
    assert ran.code == 0
    assert "\n✓ ok    identity: did:sync:instance:" in ran.out
    assert "\n· warn  daemon: no daemon runs here" in ran.out
    assert "0 failed" in ran.out.splitlines()[-1]


def test_a_running_daemon_answers(spl: Spl, live: Path) -> None:
    assert spl("task", "add", "x").code == 0
    assert finding(spl, "daemon")["state"] == "ok"
    deep = finding(spl, "store", "--deep")
    assert (deep["state"], "every page is sound" in deep["told"]) == ("ok", True)


@pytest.mark.parametrize("name", ["keys/instance.key", "secrets", "secrets/fleet.token", "run"])
def test_what_others_may_read_is_named_with_its_cure(spl: Spl, fresh: Home, name: str) -> None:
    path = fresh.path / name
    if not path.exists():
        path.touch(0o600)
    mode = path.stat().st_mode
    path.chmod(mode | 0o044)
    found = finding(spl, "permissions")
    assert (found["state"], str(path) in found["told"]) == ("fail", True)
    path.chmod(mode)
    assert finding(spl, "permissions")["state"] == "ok"


def test_settings_that_cannot_be_read_are_told(spl: Spl, fresh: Home) -> None:
    fresh.config.write_text("[server\n")
    found = finding(spl, "config")
    assert (found["state"], "not TOML" in found["told"]) == ("fail", True)
    fresh.config.write_text("[auth]\nrequired = false\n")
    assert finding(spl, "auth")["state"] == "warn"


def test_a_damaged_identity_is_told(spl: Spl, fresh: Home) -> None:
    (fresh.keys / "instance.key").write_text("xx")
    assert finding(spl, "identity")["state"] == "fail"
    (fresh.keys / "instance.key").unlink()
    assert finding(spl, "identity")["state"] == "warn"


def test_a_store_that_is_none_is_told_with_the_way_back(spl: Spl, fresh: Home) -> None:
    assert finding(spl, "store")["state"] == "warn"
    fresh.store.write_bytes(b"not a database" * 100)
    found = finding(spl, "store")
    assert (found["state"], "copy a backup" in found["hint"]) == ("fail", True)


def fill(home: Home, count: int) -> None:
    """A store with so many records, and its lineage."""

    async def grow() -> None:
        known = LineageFile(home.lineage)
        store = await SqliteStore.open(home.store, clock=lambda: 1.0, lineage=known)
        await store.append([Record("th_a", "did:a", "DO", {"n": n, "text": "x" * 500}) for n in range(count)])
        await store.close()

    asyncio.run(grow())


def test_a_damaged_page_shows_when_a_start_would_refuse_it(spl: Spl, fresh: Home) -> None:
    fill(fresh, 500)
    found = finding(spl, "store")
    assert (found["state"], found["told"]) == ("ok", "500 records; every page is sound")
    assert finding(spl, "store", "--deep")["state"] == "ok"
    raw = bytearray(fresh.store.read_bytes())
    raw[4096 * 20 : 4096 * 21] = b"\xff" * 4096
    fresh.store.write_bytes(bytes(raw))
    for flags in ((), ("--deep",)):
        found = finding(spl, "store", *flags)
        assert (found["state"], "copy a backup" in found["hint"]) == ("fail", True)


def test_a_store_of_a_later_version_is_told_as_a_start_would(spl: Spl, fresh: Home) -> None:
    fill(fresh, 1)
    with closing(sqlite3.connect(fresh.store)) as log, log:
        log.execute("UPDATE meta SET value = '99' WHERE key = 'schema_version'")
    found = finding(spl, "store")
    assert (found["state"], "schema version 99" in found["told"]) == ("fail", True)
    assert "upgrade" in found["hint"]


def test_missing_records_are_told_with_the_daemon_down(spl: Spl, fresh: Home) -> None:
    fill(fresh, 5)
    with closing(sqlite3.connect(fresh.store)) as log, log:
        log.execute("DELETE FROM records WHERE sequence > 3")
    found = finding(spl, "store")
    assert (found["state"], "2 of 5 records are gone" in found["told"]) == ("fail", True)
    assert found["hint"].endswith("spl serve, then spl store accept-loss")
    fresh.store.unlink()
    found = finding(spl, "store")
    assert (found["state"], "5 records were known" in found["told"]) == ("fail", True)


def test_each_backup_that_was_kept_aside_is_named(spl: Spl, fresh: Home, home: Path) -> None:
    fill(fresh, 3)
    identity = read_identity(fresh)
    assert identity is not None
    place = backup_path(user_data_path("syncropel"), f"instance-{identity.did.rpartition(':')[2]}")
    backup(fresh.store, place)
    found = finding(spl, "backup")
    assert (found["state"], "hub.db.bak, 3 records, from today" in found["told"]) == ("ok", True)
    place.rename(place.with_name("hub.db.bak.1"))
    backup(fresh.store, place)
    os.utime(place.with_name("hub.db.bak.1"), (1.0, 1.0))
    found = finding(spl, "backup")
    assert (found["state"], found["told"].startswith("hub.db.bak.1, 3 records, ")) == ("warn", True)
    assert found["hint"].endswith("spl backup verify hub.db.bak.1")


def test_a_new_home_points_at_the_backups_of_the_former(spl: Spl, fresh: Home, home: Path) -> None:
    fill(fresh, 3)
    place = backup_path(user_data_path("syncropel"), "instance-former")
    backup(fresh.store, place)
    shutil.rmtree(fresh.path)
    told = spl("init").out
    assert "Backups of 1 former instance are here:" in told
    assert f"spl backup restore {place}" in told
    assert "former" not in spl("init").out


def test_a_bundle_that_is_half_in_is_told(spl: Spl, fresh: Home) -> None:
    fill(fresh, 1)
    fresh.store.with_name("hub.db.arriving").touch()
    found = finding(spl, "store")
    assert (found["state"], "next start" in found["hint"]) == ("warn", True)


def test_a_stale_pid_file_is_told(spl: Spl, fresh: Home) -> None:
    fresh.pid_file.write_text("999999999\n")
    assert "stale PID file names 999999999" in finding(spl, "daemon")["told"]
    assert fresh.pid_file.exists()


def test_a_port_that_is_taken_is_told(spl: Spl, fresh: Home) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        fresh.config.write_text(f"[server]\nport = {port}\n")
        found = finding(spl, "port")
        assert (found["state"], str(port) in found["told"]) == ("fail", True)


@pytest.mark.parametrize(("gib", "state"), [(0.1, "fail"), (0.5, "warn"), (50, "ok")])
def test_a_disk_that_fills_up_is_told(
    spl: Spl, fresh: Home, monkeypatch: pytest.MonkeyPatch, gib: float, state: str
) -> None:
    usage = SimpleNamespace(total=0, used=0, free=int(gib * 1024**3))
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    assert finding(spl, "disk")["state"] == state


@pytest.mark.skipif("sys.platform != 'linux'")
@pytest.mark.parametrize(("gib", "state"), [(1.5, "warn"), (3, "ok")])
def test_little_memory_is_told(
    spl: Spl, fresh: Home, monkeypatch: pytest.MonkeyPatch, gib: float, state: str
) -> None:
    memory = SimpleNamespace(available=int(gib * 1024**3))
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    assert finding(spl, "memory")["state"] == state


def test_errors_in_the_log_and_broken_aliases_are_told(spl: Spl, fresh: Home, home: Path) -> None:
    fresh.log.parent.mkdir(exist_ok=True)
    fresh.log.write_text('{"at": "x", "level": "ERROR", "message": "m"}\n' * 3)
    assert finding(spl, "log")["told"] == "3 errors lately"
    folder = home / ".syncro-data"
    folder.mkdir()
    (folder / "aliases.toml").write_text("[x")
    assert finding(spl, "task files")["state"] == "warn"


def test_a_missing_backup_is_told(spl: Spl, fresh: Home, home: Path) -> None:
    assert finding(spl, "backup")["state"] == "warn"
