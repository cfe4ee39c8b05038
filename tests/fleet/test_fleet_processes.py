"""A local fleet from the command line and nothing else: where `forks` is None, each command is a process."""

from __future__ import annotations

import os
import re
import signal
import socket
from dataclasses import replace
from pathlib import Path

from tests.child_process import has_ended

from .conftest import Machine, until


def test_workers_come_back_as_who_they_were(machine: Machine) -> None:
    machine = replace(machine, forks=None)
    machine.start()
    before, token = machine.dids(), (machine.path / ".syncro/secrets/fleet.token").read_text()
    machine.spl("fleet", "stop", "--all")
    machine.start()
    assert machine.dids() == before
    assert (machine.path / ".syncro/secrets/fleet.token").read_text() == token


def test_what_runs_already_is_used(machine: Machine) -> None:
    machine = replace(machine, forks=None)
    machine.start()
    pids = machine.pids()
    again = machine.start()
    assert f"[coordinator] already running PID {pids['.syncro']} on :" in again
    assert f"[worker-a] already running PID {pids['.syncro-worker-a']} on :" in again
    assert machine.pids() == pids


def test_a_killed_worker_is_started_anew(machine: Machine) -> None:
    machine = replace(machine, forks=None)
    machine.start()
    killed = machine.pids()[".syncro-worker-a"]
    os.kill(killed, signal.SIGKILL)
    until(lambda: has_ended(killed))
    again = machine.start()
    assert "[worker-a] spawned PID" in again
    assert "[worker-b] already running" in again
    assert machine.pids()[".syncro-worker-a"] != killed


def test_real_work_in_the_folder_where_it_was_started(machine: Machine, tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "words.txt").write_text("one two three\n")
    started = machine.start("--adapter", "bash", "--share", cwd=project)
    assert "(home=~/.syncro-worker-a, adapter=bash)" in started
    machine.spl("task", "add", "Count", "--alias", "C")
    machine.spl(
        "task", "fan-out", "C",
        "--subtask", 'goal="wc -w words.txt, and more",target=worker-a',
        "--subtask", "goal=test -e retried || { touch retried; exit 3; },target=worker-b",
        "--join", "any",
    )  # fmt: skip
    code, _, _ = machine.run("task", "retry", "C", "--subtask", "9")
    assert code != 0
    status = until(lambda: (seen := machine.json("task", "join-status", "C"))["completed"] == 2 and seen)
    states = [child["state"] for child in status["subtasks"]]
    assert states == ["failed", "failed"]
    machine.spl("task", "retry", "C", "--subtask", "1", "--hint", "it is there now")
    status = machine.joined("C")
    assert status["subtasks"][1]["attempt"] == 2
    assert "attempt 2" in machine.spl("task", "join-status", "C")


def test_a_taken_port_names_the_worker_and_the_port(machine: Machine) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        code, _, err = machine.run("fleet", "start", "--workers", "1", "--port", "0", "--worker-port", port)
        assert code == 1
        assert f"error: [worker-a] did not start on :{port}: cannot listen on 127.0.0.1:{port}" in err
        assert "--worker-port" in err
        machine.spl("fleet", "stop", "--all")
        code, _, err = machine.run("fleet", "start", "--workers", "1", "--port", port)
        assert code == 1
        assert f"error: [coordinator] did not start on :{port}" in err
    assert machine.pids() == {}


def test_ctrl_c_takes_back_what_was_started(machine: Machine) -> None:
    with machine.popen("fleet", "start", "--workers", "2", "--port", "0", "--worker-port", "0") as process:
        assert process.stdout is not None
        until(lambda: process.stdout and process.stdout.readline().startswith("[coordinator] spawned"))
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=90)
    assert (process.returncode, err) == (130, "")
    assert machine.pids() == {}


def test_one_instance_can_be_stopped_by_did(machine: Machine) -> None:
    machine.start()
    dids = machine.dids()
    out = machine.spl("fleet", "stop", "--instance", dids["worker-b"])
    assert re.fullmatch(r"\[worker-b\] stopped \(PID \d+\)\n", out)
    code, out, _ = machine.run("fleet", "ping", "worker-b")
    assert code == 1
    assert out.startswith(f"✗ {dids['worker-b']} not reachable")
    assert machine.spl("fleet", "ping", "worker-a").startswith(f"✓ {dids['worker-a']} reachable in ")
    assert "  left  " in machine.spl("fleet", "list", "--all")


def test_live_on_a_pipe_follows_the_fleet(machine: Machine) -> None:
    machine.start()
    with machine.popen("fleet", "status", "--live") as process:
        assert process.stdout is not None
        assert "3 live · 0 stale · 0 archived" in process.stdout.readline()
        machine.spl("fleet", "stop", "--instance", "worker-b")
        until(lambda: process.stdout and "2 live" in process.stdout.readline())
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=90)
    assert process.returncode == 130
