"""What keeps a daemon from starting: said on stderr with what to do, logged, exit status 1, no traceback."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest

from syncropel.daemon.process import main
from syncropel.record.model import Record
from syncropel.settings.home import Home
from syncropel.store.sqlite.store import SqliteStore

from .conftest import Start, python_path

Refused = Callable[..., None]


@contextmanager
def logging_of_its_own() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        yield
    finally:
        logging.captureWarnings(False)
        for handler in root.handlers:
            handler.close()
        root.handlers[:] = handlers
        root.setLevel(level)


@pytest.fixture
def refused(home: Home, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Refused:
    """Run the daemon in this process: it has to end with status 1 and these words, and leave nothing."""
    monkeypatch.setenv("HOME", str(home.path.parent))
    monkeypatch.setenv("XDG_DATA_HOME", str(home.path.parent / "share"))

    def run(*words: str, flags: tuple[str, ...] = ("--port", "0"), logged: bool = True) -> None:
        with logging_of_its_own():
            code = main(["--home", str(home.path), *flags])
        out, err = capfd.readouterr()
        assert (code, out) == (1, "")
        assert_told(home, err, *words, logged=logged)

    return run


def assert_told(home: Home, err: str, *words: str, logged: bool = True) -> None:
    first, hint, *more = [*err.splitlines(), ""]
    assert first.startswith("error: ")
    assert hint.startswith("hint: ")
    assert len(hint.strip()) > 5
    assert more == [""], "nothing else is printed"
    for word in words:
        assert word in err
    if logged:
        last = json.loads(home.log.read_text(encoding="utf-8").splitlines()[-1])
        assert (last["level"], last["message"]) == ("ERROR", first.removeprefix("error: "))
    assert not home.socket.exists()
    assert not home.pid_file.exists()


def test_a_taken_port(refused: Refused) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        for more in ((), ("--foreground",)):
            refused(f"127.0.0.1:{port}", "in use", "--port", flags=("--port", port, *more))


@pytest.mark.parametrize("port", ["65536", "-1"])
def test_a_port_that_is_none(refused: Refused, port: str) -> None:
    refused(port, "--port", flags=("--port", port))


@pytest.mark.parametrize("part", ["", "run", "logs", "keys", "config.toml", "hub.db", "hub.db.lock"])
def test_a_home_with_something_else_in_the_place_of_a_part(refused: Refused, home: Home, part: str) -> None:
    # The way to have an unwritable home that holds for the superuser, too.
    place = home.path / part
    place.parent.mkdir(parents=True, exist_ok=True)
    if "." in part:
        place.mkdir()
    else:
        place.write_text("not a folder")
    refused(str(place), logged="." in part)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[server]\ncolour = 'red'\n", ["[server]", "colour", "known: listen, port"]),
        ("[sever]\n", ["sever", "server"]),
        ("[server]\nport = 'many'\n", ["[server] port", "int", "9100"]),
        ("[dispatch]\nmax_concurrent = -1\n", ["max_concurrent", "negative"]),
        ("[auth]\nrequired = 1\n", ["required", "bool"]),
        ("server = 1\n", ["server", "section"]),
        ("[server\n", ["not TOML", "line 1"]),
        ("[log]\nlevel = 'LOUD'\n", ["LOUD", "ERROR, WARN, INFO, DEBUG, TRACE"]),
        ("[log]\nlevel = 'info'\n", ["info", "INFO"]),
        ("[server]\nport = 70000\n", ["70000", "--port"]),
    ],
)
def test_a_bad_config_is_named_by_section_and_key(
    refused: Refused, home: Home, text: str, words: list[str]
) -> None:
    home.path.mkdir(parents=True)
    home.config.write_text(text)
    refused(*words, flags=())


def test_a_config_that_is_no_text(refused: Refused, home: Home) -> None:
    home.path.mkdir(parents=True)
    home.config.write_bytes(b"\xff\xfe")
    refused("config.toml")


def test_a_damaged_identity(refused: Refused, home: Home) -> None:
    home.keys.mkdir(parents=True)
    (home.keys / "instance.key").write_text("nonsense")
    refused("instance.key", "damaged", "backup")


def _fill(home: Home) -> None:
    async def fill() -> None:
        store = await SqliteStore.open(home.store, clock=time.time)
        await store.append([Record("t", "a", "KNOW", {"n": n, "pad": "x" * 999}) for n in range(50)])
        await store.close()

    asyncio.run(fill())


def _garbage(home: Home) -> None:
    home.store.write_bytes(b"this is no database at all" * 1000)


def _other_program(home: Home) -> None:
    with closing(sqlite3.connect(home.store)) as database:
        database.execute("CREATE TABLE songs (title)")
        database.commit()


def _newer(home: Home) -> None:
    _fill(home)
    with closing(sqlite3.connect(home.store)) as database:
        database.execute("UPDATE meta SET value = '999' WHERE key = 'schema_version'")
        database.commit()


def _torn(home: Home) -> None:
    _fill(home)
    whole = home.store.read_bytes()
    home.store.write_bytes(whole[:4096] + b"\xa5" * (len(whole) - 4096))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_garbage, ["hub.db", "backup"]),
        (_other_program, ["hub.db", "another program"]),
        (_newer, ["schema version 999", "upgrade"]),
        (_torn, ["hub.db", "backup"]),
    ],
)
def test_a_store_that_cannot_be_used_is_left_as_it_was(
    refused: Refused, home: Home, spoil: Callable[[Home], None], words: list[str]
) -> None:
    home.path.mkdir(parents=True)
    spoil(home)
    spoilt = home.store.read_bytes()
    refused(*words)
    assert home.store.read_bytes() == spoilt


def test_wrong_flags_are_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--home", "x", "--colour"])
    assert ended.value.code == 2
    assert "--colour" in capsys.readouterr().err


def test_a_real_process_says_the_same(started: Start, home: Home) -> None:
    home.path.mkdir(parents=True)
    home.config.write_text("[sever]\n")
    ended = started().ended()
    assert ended.code == 1
    assert_told(home, ended.err, "sever")


def test_what_nobody_foresaw_is_in_the_log_and_not_on_the_screen(started: Start, home: Home) -> None:
    # A module of this name on the path stands for a broken installation.
    folder = home.path.parent / "broken"
    folder.mkdir()
    (folder / "uvloop.py").write_text("raise RuntimeError('broken installation')")
    ended = started(PYTHONPATH=f"{folder}:{python_path()}").ended()
    assert ended.code == 1
    assert_told(home, ended.err, "broken installation", str(home.log))
    last = json.loads(home.log.read_text(encoding="utf-8").splitlines()[-1])
    assert "Traceback" in last["traceback"]


def test_a_signal_while_it_starts_is_a_stop(started: Start, home: Home) -> None:
    daemon = started()
    while not home.log.exists():
        assert daemon.process.poll() is None
    daemon.signal(signal.SIGTERM)
    # Before the daemon listens to signals the kernel ends the process; from then on it stops well.
    assert daemon.ended().code in (0, -signal.SIGTERM)
    assert started().ready().stop().code == 0
