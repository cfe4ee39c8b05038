"""What a backup has besides the log: a lost home comes back as the same instance, and nothing is lost."""

from __future__ import annotations

import asyncio
import io
import json
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from syncropel.daemon import backup_restore, backup_tool
from syncropel.daemon.belongings import sealing
from syncropel.daemon.belongings.places import archives
from syncropel.record.model import Record
from syncropel.settings.home import Home
from syncropel.settings.identity import load_or_create_identity, make_home
from syncropel.store.sqlite.store import SqliteStore

from .conftest import Ran

Spl = Callable[..., Ran]
Tool = Callable[..., Any]


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "COST", {"n": 2, "r": 1, "p": 1})
    monkeypatch.delenv("SPL_BACKUP_PASSPHRASE", raising=False)


def made(home: Home) -> Home:
    make_home(home)
    load_or_create_identity(home)
    home.fleet_token.write_text("spl_fleet_token\n")
    home.peer_token("did:x").parent.mkdir()
    home.peer_token("did:x").write_text("spl_peer_token\n")
    home.config.write_text('[log]\nlevel = "DEBUG"\n')

    async def write() -> None:
        store = await SqliteStore.open(home.store, clock=lambda: 1_700_000_000.0)
        await store.append([Record("th_a", "did:a", "DO", {"n": 1})])
        await store.close()

    asyncio.run(write())
    return home


@pytest.fixture
def own(home: Path) -> Home:
    task = home / ".syncro-data" / "tasks" / "W-1.md"
    task.parent.mkdir(parents=True)
    task.write_text("# a task\n")
    return made(Home(home / ".syncro"))


@pytest.fixture
def usb(home: Path) -> Path:
    return home / "usb"


