"""Forks over real processes: a child thread's work runs on a worker, and its result closes the parent."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from .conftest import Machine, until

CHILD, LATER = "th_run_tests", "th_migrate_db"


@pytest.fixture
def fleet(machine: Machine) -> Machine:
    """Two workers that run bash one goal at a time."""
    machine.beat_every(1)
    for worker in ("worker-a", "worker-b"):
        home = machine.path / f".syncro-{worker}"
        home.mkdir(mode=0o700)
        (home / "config.toml").write_text("[dispatch]\nmax_concurrent = 1\n")
    machine.start("--adapter", "bash")
    return machine


def fork(machine: Machine, child: str, goal: str) -> str:
    return machine.spl("thread", "fork", "DEPLOY", "--child", child, "--goal", goal, "--target", "worker-a")


def told(machine: Machine) -> list[dict[str, Any]]:
    page = machine.json("thread", "records", "DEPLOY")["data"]
    return [one["body"] for one in page if one["body"].get("topic") == "fork_closed"]


def status(machine: Machine) -> str:
    return str(machine.json("task", "show", "DEPLOY")["status"])


def test_forks_run_on_a_worker_under_a_freeze_and_close_their_parent(fleet: Machine, tmp_path: Path) -> None:
    gate, stamp = tmp_path / "gate", tmp_path / "stamp"
    fleet.spl("task", "add", "Deploy v2", "--alias", "DEPLOY", "--namespace", "docs", "--join", "all")
    assert f"Forked {CHILD}" in fork(
        fleet, CHILD, f"touch {gate}.ran; until [ -e {gate} ]; do sleep 0.05; done; echo 458/458 pass"
    )
    fork(fleet, LATER, f"date +%s.%N > {stamp}")
    until(Path(f"{gate}.ran").exists)
    until(lambda: fleet.json("task", "show", LATER)["spawned"])

    fleet.spl("kill", "--namespace", "docs", "--level", "soft", "--reason", "hold on")
    code, _, err = fleet.run("thread", "fork", "DEPLOY", "--child", "th_late")
    assert (code, "soft freeze of 'docs'" in err) == (1, True)
    gate.touch()  # what runs goes on under a soft freeze; what waits does not begin
    worker = fleet.json("fleet", "list")["data"]
    assert {one["status"] for one in worker if one["alias"] == "worker-a"} == {"live"}
    lifted = time.time()
    fleet.spl("unkill", "--namespace", "docs")

    until(lambda: status(fleet) == "approved")
    assert float(stamp.read_text()) >= lifted - 0.001, "it was held until the freeze was lifted"
    assert {one["child_thread"]: one["result"] for one in told(fleet)} == {CHILD: "accept", LATER: "accept"}
    assert len(told(fleet)) == 2
    (first,) = [one for one in told(fleet) if one["child_thread"] == CHILD]
    assert first["summary"] == f"child {CHILD} completed with result accept: 458/458 pass"

    shown = fleet.spl("thread", "show", "DEPLOY")
    assert "Children: 2 (2 closed)" in shown
    assert f"[0] ✓ {CHILD}  approved, accept  458/458 pass" in shown
    tree = fleet.spl("task", "tree", "DEPLOY")
    assert CHILD in tree
    assert "worker-a" in tree
    why = fleet.spl("why", "DEPLOY")
    assert "joined: 2/2 accepted, all needs 2" in why
    assert f"child {CHILD} closed: accept" in why


def test_a_coordinator_killed_between_a_childs_close_and_the_word_to_its_parent(
    fleet: Machine, tmp_path: Path
) -> None:
    # A rule keeps the parent from being told, so that the kill comes in between for sure.
    for name, effect, priority, expression in (
        ("not-told", "deny", "1", 'record.topic == "fork_closed"'),
        ("all-else", "allow", "900", "true"),
    ):
        fleet.spl(
            "config", "add-permission-rule", name,
            "--priority", priority, "--effect", effect, "--expression", expression,
        )  # fmt: skip
    fleet.spl("config", "permissions-enable")
    fleet.spl("task", "add", "Deploy v2", "--alias", "DEPLOY", "--join", "all")
    fork(fleet, CHILD, "echo done")
    until(lambda: fleet.json("task", "show", CHILD)["status"] == "approved")
    held = until(lambda: fleet.json("task", "show", "DEPLOY")["children"][0]["held"])
    assert "not-told" in held
    assert (told(fleet), status(fleet)) == ([], "open")

    os.kill(fleet.pids()[".syncro"], signal.SIGKILL)
    fleet.start("--adapter", "bash")
    assert (told(fleet), status(fleet)) == ([], "open")
    fleet.spl("config", "remove-permission-rule", "not-told")
    until(lambda: status(fleet) == "approved")
    os.kill(fleet.pids()[".syncro"], signal.SIGKILL)
    fleet.start("--adapter", "bash")
    assert len(told(fleet)) == 1, "told once, whoever starts again"
