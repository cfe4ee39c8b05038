"""A daemon from start to stop, killed and started again."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from syncropel import __version__
from syncropel.settings.home import Home
from tests.fork_server import ForkServer

from .conftest import Daemon, Start, until


def test_it_listens_on_both_sockets_and_says_so(started: Start, home: Home) -> None:
    daemon = started().ready()
    assert home.pid_file.read_text() == f"{daemon.process.pid}\n"
    assert stat.S_IMODE(home.socket.stat().st_mode) == 0o600
    assert stat.S_IMODE(home.socket.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(home.store.stat().st_mode) & 0o077 == 0
    with daemon.tcp() as client:
        assert client.get("/health").json()["version"] == __version__
        assert client.get("/v1/records").status_code == 401
    banner = [line["message"] for line in daemon.log() if "listens on" in line["message"]]
    assert banner == [f"spl {__version__} listens on {daemon.url} and {home.socket}"]
    ended = daemon.stop()
    assert (ended.code, ended.err) == (0, "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_stops_it_and_it_leaves_nothing_behind(started: Start, home: Home, number: int) -> None:
    daemon = started().ready()
    ids = daemon.post(20)
    daemon.signal(number)
    ended = daemon.ended()
    assert (ended.code, ended.err) == (0, "")
    assert not home.socket.exists()
    assert not home.pid_file.exists()
    wal = home.store.with_name("hub.db-wal")
    assert not wal.exists() or wal.stat().st_size == 0
    with closing(sqlite3.connect(f"file:{home.store}?mode=ro", uri=True)) as database:
        known = {row[0] for row in database.execute("SELECT id FROM records")}
    database.close()
    assert set(ids) <= known


def test_a_stop_answers_what_is_in_flight_and_tells_every_stream(start: Start) -> None:
    daemon = start().ready()
    body = json.dumps({"thread": "t", "actor": "a", "act": "KNOW"}).encode()
    with socket.socket(socket.AF_UNIX) as half, daemon.operator() as client:
        half.connect(str(daemon.home.socket))
        head = f"POST /v1/records HTTP/1.1\r\nhost: spl\r\ncontent-length: {len(body)}\r\n\r\n".encode()
        half.sendall(head + body[:10])
        with client.stream("GET", "/v1/records/watch?since=0") as stream:
            lines = stream.iter_lines()
            assert next(lines).startswith("id: ")
            daemon.signal()
            until(lambda: daemon.logged("stopping"))
            half.sendall(body[10:])
            answer = _read_all(half)
            rest = list(lines)
    # The daemon may have closed its log already; then it says so, in its own words.
    assert answer.startswith((b"HTTP/1.1 201", b"HTTP/1.1 503"))
    assert b'"object":"record"' in answer or b'"code":"UNAVAILABLE"' in answer
    assert "event: server_shutdown" in rest
    assert daemon.ended().code == 0


def test_a_stop_does_not_wait_for_a_query(start: Start) -> None:
    """The query would take much longer than a stop may; it is told why it has no answer."""
    daemon = start().ready()
    text = "x" * 400_000
    records = [
        {"thread": "t", "actor": "a", "act": "KNOW", "body": {"n": n, "text": text}} for n in range(30)
    ]
    slow = {"$or": [{"body.text": {"$ilike": f"%{'x' * 100}{n}"}} for n in range(90)]}
    body = json.dumps({"filter": slow, "within_secs": 30}).encode()
    head = f"POST /v1/records/query HTTP/1.1\r\nhost: spl\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    with socket.socket(socket.AF_UNIX) as asking, daemon.operator() as client:
        assert client.post("/v1/records/batch", json=records).json()["created"] == 30
        asking.connect(str(daemon.home.socket))
        asking.sendall(head + body[:10])
        assert client.get("/health").is_success  # by now it has that connection
        asking.sendall(body[10:])
        assert all(client.get("/health").is_success for _ in range(3))  # and the whole query
        daemon.signal()
        answer = _read_all(asking)
    assert answer.startswith(b"HTTP/1.1 503")
    assert b'"code":"UNAVAILABLE","message":"the daemon is stopping"' in answer
    assert daemon.ended().code == 0


def _read_all(connection: socket.socket) -> bytes:
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_what_was_acknowledged_is_there_after_a_restart(start: Start, number: int) -> None:
    daemon = start("--insecure-localhost").ready()
    url = daemon.url
    acknowledged: list[str] = []
    refused: list[int] = []

    def write(writer: int) -> None:
        with httpx.Client(base_url=url, trust_env=False) as client:
            for n in range(100_000):
                record = {"thread": "t", "actor": f"w{writer}", "act": "KNOW", "body": {"n": n}}
                try:
                    answer = client.post("/v1/records", json=record)
                except httpx.TransportError:
                    return
                if answer.status_code != 201:
                    refused.append(answer.status_code)
                    return
                acknowledged.append(answer.json()["id"])

    writers = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for writer in writers:
        writer.start()
    until(lambda: len(acknowledged) > 100)
    daemon.signal(number)
    for writer in writers:
        writer.join()
    assert daemon.ended().code == (0 if number == signal.SIGTERM else -number)
    assert set(refused) <= {503}
    again = start().ready()
    with again.operator() as client:
        known: set[str] = set()
        query: dict[str, int] = {"limit": 1000}
        while True:
            page = client.get("/v1/records", params=query).json()
            known |= {one["id"] for one in page["data"]}
            if page["next_cursor"] is None:
                break
            query["since"] = page["next_cursor"]
    assert set(acknowledged) <= known
    assert again.stop().code == 0


def test_a_killed_daemon_starts_again_as_who_it_was(started: Start, home: Home) -> None:
    daemon = started().ready()
    with daemon.operator() as client:
        did = client.get("/v1/engine/health").json()["did"]
        client.post("/v1/tasks", json={"goal": "g", "alias": "A"})
    daemon.signal(signal.SIGKILL)
    daemon.ended()
    assert home.socket.exists()
    assert home.pid_file.exists()
    again = started().ready()
    with again.operator() as client:
        assert client.get("/v1/engine/health").json()["did"] == did
        assert client.get("/v1/tasks/A").json()["goal"] == "g"
    assert again.stop().code == 0


@pytest.mark.parametrize("text", ["999999\n", "", "not a number", "-1", "0", "{own}"])
def test_a_stale_pid_file_is_replaced_even_when_it_names_a_living_process(
    start: Start, home: Home, text: str
) -> None:
    home.run.mkdir(parents=True)
    home.pid_file.write_text(text.format(own=os.getpid()))
    daemon = start().ready()
    assert home.pid_file.read_text() == f"{daemon.process.pid}\n"
    assert daemon.stop().code == 0


def test_a_living_process_that_only_looks_like_a_daemon_does_not_stand_in_the_way(
    start: Start, home: Home
) -> None:
    words = ["spl", "serve", "syncropel.daemon", "--home", str(home.path)]
    with subprocess.Popen([sys.executable, "-c", "input()", *words], stdin=subprocess.PIPE) as other:
        try:
            home.run.mkdir(parents=True)
            home.pid_file.write_text(str(other.pid))
            assert start().ready().stop().code == 0
        finally:
            other.kill()


@pytest.mark.parametrize("lost", [False, True], ids=["", "its PID file is lost"])
def test_a_second_daemon_is_refused_and_the_first_keeps_its_sockets(
    start: Start, home: Home, lost: bool
) -> None:
    first = start().ready()
    if lost:
        home.pid_file.unlink()
    ended = start().ended()
    assert ended.code == 1
    assert str(first.process.pid) in ended.err
    assert "stop" in ended.err
    assert "Traceback" not in ended.err
    first.ready()
    assert lost or home.pid_file.read_text() == f"{first.process.pid}\n"
    assert first.stop().code == 0


@pytest.mark.parametrize("way", ["folder", "file", "another"])
def test_a_door_that_somebody_removed_is_there_again(start: Start, home: Home, way: str) -> None:
    """A goal can remove it: the operator would find no daemon, and could stop nothing."""
    daemon = start().ready()
    with socket.socket(socket.AF_UNIX) as impostor:
        if way == "folder":
            shutil.rmtree(home.run)
        else:
            home.socket.unlink()
        if way == "another":
            impostor.bind(str(home.socket))
        daemon.ready()
        until(home.pid_file.exists)
    assert home.pid_file.read_text() == f"{daemon.process.pid}\n"
    assert stat.S_IMODE(home.socket.stat().st_mode) == 0o600
    assert stat.S_IMODE(home.run.stat().st_mode) == 0o700
    with daemon.operator() as client:
        answer = client.post("/v1/fleet/freeze", json={"namespace": "docs", "reason": "leak"})
        assert answer.status_code == 201, answer.text
    assert daemon.stop().code == 0
    assert not home.socket.exists()


def test_an_old_socket_folder_is_made_private_again(start: Start, home: Home) -> None:
    home.run.mkdir(parents=True, mode=0o755)
    home.run.chmod(0o755)
    daemon = start().ready()
    assert stat.S_IMODE(home.run.stat().st_mode) == 0o700
    assert daemon.stop().code == 0


def test_a_long_home_path_gets_a_short_private_socket(home: Home, fork_server: ForkServer | None) -> None:
    long = Home(home.path.with_name("x" * 100))
    daemon = Daemon(long, forks=fork_server)
    try:
        daemon.ready()
        assert len(str(long.socket)) < 100
        assert stat.S_IMODE(long.socket.parent.stat().st_mode) == 0o700
        assert stat.S_IMODE(long.socket.stat().st_mode) == 0o600
        assert daemon.stop().code == 0
        assert not long.socket.parent.exists()
    finally:
        daemon.process.kill()
        daemon.process.wait()


def test_the_bootstrap_secret_makes_one_admin_and_is_kept_nowhere(start: Start, home: Home) -> None:
    secret = "correct_horse-battery"
    daemon = start(SPL_BOOTSTRAP_TOKEN=secret).ready()
    headers = {"authorization": f"Bearer spl_prod_sa-bootstrap-env_{secret}"}
    with daemon.tcp() as client:
        accounts = client.get("/v1/service-accounts", headers=headers).json()["data"]
        assert [(one["sa_id"], one["scopes"]) for one in accounts] == [("sa-bootstrap-env", ["admin"])]
    assert daemon.stop().code == 0
    again = start("--echo", SPL_BOOTSTRAP_TOKEN="another-secret-of-length").ready()
    with again.tcp() as client:
        assert client.get("/v1/records", headers=headers).status_code == 200
        other = {"authorization": "Bearer spl_prod_sa-bootstrap-env_another-secret-of-length"}
        assert client.get("/v1/records", headers=other).status_code == 401
    assert again.stop().code == 0
    for path in home.path.parent.rglob("*"):
        if path.is_file():
            assert secret.encode() not in path.read_bytes(), path


@pytest.mark.parametrize("secret", ["short", "x" * 257, "with white space in it", "with-é-in-the-middle"])
def test_a_malformed_bootstrap_secret_is_warned_of_and_locks_nobody_out(start: Start, secret: str) -> None:
    daemon = start(SPL_BOOTSTRAP_TOKEN=secret).ready()
    with daemon.operator() as client:
        assert client.get("/v1/service-accounts").json()["data"] == []
    (warned,) = [line for line in daemon.log() if "SPL_BOOTSTRAP_TOKEN" in line["message"]]
    assert warned["level"] == "WARN"
    assert secret not in warned["message"]
    assert daemon.stop().code == 0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc shows environments on Linux")
@pytest.mark.parametrize("flags", [(), ("--foreground",)])
def test_what_a_daemon_was_started_with_shows_no_secret(started: Start, flags: tuple[str, ...]) -> None:
    """A goal of the same user can read it at any time, and the secret opens every door."""
    secrets = {"SPL_BOOTSTRAP_TOKEN": "correct-horse-battery", "SPL_TOKEN": "spl_prod_sa-ops_staple"}
    daemon = started(*flags, **secrets).ready()
    shown = Path(f"/proc/{daemon.process.pid}/environ").read_bytes()
    assert b"PYTHONPATH=" in shown
    for secret in secrets.values():
        assert secret.encode() not in shown
    with daemon.operator() as client:
        accounts = client.get("/v1/service-accounts").json()["data"]
    assert [one["sa_id"] for one in accounts] == ["sa-bootstrap-env"]
    assert daemon.stop().code == 0


def test_a_goal_does_not_see_the_bootstrap_secret(start: Start, home: Home, tmp_path: Path) -> None:
    home.path.mkdir(parents=True)
    home.config.write_text('[adapters]\nbash = true\n[dispatch]\nadapter = "bash"\n')
    daemon = start(SPL_BOOTSTRAP_TOKEN="correct-horse-battery").ready()
    with daemon.operator() as client:
        did = client.get("/v1/engine/health").json()["did"]
        client.post("/v1/tasks", json={"goal": "g", "alias": "A"})
        out = tmp_path / "environ"
        subtask = {"goal": f"env > {out}.new && mv {out}.new {out}", "target": f"specific:{did}"}
        client.post("/v1/tasks/A/fan-out", json={"subtasks": [subtask]})
    until(out.exists)
    assert "correct-horse-battery" not in out.read_text()
    assert daemon.stop().code == 0


def test_without_auth_tcp_needs_no_token_and_the_log_warns(start: Start) -> None:
    daemon = start("--insecure-localhost").ready()
    with daemon.tcp() as client:
        assert client.get("/v1/records").status_code == 200
    assert any(line["level"] == "WARN" and "auth is off" in line["message"] for line in daemon.log())
    assert daemon.stop().code == 0