@pytest.fixture
def tool(own: Home, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Tool:
    """The tool behind the command, in this process. `secret`: what it reads from stdin."""

    def run(*words: str, fails: str = "", secret: str = "", home: Home = own) -> Any:
        stdin = SimpleNamespace(buffer=io.BytesIO(secret.encode()))
        monkeypatch.setattr("sys.stdin", stdin)
        more = ["--passphrase"] if secret else []
        code = backup_tool.main([words[0], "--home", str(home.path), *words[1:], *more])
        out, err = capsys.readouterr()
        assert (code, fails in err) == (1 if fails else 0, True), err
        return None if fails else json.loads(out)

    return run


def everything(folder: Path) -> dict[str, bytes]:
    return {
        str(one.relative_to(folder)): one.read_bytes()
        for one in folder.rglob("*")
        if one.is_file() and not one.name.startswith("hub.db")
    }


ALL = ("--with", "keys", "--with", "config", "--with", "data")


def test_a_lost_home_comes_back_as_the_same_instance(own: Home, tool: Tool, home: Path, usb: Path) -> None:
    tool("now", "--to", str(usb))
    told = tool("keys", "--to", str(usb), secret="right")
    assert (told["sealed"], told["unsealed"]) == (True, [])
    before, data = everything(own.path), everything(home / ".syncro-data")
    did = load_or_create_identity(own).did
    shutil.rmtree(own.path)
    shutil.rmtree(home / ".syncro-data")
    bak = str(usb / "hub.db.bak")
    tool("restore", "--backup", bak, fails="has no identity, and the log needs one")
    tool("restore", "--backup", bak, *ALL, fails="is sealed, and no passphrase was given")
    tool("restore", "--backup", bak, *ALL, secret="wrong", fails="the passphrase does not open")
    assert everything(own.path) == {}
    done = tool("restore", "--backup", bak, *ALL, secret="right")
    assert (done["did"], done["records"], done["kept"]) == (did, 1, [])
    assert done["put_back"] == ["config", "data", "keys"]
    assert everything(own.path) == before
    assert everything(home / ".syncro-data") == data
    private = [own.keys, own.keys / "instance.key", own.secrets, own.fleet_token]
    assert [stat.S_IMODE(one.stat().st_mode) for one in private] == [0o700, 0o600, 0o700, 0o600]
    again = tool("restore", "--backup", bak, *ALL, secret="right")
    assert [Path(one).name.partition(".2")[0] for one in again["kept"]] == ["hub.db"]


def test_other_keys_are_kept_by_name(own: Home, tool: Tool, home: Path, usb: Path) -> None:
    tool("now", "--to", str(usb))
    tool("keys", "--to", str(usb))
    other = made(Home(home / "other"))
    other.config.write_text("")
    (other.secrets / "mine").write_text("of the other\n")
    former, (task,) = everything(other.path), (home / ".syncro-data" / "tasks").iterdir()
    task.write_text("# written since\n")
    stays = task.with_name("W-2.md")
    stays.write_text("# new\n")
    bak = str(usb / "hub.db.bak")
    kept_did = load_or_create_identity(other).did
    done = tool("restore", "--backup", bak, home=other)
    assert (done["did"], done["others"], done["put_back"]) == (kept_did, True, [])
    done = tool("restore", "--backup", bak, *ALL, home=other)
    assert (done["did"], done["others"]) == (load_or_create_identity(own).did, False)
    kept = {Path(one).name.partition(".2")[0]: Path(one) for one in done["kept"]}
    assert set(kept) == {"keys", "secrets", "hub.db", "config.toml", "W-1.md"}
    assert everything(kept["keys"])["instance.key"] == former["keys/instance.key"]
    assert everything(kept["secrets"])["mine"] == b"of the other\n"
    assert not (other.secrets / "mine").exists()
    assert kept["W-1.md"].read_text() == "# written since\n"
    assert (task.read_text(), stays.read_text()) == ("# a task\n", "# new\n")
    assert other.config.read_bytes() == own.config.read_bytes()


@pytest.mark.parametrize("what", ["keys", "home"])
def test_a_damaged_archive_restores_nothing(own: Home, tool: Tool, usb: Path, what: str) -> None:
    tool("now", "--to", str(usb))
    tool("keys", "--to", str(usb), secret="right")
    (path,) = usb.glob(f"{what}-*")
    whole = path.read_bytes()
    before = everything(own.path)
    bak = str(usb / "hub.db.bak")
    for damaged in (whole[:1300], whole.replace(b"DEBUG", b"ERROR").replace(b"gAAAA", b"gAAAB")):
        path.write_bytes(damaged)
        tool("verify", "--backup", bak, secret="right", fails=f"{path} is damaged")
        tool("restore", "--backup", bak, *ALL, secret="right", fails=f"{path} is damaged")
    assert everything(own.path) == before
    path.write_bytes(whole)
    tool("restore", "--backup", bak, *ALL, secret="right")


def test_a_check_says_what_it_could_not_look_at(own: Home, tool: Tool, usb: Path) -> None:
    tool("now", "--to", str(usb))
    tool("keys", "--to", str(usb), secret="right")
    bak = str(usb / "hub.db.bak")
    home, keys = tool("verify", "--backup", bak)["archives"]
    assert (home["kind"], home["files"], keys["kind"], keys["files"]) == ("home", 2, "keys", None)
    assert [one["files"] for one in tool("verify", "--backup", bak, secret="right")["archives"]] == [2, 3]
    tool("verify", "--backup", bak, secret="wrong", fails="the passphrase does not open")


def test_nothing_is_put_back_under_a_daemon(own: Home, tool: Tool, usb: Path) -> None:
    tool("now", "--to", str(usb))
    tool("keys", "--to", str(usb))
    own.fleet_token.write_text("new\n")

    async def meanwhile() -> None:
        store = await SqliteStore.open(own.store, clock=lambda: 0.0)
        await asyncio.to_thread(
            tool, "restore", "--backup", str(usb / "hub.db.bak"), *ALL, fails="another process"
        )
        await store.close()

    asyncio.run(meanwhile())
    assert own.fleet_token.read_text() == "new\n"


def test_a_folder_with_several_instances_is_asked_whose(own: Home, tool: Tool, home: Path, usb: Path) -> None:
    other = made(Home(home / "other"))
    for one in (own, other):
        tool("keys", "--to", str(usb), home=one)
    tool("now", "--to", str(usb))
    names = sorted(one.instance for one in archives(usb, "keys"))
    bak, fresh = str(usb / "hub.db.bak"), Home(home / "fresh")
    only_keys = ("restore", "--backup", bak, "--with", "keys")
    tool(*only_keys, home=fresh, fails=f"of several instances: {names[0]}, {names[1]}")
    tool(*only_keys, "--instance", "nobody", home=fresh, fails="there are no keys of instance nobody")
    did = load_or_create_identity(other).did
    done = tool(*only_keys, "--instance", did.rpartition(":")[2], home=fresh)
    assert done["did"] == did
    assert tool(*only_keys)["did"] == load_or_create_identity(own).did
    empty = home / "empty"
    empty.mkdir()
    shutil.copy(bak, empty)
    tool("restore", "--backup", str(empty / "hub.db.bak"), "--with", "keys", fails="there are no keys in")


def test_a_bare_name_is_found_without_an_identity(own: Home, tool: Tool, home: Path, usb: Path) -> None:
    tool("now", "--to", str(usb))
    tool("keys", "--to", str(usb))
    os.chdir(usb)
    fresh = Home(home / "fresh")
    tool("restore", fails="there is no backup", home=own)
    assert tool("restore", "--backup", "hub.db.bak", "--with", "keys", home=fresh)["records"] == 1


def test_what_cannot_be_read_is_named(
    own: Home, tool: Tool, usb: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(self))

    with monkeypatch.context() as refusing:
        refusing.setattr(Path, "read_bytes", refused)
        tool("keys", "--to", str(usb), fails=f"cannot save {own.keys / 'instance.key'}: Permission denied")
    assert not [*usb.glob("*")]


def test_a_damaged_identity_can_be_restored(own: Home, tool: Tool, usb: Path) -> None:
    tool("now", "--to", str(usb))
    tool("keys", "--to", str(usb))
    did = load_or_create_identity(own).did
    (own.keys / "instance.key").write_text("junk")
    done = tool("restore", "--backup", str(usb / "hub.db.bak"), "--with", "keys")
    assert done["did"] == did
    assert (Path(done["kept"][0]) / "instance.key").read_text() == "junk"


@pytest.mark.parametrize("step", ["put_keys", "_put_log", "put_files"])
def test_a_restore_that_ends_after_any_step_can_be_done_again(
    own: Home, tool: Tool, usb: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    tool("now", "--to", str(usb))
    tool("keys", "--to", str(usb))
    before, did = everything(own.path), load_or_create_identity(own).did
    shutil.rmtree(own.path)
    made(own)

    class Crash(BaseException):
        pass

    real = getattr(backup_restore, step)

    def crash(*given: Any) -> None:
        real(*given)
        raise Crash

    with monkeypatch.context() as crashing:
        crashing.setattr(backup_restore, step, crash)
        with pytest.raises(Crash):
            tool("restore", "--backup", str(usb / "hub.db.bak"), *ALL)
    assert tool("restore", "--backup", str(usb / "hub.db.bak"), *ALL)["did"] == did
    now = everything(own.path)
    assert {name: now[name] for name in before} == before


def test_archives_are_written_when_something_changed(own: Home, tool: Tool, home: Path, usb: Path) -> None:
    def count(kind: Any) -> int:
        return len(archives(usb, kind))

    for _ in range(2):
        tool("now", "--to", str(usb))
        tool("keys", "--to", str(usb), secret="right")
    assert (count("home"), count("keys")) == (1, 1)
    (home / ".syncro-data" / "tasks" / "W-1.md").unlink()  # by accident: the former archive has it
    (own.secrets / "more").write_text("x\n")
    tool("now", "--to", str(usb))
    tool("keys", "--to", str(usb), secret="right")
    assert (count("home"), count("keys")) == (2, 2)
    told = tool("keys", "--to", str(usb), secret="another")
    assert count("keys") == 3
    assert Path(told["path"]).name == archives(usb, "keys")[0].path.name
    tool("keys", "--to", str(usb))
    told = tool("keys", "--to", str(usb), secret="another")
    assert [Path(one).suffix for one in told["unsealed"]] == [".tar"]
    archives(usb, "keys")[0].path.write_bytes(b"")
    tool("keys", "--to", str(usb), secret="another")
    assert archives(usb, "keys")[0].path.stat().st_size > 0
    assert not [*usb.glob(".*")]


def test_the_rotation_holds_for_archives_too(own: Home, tool: Tool, home: Path) -> None:
    own.config.write_text("[backup]\nkeep_starts = 2\nkeep_days = 0\n")
    tool("now")
    folder = backup_restore.place_of(own).parent
    for n in range(4):
        (own.path / "contexts.toml").write_text(f"# {n}\n")
        (own.secrets / "more").write_text(f"{n}\n")
        tool("now")
        tool("keys")
    assert (len(archives(folder, "home")), len(archives(folder, "keys"))) == (2, 2)
    own.config.write_text("[backup]\nkeep_starts = 1\nkeep_days = 0\n")
    gone = tool("prune")["data"]
    assert len(gone) == 2
    assert (len(archives(folder, "home")), len(archives(folder, "keys"))) == (1, 1)


def test_a_passphrase_in_the_settings_seals_each_backup(own: Home, tool: Tool, home: Path) -> None:
    secret = home / "passphrase"
    own.config.write_text(f'[backup]\npassphrase_file = "{secret}"\n')
    tool("now", fails=f"cannot read the passphrase file {secret}: No such file or directory")
    secret.write_text("right\n")
    secret.chmod(0o644)
    tool("now", fails="may be read by others")
    secret.chmod(0o600)
    assert tool("now")["sealed_keys"] is True
    (keys,) = archives(backup_restore.place_of(own).parent, "keys")
    assert keys.sealed
    assert tool("verify", secret="right")["archives"][1]["files"] == 3


def test_backups_go_to_the_second_folder_without_a_daemon_too(own: Home, tool: Tool, usb: Path) -> None:
    own.config.write_text(f'[backup]\nto = "{usb}"\n')
    tool("now", fails=f"there is no folder {usb}: is its disk mounted?")
    usb.mkdir()
    done = tool("now")
    place = backup_restore.place_of(own)
    second = usb / place.parent.name / place.name
    assert (done["path"], done["also"]) == (str(place), [str(second)])
    assert tool("verify", "--backup", str(second))["records"] == 1
    keys = tool("keys", "--to", str(place.parent), "--to", str(second.parent))
    assert [Path(one).parent for one in (keys["path"], *keys["also"])] == [place.parent, second.parent]


def test_a_backup_is_not_taken_into_the_task_files(own: Home, tool: Tool, home: Path) -> None:
    inside = home / ".syncro-data" / "backups"
    tool("now", "--to", str(inside), fails=f"{inside} is inside {home / '.syncro-data'}")
    assert not inside.exists()


def test_a_folder_with_the_name_of_an_archive_is_none(own: Home, tool: Tool, usb: Path) -> None:
    tool("now", "--to", str(usb))
    (real,) = archives(usb, "home")
    decoy = real.path.with_name(real.path.name.replace(".2", ".9", 1))
    decoy.mkdir()
    backup = str(usb / "hub.db.bak")
    assert [one["path"] for one in tool("verify", "--backup", backup)["archives"]] == [str(real.path)]
    assert tool("restore", "--backup", backup, "--with", "config")["put_back"] == ["config"]


def test_an_archive_that_cannot_be_read_is_named(own: Home, tool: Tool, usb: Path) -> None:
    tool("now", "--to", str(usb))
    (real,) = archives(usb, "home")
    real.path.unlink()
    real.path.symlink_to("/proc/self/mem")  # opens, and cannot be read from its beginning
    backup = str(usb / "hub.db.bak")
    tool("verify", "--backup", backup, fails="Input/output error")
    tool("restore", "--backup", backup, "--with", "config", fails="Input/output error")


def test_a_worker_saves_no_task_files(own: Home, tool: Tool, usb: Path) -> None:
    own.config.write_text('[fleet]\ncoordinator_url = "http://127.0.0.1:1"\n')
    assert tool("now", "--to", str(usb))["sealed_keys"] is False
    (home,) = tool("verify", "--backup", str(usb / "hub.db.bak"))["archives"]
    assert home["files"] == 1


def test_a_new_home_points_at_backups_elsewhere(own: Home, tool: Tool, spl: Spl, usb: Path) -> None:
    tool("now", "--to", str(usb))
    tool("now", "--to", str(usb))
    tool("keys", "--to", str(usb))
    shutil.rmtree(own.path)
    (backup_folder := own.path.parent / ".local" / "share" / "syncropel" / "backups").mkdir(exist_ok=True)
    (backup_folder / "instance-of-a-home-without-a-backup").mkdir()
    told = spl("init").out
    assert "Backups of 1 former instance are here:" in told
    assert told.count(str(usb / "hub.db.bak")) == 2
    assert f"spl backup restore {usb / 'hub.db.bak'} --with-keys --with-config --with-data" in told
