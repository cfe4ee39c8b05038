"""`spl backup`, with a daemon and without: what it writes restores, and what is damaged is refused."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from syncropel.cli.main import main
from syncropel.daemon import backup_restore, backup_tool, store_tool, verifying, views_tool
from syncropel.daemon.tool_progress import ToolProgress
from syncropel.record.model import Record
from syncropel.settings.home import Home
from syncropel.settings.identity import load_or_create_identity, make_home
from syncropel.store.base import RecordFilter
from syncropel.store.lineage.lineage import read_lineage
from syncropel.store.sqlite.backup import lineage_files
from syncropel.store.sqlite.store import SqliteStore
from syncropel.wire import BackupOut

from .conftest import FakeDaemon, Ran

Spl = Callable[..., Ran]
NOTHING: Any = {"object": "list", "data": [], "next_cursor": None}


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    home = Home(tmp_path / "own")
    make_home(home)
    load_or_create_identity(home)
    return home


async def opened(home: Home) -> SqliteStore:
    files = lineage_files(home.lineage, backup_restore.place_of(home))
    return await SqliteStore.open(home.store, clock=lambda: 1_700_000_000.0, lineage=files)


def write(home: Home, *numbers: int) -> None:
    async def grow() -> None:
        store = await opened(home)
        await store.append([Record("th_a", "did:a", "DO", {"n": n}) for n in numbers])
        await store.close()

    asyncio.run(grow())


def read(home: Home) -> tuple[list[int], Any, list[str]]:
    async def look() -> tuple[list[int], Any, list[str]]:
        store = await opened(home)
        found = [one.record.body["n"] for one in await store.query(RecordFilter())]
        hold, told = store.hold, store.told
        await store.close()
        return found, hold, told

    return asyncio.run(look())


@pytest.fixture
def tool(own: Home, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    def run(*words: str, fails: str = "") -> Any:
        code = backup_tool.main([words[0], "--home", str(own.path), *words[1:]])
        out, err = capsys.readouterr()
        assert (code, fails in err) == (1 if fails else 0, True), err
        return None if fails else json.loads(out)

    return run


def test_a_backup_is_taken_listed_checked_and_restored(own: Home, tool: Callable[..., Any]) -> None:
    write(own, 1, 2)
    done = tool("now")
    assert done["records"] == 2
    assert Path(done["path"]) == backup_restore.place_of(own)
    (listed,) = tool("list")["data"]
    assert (listed["records"], listed["aside"], listed["manifest"]["kind"]) == (2, False, "now")
    checked = tool("verify")
    assert (checked["records"], checked["digest"], checked["threads"]) == (2, done["digest"], 1)
    write(own, 3)
    before = own.store.read_bytes()
    restored = tool("restore")
    assert (restored["records"], restored["lost"]) == (2, 1)
    (kept,) = restored["kept"]
    assert Path(kept).read_bytes() == before
    assert read(own) == ([1, 2], None, [])
    known = read_lineage(own.lineage)
    assert known is not None
    assert [(one.had, one.has, one.accepted) for one in known.losses] == [(3, 2, True)]
    assert not own.store.with_name("hub.db.restoring").exists()


def test_each_step_says_how_far_it_is(
    own: Home, tool: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: dict[str, tuple[int, int]] = {}

    def hear(_: ToolProgress, what: str, done: int, of: int) -> None:
        heard[what] = done, of

    monkeypatch.setattr(ToolProgress, "__call__", hear)
    write(own, 1, 2)
    tool("now")
    (copied, pages), checked = heard.pop("copying"), heard.pop("checking")
    assert copied == pages > 0
    assert (checked, heard) == ((2, 2), {})
    tool("verify")
    assert heard == {"checking": (2, 2), "folding": (2, 2)}
    heard.clear()
    tool("restore")
    assert heard == {"checking": (2, 2)}


def test_a_backup_of_another_branch_brings_its_records_back(own: Home, tool: Callable[..., Any]) -> None:
    """After a copy of before was put back, the fuller one is restored: what came meanwhile is kept aside."""
    write(own, 1)
    tool("now", "--to", str(own.path / "usb"))
    write(own, 2, 3)
    tool("now")
    tool("restore", "--backup", str(own.path / "usb" / "hub.db.bak"))
    write(own, 9)
    assert read(own)[0] == [1, 9]
    tool("restore")
    assert read(own) == ([1, 2, 3], None, [])
    write(own, 4)
    assert read(own) == ([1, 2, 3, 4], None, [])


def test_what_is_damaged_is_neither_verified_nor_restored(own: Home, tool: Callable[..., Any]) -> None:
    write(own, *range(50))
    path = Path(tool("now")["path"])
    with closing(sqlite3.connect(path)) as log, log:
        log.execute("UPDATE records SET body = '{\"n\":1000}' WHERE sequence = 30")
    before = {one.name: one.read_bytes() for one in own.path.iterdir() if one.is_file()}
    tool("verify", fails="record 30 (")
    tool("restore", fails="was altered")
    assert {one.name: one.read_bytes() for one in own.path.iterdir() if one.is_file()} == before
    path.write_bytes(b"junk" * 3000)
    tool("verify", fails="damaged")
    tool("restore", fails="damaged")
    assert read(own)[0] == [*range(50)]


def test_a_cut_backup_is_told_by_its_manifest(own: Home, tool: Callable[..., Any]) -> None:
    write(own, *range(9))
    path = Path(tool("now")["path"])
    with closing(sqlite3.connect(path)) as log, log:
        log.execute("DELETE FROM records WHERE sequence > 5")
    tool("verify", fails="its manifest says 9 records")
    path.with_name("hub.db.bak.json").unlink()
    assert tool("verify")["manifest"] is False


def test_nothing_is_restored_under_a_daemon(own: Home, tool: Callable[..., Any]) -> None:
    write(own, 1)
    tool("now")

    async def meanwhile() -> None:
        store = await opened(own)
        await asyncio.to_thread(tool, "restore", fails="another process")
        assert (await asyncio.to_thread(tool, "verify"))["records"] == 1
        await store.close()

    asyncio.run(meanwhile())


def test_what_is_not_there_is_told(own: Home, tool: Callable[..., Any]) -> None:
    tool("now", fails="there is no store")
    tool("verify", fails="there is no backup")
    tool("restore", "--backup", "nowhere", fails="there is no backup")
    tool("restore", "--backup", "/no/where", fails="there is no backup /no/where")
    assert tool("list") == NOTHING
    assert tool("prune") == NOTHING


@pytest.mark.parametrize("step", ["move_aside", "replace", "begin_anew"])
def test_a_restore_that_ends_in_the_middle_can_be_done_again(
    own: Home, tool: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    write(own, 1, 2, 3)
    tool("now")
    write(own, 4)

    class Crash(BaseException):
        pass

    def crash(*_: object, **__: object) -> None:
        raise Crash

    with monkeypatch.context() as crashing:
        if step == "replace":
            crashing.setattr(Path, "replace", crash)
        else:
            crashing.setattr(backup_restore, step, crash)
        with pytest.raises(Crash):
            tool("restore")
    tool("restore")
    assert read(own) == ([1, 2, 3], None, [])
    assert not own.store.with_name("hub.db.restoring").exists()


def test_a_restore_that_fails_after_the_log_was_replaced_says_so(
    own: Home, tool: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(own, 1, 2)
    tool("now")

    def fail(*_: object, **__: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as failing:
        failing.setattr(backup_restore, "begin_anew", fail)
        tool("restore", fails="the restore was not completed: disk I/O error")
    tool("restore")
    assert read(own) == ([1, 2], None, [])


@pytest.mark.parametrize("more", [(), ("--with", "keys"), ("--with", "config")])
def test_a_mistyped_home_is_not_made_by_a_restore_that_fails(
    own: Home, tool: Callable[..., Any], tmp_path: Path, capsys: pytest.CaptureFixture[str], more: Any
) -> None:
    write(own, 1)
    backup = tool("now", "--to", str(tmp_path / "usb"))["path"]
    before = {*tmp_path.rglob("*")}
    words = ["restore", "--home", str(tmp_path / "deep" / "mistyped"), "--backup", backup, *more]
    assert backup_tool.main(words) == 1
    assert "Traceback" not in capsys.readouterr().err
    assert {*tmp_path.rglob("*")} == before


@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied", "/b"), sqlite3.Error("odd")])
def test_whatever_a_tool_meets_is_told_as_it_was_asked_for(
    own: Home, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object) -> None:
        raise error

    tools: list[tuple[Any, str, Any, str]] = [
        (backup_tool, "list", backup_tool, "entries"),
        (store_tool, "look", store_tool, "look"),
        (store_tool, "verify", verifying, "verify"),
        (views_tool, "status", views_tool, "status"),
    ]
    own.store.touch()
    for tool, verb, module, job in tools:
        monkeypatch.setattr(module, job, fail)
        words = [verb, "--home", str(own.path)]
        assert tool.main(words) == 1
        assert capsys.readouterr().err.startswith("error: ")
        assert tool.main([*words, "--json"]) == 1
        told = json.loads(capsys.readouterr().err)
        assert (told["object"], bool(told["message"]), bool(told["hint"])) == ("error", True, True)


def test_json_is_what_was_asked_for_and_is_given(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def ran(*words: str) -> tuple[int, Any]:
        code = main([*words, "-o", "json"])
        out, err = capfd.readouterr()
        return code, json.loads(err if code else out)

    code, told = ran("backup", "list")
    assert (code, told["object"], "has no identity" in told["message"]) == (1, "error", True)
    code, told = ran("store", "verify")
    assert (code, told["object"], told["code"]) == (1, "error", "NOT_FOUND")
    make_home(Home(home / ".syncro"))
    load_or_create_identity(Home(home / ".syncro"))
    assert ran("backup", "list") == (0, NOTHING)
    assert ran("backup", "prune") == (0, NOTHING)


def test_the_daemon_takes_one_when_it_runs(spl: Spl, daemon: FakeDaemon, home: Path) -> None:
    daemon.answer(
        "/v1/backups", BackupOut(path="/b/hub.db.bak", records=5, digest="d", kept="/b/hub.db.bak.1")
    )
    done = spl("backup", "now", "--to", "/b")
    assert done.code == 0
    assert done.out.splitlines()[0] == "✓ 5 records in /b/hub.db.bak"
    assert "an earlier one with records that this log lacks: /b/hub.db.bak.1" in done.out
    assert daemon.body() == {"to": "/b"}


def test_a_refusal_of_the_daemon_is_told(spl: Spl, daemon: FakeDaemon) -> None:
    daemon.refuse("/v1/backups", 409, "CONFLICT", "a backup is being taken already")
    done = spl("backup", "now")
    assert (done.code, "being taken already" in done.err) == (1, True)


def test_a_list_says_what_is_unknown(spl: Spl, monkeypatch: pytest.MonkeyPatch) -> None:
    from syncropel.cli import backup

    found = [{"path": "/b/hub.db.bak.1", "records": None, "made_at": 0.0, "bytes": 2048, "aside": True}]
    monkeypatch.setattr(backup, "_tool", lambda *_: {"data": found})
    done = spl("backup", "list")
    assert done.code == 0
    assert "unknown" in done.out
    assert "kept: a later log lacked some of it" in done.out
    monkeypatch.setattr(backup, "_tool", lambda *_: None)
    assert spl("backup", "list").code == 1


def test_it_runs_nothing_of_the_folder_one_stands_in(spl: Spl, home: Path) -> None:
    (home / "syncropel").mkdir()
    (home / "syncropel" / "__init__.py").write_text("raise SystemExit('somebody else runs')\n")
    make_home(Home(home / ".syncro"))
    load_or_create_identity(Home(home / ".syncro"))
    done = spl("backup", "list")
    assert (done.code, done.out, done.err) == (0, "no backups\n", "")
