"""Goals and their daemons on a fleet of real processes: what outlives what, and what never may."""

from __future__ import annotations

import signal
import sqlite3
from contextlib import closing
from typing import Any

import psutil
import pytest

from tests.child_process import has_ended

from .conftest import Machine, until
from .test_kill import kill

WORKER = ".syncro-worker-a"


def give(machine: Machine, name: str, goal: str) -> None:
    """A task in the namespace `docs` whose one subtask runs on worker-a."""
    machine.spl("task", "add", "work", "--alias", name, "--namespace", "docs")
    machine.spl("task", "fan-out", name, "--subtask", f"goal={goal},target=worker-a")


def escaping(machine: Machine) -> str:
    """A goal that tries every way out at once. What it starts can be told from all else on the machine."""
    sleep = f"sleep 701.{machine.port}"
    return "; ".join(
        [
            f"timeout 600 {sleep} &:",
            f"setsid {sleep} &:",
            f"(setsid bash -c '{sleep} &' &)",
            f"nohup {sleep} >/dev/null 2>&1 &:",
            f"(trap '' INT TERM HUP; while :; do {sleep}; done) &:",
            f"set -m; {sleep} &:",
            f"touch {machine.path}/ready; {sleep}",
        ]
    ).replace("&:;", "&")


def sleepers(machine: Machine) -> list[int]:
    """What the escaping goal has left, wherever it is in the tree of processes."""
    found = []
    for one in psutil.process_iter():
        try:
            if one.status() != psutil.STATUS_ZOMBIE and f"701.{machine.port}" in " ".join(one.cmdline()):
                found.append(one.pid)
        except psutil.Error:
            continue
    return found


def result(machine: Machine, name: str) -> dict[str, Any]:
    """What its subtask came to, once that is known."""
    found: dict[str, Any] = until(
        lambda: (one := machine.json("task", "join-status", name)["subtasks"][0])["verdict"] and one
    )
    return found


def observed(machine: Machine, kind: str) -> int:
    """How many observations of this kind there are in worker-a's own log."""
    with closing(sqlite3.connect(f"file:{machine.path / WORKER / 'hub.db'}?mode=ro", uri=True)) as log:
        (count,) = log.execute(
            "SELECT count(*) FROM records WHERE json_extract(body, '$.kind') = ?",
            (f"syncropel.dispatch.{kind}.v1",),
        ).fetchone()
    return int(count)


def worker(machine: Machine, *words: str) -> str:
    """A command at worker-a's own home."""
    code, out, err = machine.run(*words, environ={"SYNCROPEL_HOME": str(machine.path / WORKER)})
    assert code == 0, err
    return out


def steps(machine: Machine) -> str:
    """A goal that notes its start and waits for a word."""
    return (
        f"echo start >> {machine.path}/starts; touch {machine.path}/ready;"
        f" until [ -e {machine.path}/go ]; do sleep 0.05; done; echo done"
    )


STOPS = {
    "task stop": ("task", "stop", "E-1", "--subtask", "0"),
    "hard freeze": ("kill", "--namespace", "docs", "--level", "hard", "--terminate", "--reason", "stop"),
}


@pytest.mark.parametrize("words", STOPS.values(), ids=STOPS)
def test_a_stop_ends_all_that_a_goal_started(machine: Machine, words: tuple[str, ...]) -> None:
    machine.start("--adapter", "bash")
    give(machine, "E-1", escaping(machine))
    until((machine.path / "ready").exists)
    until(lambda: len(sleepers(machine)) >= 7)
    machine.spl(*words)
    until(lambda: not sleepers(machine))
    if words[0] == "kill":
        machine.spl("unkill", "--namespace", "docs")
    assert result(machine, "E-1")["verdict"] == "terminated"


def test_a_stop_of_the_fleet_ends_all_that_a_goal_started(machine: Machine) -> None:
    machine.start("--adapter", "bash")
    give(machine, "E-1", escaping(machine))
    until((machine.path / "ready").exists)
    machine.spl("fleet", "stop", "--all")
    assert sleepers(machine) == []


