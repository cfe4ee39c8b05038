"""`spl serve`, `stop` and `status`, each a process, on a daemon that they start."""

from __future__ import annotations

import os
import re
import signal
import socket
from dataclasses import replace

import pytest

from tests.child_process import has_ended

from .conftest import Machine, until


@pytest.fixture
def machine(machine: Machine) -> Machine:
    return replace(machine, forks=None)


def test_a_daemon_from_start_to_stop(machine: Machine) -> None:
    started = machine.spl("serve", "--port", "0")
    assert re.match(r"✓ started, PID \d+, http://127\.0\.0\.1:\d+ \(home=~/\.syncro\)\n", started)
    pid = machine.pids()[".syncro"]
    assert machine.spl("serve").startswith(f"already running, PID {pid}, http://127.0.0.1:")
    status = machine.spl("status")
    assert status.startswith("✓ ok\n")
    assert f"PID: {pid}\n" in status
    assert machine.spl("stop") == f"✓ stopped (PID {pid})\n"
    code, out, err = machine.run("stop")
    assert (code, out) == (1, "")
    assert err.startswith("error: not running at ~/.syncro\n")
    assert not list((machine.path / ".syncro/run").iterdir())


def test_a_daemon_without_its_pid_file_can_still_be_stopped(machine: Machine) -> None:
    machine.spl("serve", "--port", "0")
    pid = machine.pids()[".syncro"]
    (machine.path / ".syncro/run/spl.pid").unlink()
    assert machine.spl("serve", "--stop") == f"✓ stopped (PID {pid})\n"


def test_a_stale_pid_file_is_said_and_replaced(machine: Machine) -> None:
    machine.spl("serve", "--port", "0")
    killed = machine.pids()[".syncro"]
    os.kill(killed, signal.SIGKILL)
    until(lambda: has_ended(killed))
    code, _, err = machine.run("status")
    assert code == 1
    assert "start it: spl serve" in err
    code, out, err = machine.run("serve", "--port", "0")
    assert (code, out.startswith("✓ started")) == (0, True)
    assert f"removed a stale PID file: PID {killed}" in err


def test_a_daemon_that_cannot_start_says_why(machine: Machine) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, out, err = machine.run("serve", "--port", str(port))
    assert (code, out) == (1, "")
    assert err.startswith(f"error: cannot listen on 127.0.0.1:{port}")
    assert "Traceback" not in err
    machine.spl("init")
    (machine.path / ".syncro/hub.db").write_bytes(b"not a database at all" * 100)
    code, out, err = machine.run("serve", "--port", "0")
    assert (code, out) == (1, "")
    assert err.startswith("error: ")
    assert "Traceback" not in err


def test_the_foreground_daemon_ends_with_ctrl_c(machine: Machine) -> None:
    with machine.popen("serve", "--foreground", "--port", "0") as process:
        until(lambda: machine.run("status")[0] == 0)
        assert machine.run("serve")[1].startswith(f"already running, PID {process.pid}")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=90)
    assert process.returncode == 0
    assert machine.pids() == {}


def test_tcp_needs_a_token_and_takes_a_saved_one(machine: Machine) -> None:
    machine.start()
    url = machine.json("fleet", "status")["coordinator_url"]
    code, _, err = machine.run("fleet", "list", "--url", url)
    assert code == 1
    assert "spl token save" in err
    machine.spl("token", "save", (machine.path / ".syncro/secrets/fleet.token").read_text().strip())
    assert machine.spl("fleet", "list", "--url", url).endswith("3 live · 0 stale · 0 archived\n")
