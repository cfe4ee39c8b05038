"""What a daemon tells systemd, heard on a socket as systemd listens on; and the unit's own command, run."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from syncropel.daemon.notifying import Notifier, take_notifier
from syncropel.engine.start_up import StartUp
from syncropel.launcher.service.definition import Service, systemd_unit
from syncropel.settings.home import Home

from .conftest import LIMIT_SECS, Daemon, Start, python_path, until
from .test_goals import CONFIG, run_goal


class Systemd:
    """The socket on which systemd hears its services."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(path if not path.startswith("@") else "\0" + path[1:])
        self._socket.settimeout(LIMIT_SECS)
        self.heard: list[str] = []

    def hear(self, field: str) -> str:
        """Wait for a message with this field; gives the whole message."""
        while True:
            told = self._socket.recv(4096).decode()
            self.heard.append(told)
            if field in told.splitlines() or (field.endswith("=") and field in told):
                return told

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def systemd(home: Home) -> Iterator[Systemd]:
    with closing(Systemd(str(home.path.parent / "notify"))) as one:
        yield one


def test_a_daemon_is_ready_when_it_answers_alive_while_its_loop_turns_and_says_that_it_stops(
    started: Start, systemd: Systemd
) -> None:
    daemon = started(NOTIFY_SOCKET=systemd.path, WATCHDOG_USEC="300000")
    systemd.hear("READY=1")
    with daemon.operator() as client:  # without waiting: it is ready
        assert client.get("/health").status_code == 200
    for _ in range(3):
        systemd.hear("WATCHDOG=1")
    assert not any("STOPPING" in one for one in systemd.heard)
    daemon.signal()
    assert "EXTEND_TIMEOUT_USEC=" in systemd.hear("STOPPING=1")
    assert daemon.ended().code == 0


def test_without_a_watchdog_it_says_only_what_has_to_be_said(started: Start, systemd: Systemd) -> None:
    daemon = started(NOTIFY_SOCKET=systemd.path)
    systemd.hear("READY=1")
    daemon.signal()
    systemd.hear("STOPPING=1")
    assert daemon.ended().code == 0
    assert not any("WATCHDOG" in one for one in systemd.heard)


def test_a_goal_can_not_speak_for_the_daemon(started: Start, home: Home, systemd: Systemd) -> None:
    home.path.mkdir()
    home.config.write_text(CONFIG)
    daemon = started(NOTIFY_SOCKET=systemd.path, WATCHDOG_USEC="60000000").ready()
    found = run_goal(daemon, "env", "T")
    assert "SPL_ATTEMPT" in found
    assert "NOTIFY_SOCKET" not in found
    assert "WATCHDOG" not in found
    assert daemon.stop().code == 0


def test_a_socket_that_is_gone_is_logged_once_and_hinders_nothing(started: Start, home: Home) -> None:
    daemon = started(NOTIFY_SOCKET=str(home.path.parent / "none"), WATCHDOG_USEC="30000").ready()
    until(lambda: daemon.logged("cannot notify systemd"))
    assert daemon.stop().code == 0
    assert sum("cannot notify systemd" in line["message"] for line in daemon.log()) == 1


@contextmanager
def unit(home: Home, systemd: Systemd) -> Iterator[subprocess.Popen[bytes]]:
    """The command of the unit, in the environment that the unit gives it."""
    text = systemd_unit(Service("spl", sys.executable, home.path, os.environ["PATH"]))
    (command,) = re.findall(r"^ExecStart=(.*)$", text, re.MULTILINE)
    given = dict(one.split("=", 1) for one in re.findall(r"^Environment=(.*)$", text, re.MULTILINE))
    environ = {**given, "HOME": str(home.path.parent), "NOTIFY_SOCKET": systemd.path}
    words = [word for word in shlex.split(command) if word != "-P"]
    with (home.path.parent / "journal").open("ab") as journal:
        process = subprocess.Popen(words, env={**environ, "PYTHONPATH": python_path()}, stderr=journal)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(LIMIT_SECS)


