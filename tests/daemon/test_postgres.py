"""A real daemon with its log in a real PostgreSQL: it starts, is replaced, loses its database, goes on."""

from __future__ import annotations

import os
import signal
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from syncropel.settings.home import Home
from syncropel.store.postgres.address import read_address
from syncropel.store.postgres.store import PostgresStore
from tests.daemon.conftest import Daemon, Start, until
from tests.postgres_server import Server, own_server, postgres_server, postgres_url

__all__ = ["own_server", "postgres_server", "postgres_url"]

PASSWORD = "s3cret-and-never-shown"


@pytest.fixture(autouse=True)
def settings(home: Home, request: pytest.FixtureRequest) -> None:
    """The home's settings name the server that the test uses."""
    if "own_server" in request.fixturenames:
        configure(home, request.getfixturevalue("own_server").url())
    elif "postgres_url" in request.fixturenames:
        configure(home, request.getfixturevalue("postgres_url"))


def configure(home: Home, url: str, more: str = "") -> None:
    home.path.mkdir(mode=0o700, parents=True, exist_ok=True)
    home.config.write_text(f'[store]\nurl = "{url}"\n{more}', encoding="utf-8")


def records(daemon: Daemon) -> list[str]:
    with daemon.operator() as client:
        return [one["id"] for one in client.get("/v1/records", params={"thread": "t"}).json()["data"]]


def test_the_log_is_where_the_settings_say(start: Start, home: Home, postgres_url: str) -> None:
    first = start().ready()
    ids = first.post(3)
    with first.operator() as client:
        health = client.get("/health").json()
        assert (health["store"], health["store_state"]) == (postgres_url, "sound")
        assert client.get("/v1/engine/health").json()["store_bytes"] > 0
        refused = client.post("/v1/backups", json={})
        assert refused.status_code == 409
        assert "pg_dump" in refused.json()["hint"]
    home.socket.unlink()
    until(home.socket.exists)  # what a goal can remove is restored, though there is no file of the log
    assert first.stop().code == 0
    assert not home.store.exists()
    second = start().ready()
    assert records(second) == ids
    with second.operator() as client:
        assert client.get("/v1/store").json()["views_through"] >= 3
    assert second.stop().code == 0


def test_who_was_killed_is_replaced_and_nothing_is_lost(start: Start, postgres_url: str) -> None:
    first = start().ready()
    ids = first.post(5)
    first.signal(signal.SIGKILL)
    first.process.wait()
    second = start().ready()
    assert records(second) == ids


@pytest.fixture
def other(tmp_path: Path) -> Home:
    return Home(tmp_path / "other")


def test_a_second_daemon_is_refused_by_name(start: Start, home: Home, other: Home, postgres_url: str) -> None:
    first = start().ready()
    configure(other, postgres_url)
    second = Daemon(other)
    ended = second.ended()
    assert ended.code == 1
    assert f"another daemon has the log at {postgres_url} open: did:sync:instance:" in ended.err
    assert f"PID {first.process.pid}" in ended.err
    first.post(1)


def test_a_database_that_goes_away_and_comes_back(start: Start, own_server: Server) -> None:
    daemon = start().ready()
    ids = daemon.post(2)
    own_server.stop()
    with daemon.operator() as client:
        body = {"thread": "t", "actor": "a", "act": "KNOW", "body": {}}
        refused = client.post("/v1/records", json=body)
        assert (refused.status_code, refused.json()["code"]) == (503, "STORE_UNREACHABLE")
        assert int(refused.headers["retry-after"]) > 0
        until(lambda: client.get("/health").json()["store_state"] == "unreachable")
        own_server.start()
        until(lambda: client.get("/health").json()["store_state"] == "sound")
    ids += daemon.post(2)
    assert records(daemon) == ids
    assert daemon.stop().code == 0


def test_a_database_that_is_killed_under_a_daemon_loses_no_answer(start: Start, own_server: Server) -> None:
    daemon = start().ready()
    ids: list[str] = []
    with daemon.operator() as client:
        for n in range(60):
            if n % 20 == 10:
                own_server.stop(signal.SIGKILL)
                own_server.start()
            body = {"thread": "t", "actor": "a", "act": "KNOW", "body": {"n": n}, "clock": n}
            ids.append(until(partial(_taken, client, body)))
    assert records(daemon) == ids
    daemon.signal(signal.SIGKILL)
    daemon.process.wait()
    assert records(start().ready()) == ids


def _taken(client: httpx.Client, body: dict[str, Any]) -> str:
    answer = client.post("/v1/records", json=body)
    assert answer.status_code in (200, 201, 503), answer.text
    return "" if answer.status_code == 503 else str(answer.json()["id"])


def refused(start: Start, **environ: str) -> str:
    ended = start(**environ).ended()
    assert ended.code == 1
    assert ended.err.startswith("error: ")
    assert "hint: " in ended.err
    assert "Traceback" not in ended.err
    return ended.err


