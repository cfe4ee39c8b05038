"""The kill switch on a fleet of real processes."""

from __future__ import annotations

import contextlib
import re
import signal

import psutil
import pytest

from tests.child_process import has_ended
from tests.fleet.conftest import Machine, machine, until

__all__ = ["machine"]

SECTION = "docs/v0.11"
STOPS = [("--namespace", "default", "--level", "hard", "--grace", "0"), ("--emergency",)]


def fan_out(machine: Machine, name: str, *goals: str, namespace: str = SECTION) -> None:
    """A fan-out whose goals run on worker-a and worker-b in turn, and a last one that needs them all."""
    machine.spl("task", "add", "practice", "--alias", name, "--namespace", namespace)
    words = []
    for number, goal in enumerate(goals):
        words += ["--subtask", f"goal={goal},target=worker-{'ab'[number % 2]}"]
    every = "+".join(str(number) for number in range(len(goals)))
    words += ["--subtask", f"goal=echo both,target=least-loaded-worker,depends={every}"]
    machine.spl("task", "fan-out", name, *words)
    until(lambda: machine.json("task", "join-status", name)["spawned"] == len(goals))


def until_told(machine: Machine) -> str:
    """A goal that runs until the test says so, however slow the machine is."""
    return f"until [ -e {machine.path / 'told'} ]; do sleep 0.1; done"


def tell(machine: Machine) -> None:
    (machine.path / "told").touch()


def test_the_tutorial(machine: Machine) -> None:
    machine.start("--adapter", "bash")
    fan_out(machine, "TUT-001", *[until_told(machine)] * 2)
    told = machine.spl("kill", "--namespace", SECTION, "--dry-run")
    assert "2 in flight on worker-a, worker-b · 1 pending" in told
    assert "3 instances will have to confirm" in told
    assert machine.json("fleet", "status")["freezes"] == []
    frozen = machine.spl("kill", "--namespace", SECTION, "--reason", "wrong approach on section A")
    assert frozen.startswith("✓ soft freeze of 'docs/v0.11' recorded\n")
    assert "confirmed by 3 of 3 instances" in frozen
    status = machine.spl("fleet", "status")
    assert "  Active freezes:\n    [soft] docs/v0.11 — wrong approach on section A\n" in status
    assert status.endswith("  Emergency stop: inactive\n")
    code, _, err = machine.run("task", "add", "more", "--namespace", f"{SECTION}/intro")
    assert code == 1
    assert "soft freeze of 'docs/v0.11': INTEND is refused (wrong approach on section A)" in err
    assert "spl unkill --namespace docs/v0.11" in err
    waiting = machine.json("task", "join-status", "TUT-001")["subtasks"][2]
    assert waiting["why"] == "held by the freeze of 'docs/v0.11': wrong approach on section A"
    tell(machine)
    assert machine.spl("unkill", "--namespace", SECTION) == "✓ unfreeze of 'docs/v0.11' recorded\n"
    joined = machine.joined("TUT-001")
    assert [child["state"] for child in joined["subtasks"]] == ["accept"] * 3


def test_a_hard_freeze_ends_what_runs(machine: Machine) -> None:
    machine.start("--adapter", "bash")
    fan_out(machine, "HARD-1", "sleep 60", "sleep 60")
    # What a freeze holds at its gate has not begun: it runs after the lift instead of being ended.
    until(lambda: len(sleepers(machine)) == 2)
    machine.spl("kill", "--namespace", SECTION, "--level", "hard", "--grace", "0", "--reason", "stop")
    until(lambda: not sleepers(machine))
    code, _, err = machine.run("task", "comment", "HARD-1", "--text", "may I?")
    assert code == 1
    assert "hard freeze" in err
    machine.spl("unkill", "--namespace", SECTION)
    until(lambda: machine.json("task", "join-status", "HARD-1")["completed"] == 2)
    status = machine.json("task", "join-status", "HARD-1")
    assert [child["verdict"] for child in status["subtasks"][:2]] == ["terminated", "terminated"]
    assert "ended by the hard freeze of 'docs/v0.11': stop" in status["subtasks"][0]["summary"]