def test_a_goal_that_kills_its_parent_does_not_take_its_worker_down(machine: Machine) -> None:
    machine.start("--adapter", "bash")
    pid = machine.pids()[WORKER]
    give(machine, "E-1", f"setsid sleep 701.{machine.port} & kill -9 $PPID; sleep 701.{machine.port}")
    told = result(machine, "E-1")
    assert (told["verdict"], told["attempt"]) == ("failed", 1)
    assert "not proven empty" in told["summary"]
    until(lambda: not sleepers(machine))
    assert psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    assert observed(machine, "session") == 1


def test_a_worker_that_was_killed_takes_its_run_back(machine: Machine) -> None:
    machine.start("--adapter", "bash")
    give(machine, "E-1", steps(machine))
    until((machine.path / "ready").exists)
    kill(machine, WORKER)
    machine.start("--adapter", "bash")
    until(lambda: observed(machine, "reattached") == 1)
    (machine.path / "go").touch()
    told = machine.joined("E-1")["subtasks"][0]
    assert (told["verdict"], told["attempt"], told["summary"]) == ("accept", 1, "done")
    assert (machine.path / "starts").read_text() == "start\n"
    assert observed(machine, "session") == 1
    until(lambda: [one for one in (machine.path / WORKER / "run").iterdir() if one.is_dir()] == [])


def test_a_run_ends_while_its_worker_is_down_and_its_result_is_not_lost(machine: Machine) -> None:
    machine.start("--adapter", "bash")
    give(machine, "E-1", steps(machine))
    until((machine.path / "ready").exists)
    kill(machine, WORKER)
    (machine.path / "go").touch()
    until(lambda: list((machine.path / WORKER / "run").glob("*/status.json")))
    machine.start("--adapter", "bash")
    assert machine.joined("E-1")["subtasks"][0]["summary"] == "done"
    assert (machine.path / "starts").read_text() == "start\n"


def test_a_worker_is_upgraded_under_its_work(machine: Machine) -> None:
    machine.start("--adapter", "bash")
    give(machine, "E-1", steps(machine))
    until((machine.path / "ready").exists)
    assert "running goals go on" in worker(machine, "stop", "--keep-work")
    machine.start("--adapter", "bash")
    until(lambda: observed(machine, "reattached") == 1)
    (machine.path / "go").touch()
    assert machine.joined("E-1")["subtasks"][0]["summary"] == "done"
    assert (machine.path / "starts").read_text() == "start\n"


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_run_without_its_worker_has_ended_before_another_gets_it(
    machine: Machine, how: signal.Signals
) -> None:
    """The coordinator takes work from an instance that it has not heard of for 12 intervals."""
    machine.beat_every(0.5)
    machine.start("--adapter", "bash")
    goal = f"echo $$ >> {machine.path}/pids; touch {machine.path}/ready; sleep 701.{machine.port}"
    machine.spl("task", "add", "work", "--alias", "E-1", "--namespace", "docs")
    machine.spl("task", "fan-out", "E-1", "--subtask", f"goal={goal},target=least-loaded-worker")
    until((machine.path / "ready").exists)
    first = machine.json("task", "join-status", "E-1")["subtasks"][0]["instance_alias"]
    worker = psutil.Process(machine.pids()[f".syncro-{first}"])
    worker.send_signal(how)
    pids = machine.path / "pids"
    until(lambda: len(pids.read_text().split()) == 2)
    one, _ = (int(word) for word in pids.read_text().split())
    assert has_ended(one)
    until(lambda: len(sleepers(machine)) == 1)  # it says its number just before it begins to sleep
    if how == signal.SIGSTOP:
        worker.resume()
        until(lambda: by_alias(machine, first)["status"] == "live")
        assert len(pids.read_text().split()) == 2
        assert len(sleepers(machine)) == 1


def test_work_of_a_worker_that_was_stopped_too_long_runs_again_there(machine: Machine) -> None:
    """Nobody else may have it, so it waits; what it came to under the signal that ended it is no result."""
    machine.beat_every(0.5)
    machine.start("--adapter", "bash")
    wait = f"until [ -e {machine.path}/go ]; do sleep 0.1; done"
    give(machine, "E-1", f"trap 'exit 0' TERM; echo $$ >> {machine.path}/pids; {wait}; echo done")
    pids = machine.path / "pids"
    until(pids.exists)
    worker = psutil.Process(machine.pids()[WORKER])
    worker.suspend()
    one = int(pids.read_text())
    until(lambda: has_ended(one))
    worker.resume()
    until(lambda: len(pids.read_text().split()) == 2)
    (machine.path / "go").touch()
    told = result(machine, "E-1")
    assert (told["verdict"], told["summary"]) == ("accept", "done")
    log = (machine.path / WORKER / "logs" / "spl.log").read_text(encoding="utf-8")
    assert "was ended while this daemon was stopped" in log