def test_the_stop_of_the_unit_leaves_a_running_goal_to_the_next_start(home: Home, systemd: Systemd) -> None:
    home.path.mkdir()
    home.config.write_text(CONFIG)
    stop = re.search(r"^KillSignal=(\w+)$", systemd_unit(Service("spl", "python", home.path)), re.MULTILINE)
    assert stop is not None
    go_on = home.path.parent / "go-on"
    with unit(home, systemd) as first:
        systemd.hear("READY=1")
        daemon = Daemon.__new__(Daemon)
        daemon.home, daemon.process = home, first
        with daemon.operator() as client:
            assert client.post("/v1/tasks", json={"goal": "a task", "alias": "T"}).status_code == 201
            did = client.get("/v1/engine/health").json()["did"]
            script = f"echo begun; until test -e {shlex.quote(str(go_on))}; do sleep 0.05; done; echo whole"
            subtask = {"goal": script, "target": f"specific:{did}", "adapter": "bash"}
            assert client.post("/v1/tasks/T/fan-out", json={"subtasks": [subtask]}).status_code == 201
            until(lambda: client.get("/v1/engine/health").json()["dispatch_running"] == 1)
            path = "/v1/tasks/T/subtasks/0/output"
            until(lambda: "begun" in client.get(path).text)
        first.send_signal(getattr(signal, stop[1]))
        systemd.hear("STOPPING=1")
        assert first.wait(LIMIT_SECS) == 0
    with unit(home, systemd) as second:
        systemd.hear("READY=1")
        daemon.process = second
        go_on.touch()
        with daemon.operator() as client:
            until(lambda: client.get("/v1/tasks/T/join").json()["complete"])
            (child,) = client.get("/v1/tasks/T/join").json()["subtasks"]
            assert (child["attempt"], child["state"]) == (1, "accept")
            assert client.get(path).text.count("begun") == 1
        second.send_signal(signal.SIGTERM)
        assert second.wait(LIMIT_SECS) == 0
    assert b"listens on" in (home.path.parent / "journal").read_bytes()


# The notifier alone


def test_what_names_the_socket_is_taken_from_the_environment() -> None:
    environ = {"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "2000000", "WATCHDOG_PID": "7", "PATH": "/bin"}
    assert take_notifier(environ, 7).watchdog_secs == 2
    assert environ == {"PATH": "/bin"}


@pytest.mark.parametrize(
    "named",
    [{"WATCHDOG_PID": "8"}, {"WATCHDOG_USEC": "soon"}, {"WATCHDOG_USEC": "-1"}, {"NOTIFY_SOCKET": "x"}, {}],
)
def test_a_watchdog_that_is_not_for_this_process_is_none(named: dict[str, str]) -> None:
    whole = {"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "2000000", "WATCHDOG_PID": "7"}
    assert take_notifier({**whole, **named} if named else {}, 7).watchdog_secs == 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has abstract sockets")
def test_an_abstract_socket_is_spoken_to() -> None:
    with closing(Systemd(f"@spl-test-{os.getpid()}-{time.monotonic_ns()}")) as systemd:
        Notifier(systemd.path).tell("READY=1", "STATUS=x")
        assert systemd.hear("READY=1") == "READY=1\nSTATUS=x"


async def test_a_long_start_asks_for_more_time_while_it_goes_on(tmp_path: Path) -> None:
    start_up = StartUp()
    start_up.begin(2000)
    start_up.seen(1000)
    folder = tmp_path if len(str(tmp_path)) < 80 else Path("/tmp")
    with closing(Systemd(str(folder / f"n{os.getpid()}"))) as systemd:
        telling = asyncio.create_task(Notifier(systemd.path).starting(start_up))
        told = await asyncio.to_thread(systemd.hear, "EXTEND_TIMEOUT_USEC=60000000")
        assert "STATUS=reading the log: 1,000 of 2,000 records" in told
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)
    Path(systemd.path).unlink()