def test_a_server_that_is_not_there_is_said_at_the_start(start: Start, own_server: Server) -> None:
    own_server.stop()
    told = refused(start)
    assert "cannot reach postgresql://" in told
    assert "[store] url" in told


@pytest.mark.parametrize("where", ["file", "environment"])
def test_the_password_is_used_and_shown_nowhere(
    start: Start, home: Home, own_server: Server, where: str
) -> None:
    own_server.execute(f"ALTER ROLE syncropel PASSWORD '{PASSWORD}'")
    rules = own_server.data / "pg_hba.conf"
    rules.write_text("host all all 127.0.0.1/32 scram-sha-256\n", encoding="utf-8")
    own_server.stop()
    own_server.start_without_looking()
    secret = home.path / "password"
    environ: dict[str, str] = {}
    if where == "file":
        configure(home, own_server.url(), f'password_file = "{secret}"\n')
        secret.write_text("wrong\n", encoding="utf-8")
        secret.chmod(0o600)
        told = refused(start)
        secret.write_text(f"{PASSWORD}\n", encoding="utf-8")
        secret.chmod(0o640)
        assert "may be read by others" in refused(start)
        secret.chmod(0o600)
    else:
        told = refused(start, SPL_STORE_PASSWORD="wrong")
        assert "it asks for a password" in refused(start)
        environ = {"SPL_STORE_PASSWORD": PASSWORD}
    assert "the password is wrong" in told
    daemon = start(**environ).ready()
    daemon.post(1)
    with daemon.operator() as client:
        paths = ("/health", "/v1/store", "/v1/engine/health?details=true", "/v1/logs", "/v1/fleet/status")
        answers = [client.get(path).text for path in paths]
    assert daemon.stop().code == 0
    for text in (*answers, home.log.read_text(), home.known_log.read_text()):
        assert PASSWORD not in text


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://syncropel@127.0.0.1:{port}/nowhere", "it has no such database"),
        ("postgresql://nobody@127.0.0.1:{port}/postgres", "it does not know the user"),
        ("postgresql://a:" + PASSWORD + "@127.0.0.1:{port}/postgres", "has a password in it"),
        ("mysql://127.0.0.1/postgres", "has the scheme 'mysql'"),
        ("postgresql://127.0.0.1:{port}/postgres?options=-c", "has the parameter 'options'"),
        ("postgresql://127.0.0.1:{port}", "names no database"),
    ],
)
def test_what_is_wrong_is_said_by_name(
    start: Start, home: Home, postgres_server: Server, url: str, words: str
) -> None:
    configure(home, url.format(port=postgres_server.port))
    told = refused(start)
    assert words in told
    assert PASSWORD not in told


def test_without_the_package_it_says_which(started: Start, home: Home, tmp_path: Path) -> None:
    configure(home, "postgresql://127.0.0.1/postgres")
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util as u\nfind = u.find_spec\n"
        "u.find_spec = lambda name, *more: None if name == 'psycopg' else find(name, *more)\n",
        encoding="utf-8",
    )
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[2])])
    told = refused(started, PYTHONPATH=path)
    assert "psycopg is not installed" in told
    assert "syncropel-console[postgres]" in told


def test_a_log_in_a_file_is_not_forgotten(start: Start, home: Home, postgres_url: str) -> None:
    home.config.write_text("", encoding="utf-8")
    first = start().ready()
    first.post(1)
    first.stop()
    configure(home, postgres_url)
    told = refused(start)
    assert f"is empty, and {home.store} has" in told
    assert "spl store copy" in told


def test_a_log_in_a_database_is_not_forgotten(start: Start, home: Home, postgres_url: str) -> None:
    start().ready().stop()
    home.config.write_text("", encoding="utf-8")
    told = refused(start)
    assert f"this home has its log at {postgres_url}, and [store] url is empty" in told


async def test_a_log_that_went_back_is_held_until_the_loss_is_accepted(
    start: Start, home: Home, postgres_url: str, postgres_server: Server
) -> None:
    first = start().ready()
    first.post(3)
    first.stop()
    store = await PostgresStore.open(read_address(postgres_url), clock=lambda: 0.0)
    last = store.last_sequence
    await store.close()
    postgres_server.execute(f"DELETE FROM syncropel.records WHERE sequence >= {last - 1}")
    postgres_server.execute(f"UPDATE syncropel.log_head SET last = {last - 2}")
    second = start().ready()
    with second.operator() as client:
        assert client.get("/health").json()["store_state"] == "held"
        body = {"thread": "t", "actor": "a", "act": "KNOW", "body": {}}
        assert client.post("/v1/records", json=body).json()["code"] == "STORE_HELD"
        assert client.post("/v1/store/accept-loss", json={}).status_code == 200
        until(lambda: client.post("/v1/records", json=body).status_code == 201)
    assert second.stop().code == 0