def by_alias(machine: Machine, alias: str) -> Any:
    return next(one for one in machine.json("fleet", "list", "--all")["data"] if one["alias"] == alias)


def test_a_freeze_ends_what_a_worker_took_back(machine: Machine) -> None:
    machine.start("--adapter", "bash")
    give(machine, "E-1", escaping(machine))
    until((machine.path / "ready").exists)
    kill(machine, WORKER)
    code, _, _ = machine.run(
        *("kill", "--namespace", "docs", "--level", "hard", "--terminate", "--reason", "x", "--wait", "0")
    )
    assert code == 1, "a worker that is down has confirmed nothing"
    assert sleepers(machine)
    machine.start("--adapter", "bash")
    until(lambda: not sleepers(machine))


def test_a_stop_of_the_fleet_ends_what_a_killed_worker_left(machine: Machine) -> None:
    machine.start("--adapter", "bash")
    give(machine, "E-1", escaping(machine))
    until((machine.path / "ready").exists)
    kill(machine, WORKER)
    assert sleepers(machine)
    assert "[worker-a] not running; ended 1 running goal that it had left" in machine.spl(
        "fleet", "stop", "--all"
    )
    assert sleepers(machine) == []


@pytest.mark.parametrize("which", [("--instance", "worker-a"), ("--all",), ("--workers",)])
def test_a_stop_ends_what_was_left_where_no_daemon_runs(machine: Machine, which: tuple[str, ...]) -> None:
    machine.start("--adapter", "bash")
    give(machine, "E-1", escaping(machine))
    until((machine.path / "ready").exists)
    for home in machine.pids():
        kill(machine, home)
    assert sleepers(machine)
    told = machine.spl("fleet", "stop", *which)
    assert "[worker-a] not running; ended 1 running goal that it had left" in told
    assert "nothing to stop" not in told
    assert sleepers(machine) == []
    assert machine.spl("fleet", "stop", *which).startswith("nothing to stop: ")


def test_stop_in_the_home_of_a_crashed_daemon_ends_what_it_left_and_says_so(machine: Machine) -> None:
    machine.start("--adapter", "bash")
    give(machine, "E-1", escaping(machine))
    until((machine.path / "ready").exists)
    kill(machine, WORKER)
    told = worker(machine, "stop")
    assert told.startswith("✓ not running; ended 1 running goal that the daemon had left")
    assert sleepers(machine) == []
    code, out, err = machine.run("stop", environ={"SYNCROPEL_HOME": str(machine.path / WORKER)})
    assert (code, out) == (1, "")
    assert err.startswith("error: not running at ")


def test_a_supervisor_that_is_told_to_end_ends_its_run(machine: Machine) -> None:
    """As a service manager does that ends everything of a unit at once."""
    machine.start("--adapter", "bash")
    give(machine, "E-1", escaping(machine))
    until((machine.path / "ready").exists)
    (supervisor,) = [
        one for one in psutil.Process(machine.pids()[WORKER]).children() if one.name() == "spl-supervisor"
    ]
    supervisor.send_signal(signal.SIGTERM)
    until(lambda: not sleepers(machine))
    assert result(machine, "E-1")["verdict"] == "failed"


def test_no_daemon_keeps_the_token_of_who_started_it(machine: Machine) -> None:
    """A goal of the same user can read with what a daemon was started."""
    words = ("fleet", "start", "--workers", "1", "--port", str(machine.port), "--worker-port", "0")
    code, _, err = machine.run_apart(
        *words, environ={"SPL_TOKEN": "spl_operators", "SPL_URL": "http://127.0.0.1:1"}
    )
    assert code == 0, err
    pids = machine.pids()
    assert len(pids) == 2
    for pid in pids.values():
        assert "spl_operators" not in psutil.Process(pid).environ().values()