def _is_escape(process: psutil.Process, machine: Machine) -> bool:
    """Whether this is left of a goal of the drill, by the home that its environment names."""
    try:
        return "sleep 701" in " ".join(process.cmdline()) and process.environ()["HOME"] == str(machine.path)
    except (psutil.Error, KeyError):
        return False


def sleepers(machine: Machine) -> list[int]:
    """Scripts that workers of this machine run."""
    found = []
    for pid in machine.pids().values():
        for one in psutil.Process(pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                if "sleep" in one.name():
                    found.append(one.pid)
    return found


def test_a_worker_that_was_cut_off_takes_the_freeze_before_work(machine: Machine) -> None:
    machine.start("--adapter", "bash")
    fan_out(machine, "CUT-1", *[until_told(machine)] * 2)
    worker = psutil.Process(machine.pids()[".syncro-worker-b"])
    worker.send_signal(signal.SIGSTOP)
    try:
        code, out, err = machine.run("kill", "--namespace", SECTION, "--reason", "cut", "--wait", "5")
        assert code == 1
        assert "confirmed by 2 of 3 instances · waiting for worker-b" in out
        assert "not confirmed within 5s by: worker-b" in err
    finally:
        worker.send_signal(signal.SIGCONT)
    until(lambda: not machine.json("fleet", "status")["freezes"][0]["waiting"])
    tell(machine)
    machine.spl("unkill", "--namespace", SECTION)
    machine.joined("CUT-1")


def test_a_coordinator_killed_after_the_freeze_still_reaches_all(machine: Machine) -> None:
    machine.start()
    machine.run("kill", "--namespace", SECTION, "--reason", "then it died", "--wait", "0")
    coordinator = psutil.Process(machine.pids()[".syncro"])
    coordinator.kill()
    until(lambda: has_ended(coordinator.pid))
    machine.start()
    until(lambda: len(machine.json("fleet", "status")["freezes"][0]["confirmed"]) == 3)


@pytest.mark.parametrize("words", STOPS)
def test_a_stop_never_needs_what_it_stops(machine: Machine, words: tuple[str, ...]) -> None:
    machine.start()
    machine.spl("kill", *words, "--reason", "everything")
    code, _, err = machine.run("task", "add", "x")
    assert code == 1
    assert "is refused" in err
    assert machine.run("kill", *words, "--reason", "again")[0] == 1
    machine.spl("unkill", *words[:2] if words[0] == "--namespace" else words)
    assert machine.run("unkill", *words[:2] if words[0] == "--namespace" else words)[0] == 1
    machine.spl("task", "add", "x")


def test_a_drill_passes_beside_other_work_and_is_remembered(machine: Machine) -> None:
    machine.start("--adapter", "bash")
    fan_out(machine, "REAL-1", "sleep 600", "sleep 600", namespace="real")
    out = machine.spl("drill", "kill")
    assert re.search(r"frozen: 3 instances confirmed within \d+ ms", out)
    assert "45 writes refused, 0 leaked, 18 passed as they may" in out
    (drill,) = machine.json("drill", "history")["data"]
    assert drill["ok"] is True
    assert drill["leaked"] == 0
    assert "0 processes left of goals that tried to escape on worker-a, worker-b" in out
    assert (drill["escapes"], drill["left"]) == (2, 0)
    assert not [one for one in psutil.process_iter(["cmdline"]) if _is_escape(one, machine)]
    assert machine.run("fleet", "status", "--check")[0] == 0, "a drill leaves nothing that needs a look"


def test_a_drill_that_is_broken_off_leaves_no_freeze_no_goal_and_no_task(machine: Machine) -> None:
    machine.start("--adapter", "bash")
    with machine.popen("drill", "kill") as drill:
        until(lambda: [one for one in psutil.process_iter(["cmdline"]) if _is_escape(one, machine)])
        drill.send_signal(signal.SIGINT)
        _, err = drill.communicate(timeout=60)
    assert drill.returncode != 0
    assert "Traceback" not in err
    until(lambda: not [one for one in psutil.process_iter(["cmdline"]) if _is_escape(one, machine)])
    assert machine.json("fleet", "status")["freezes"] == []
    until(lambda: machine.run("fleet", "status", "--check")[0] == 0)
