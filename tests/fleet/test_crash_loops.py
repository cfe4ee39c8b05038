"""A goal that kills its worker, on a fleet of real processes."""

from __future__ import annotations

from functools import partial
from typing import Any

import psutil

from syncropel.folds.fanout.starts import MAX_STARTS
from tests.child_process import has_ended

from .conftest import Machine, until
from .test_containment import WORKER, observed, sleepers

LIMIT_SECS = 90.0


def give(machine: Machine, goal: str) -> None:
    machine.spl("task", "add", "work", "--alias", "L-1")
    machine.spl("task", "fan-out", "L-1", "--subtask", f"goal={goal},target=worker-a")


def subtask(machine: Machine) -> Any:
    return machine.json("task", "join-status", "L-1")["subtasks"][0]


def is_down(machine: Machine) -> bool:
    pid = machine.pids().get(WORKER)
    return pid is None or has_ended(pid)


def come_back(machine: Machine) -> bool:
    """Start the worker again if it is down, as an init system would; gives whether there is a result."""
    if is_down(machine):
        ports = ["--port", str(machine.port), "--worker-port", "0"]
        machine.run("fleet", "start", "--workers", "2", *ports, "--adapter", "bash")
    return bool(subtask(machine)["verdict"])


def assert_three_are_shown(machine: Machine) -> None:
    told = subtask(machine)
    assert (told["verdict"], told["reason"], told["attempt"]) == ("failed", "crash_loop", 1)
    (attempt,) = machine.json("task", "diagnose", "L-1")["attempts"]
    assert [one["ended"] for one in attempt["starts"]] == ["instance_went_down"] * 3
    assert all(one["pid"] > 1 and one["at"] > 0 for one in attempt["starts"])
    shown = machine.spl("task", "diagnose", "L-1")
    assert "failure_reason: crash_loop" in shown
    assert sum(line.endswith("instance went down") for line in shown.splitlines()) == 3


def test_one_that_kills_all_it_can_see_is_started_three_times(machine: Machine) -> None:
    """Its daemon, and the supervisor too, so that the run cannot be taken back."""
    machine.start("--adapter", "bash")
    goal = f"echo start >> {machine.path}/starts; kill -9 $(cat {machine.path}/{WORKER}/run/spl.pid) $PPID"
    give(machine, f"{goal}; sleep 701.{machine.port}")
    until(lambda: come_back(machine), LIMIT_SECS)
    assert_three_are_shown(machine)
    assert (machine.path / "starts").read_text(encoding="utf-8").count("start") == 3
    assert observed(machine, "session") == 3
    until(lambda: not sleepers(machine))
    assert not is_down(machine)


def reattached(machine: Machine, times: int) -> bool:
    return observed(machine, "reattached") == times


def test_work_outlives_more_crashes_of_its_worker_than_it_may_have_starts(machine: Machine) -> None:
    machine.start("--adapter", "bash")
    path = machine.path
    give(machine, f"echo start >> {path}/starts; until [ -e {path}/enough ]; do sleep 0.05; done; echo done")
    for crashes in range(MAX_STARTS + 1):
        until(lambda: observed(machine, "session") == 1, LIMIT_SECS)
        until(partial(reattached, machine, crashes), LIMIT_SECS)
        psutil.Process(machine.pids()[WORKER]).kill()
        until(lambda: is_down(machine), LIMIT_SECS)
        assert not come_back(machine)
    (path / "enough").touch()
    until(lambda: come_back(machine), LIMIT_SECS)
    told = subtask(machine)
    assert (told["verdict"], told["summary"]) == ("accept", "done")
    assert (path / "starts").read_text(encoding="utf-8") == "start\n"
