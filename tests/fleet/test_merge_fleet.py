"""Eight branches of a real repository, merged by a real fleet: two conflicts, a red gate, a crash."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.git_repository import git

from .conftest import Machine, until

CHECK = """\
if [ -e TREES/hold ]; then echo $$ > TREES/held; exec sleep 600; fi
if [ -e f0 ] && [ -e f7 ]; then echo f0 and f7 do not go together; exit 1; fi
"""
GOALS = (
    "touch f0", "touch f1", "echo two > a.txt", "echo three > a.txt",
    "touch f4", "echo five > b.txt", "echo six > b.txt", "touch f7",
)  # fmt: skip


@pytest.fixture
def project(machine: Machine) -> Path:
    """A repository that the worker of this machine knows, with a gate that is a script of its own."""
    folder = machine.path / "trees" / "project"
    folder.mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    for name, text in {
        "a.txt": "a\n",
        "b.txt": "b\n",
        "check.sh": CHECK.replace("TREES", str(folder.parent)),
    }.items():
        (folder / name).write_text(text)
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "Begin")
    home = machine.path / ".syncro"
    home.mkdir(mode=0o700)
    repos = f'[workspace.repos.app]\npath = "{folder}"\ngate = ["bash", "check.sh"]\n'
    (home / "config.toml").write_text(repos)
    return folder


def fleet(machine: Machine) -> None:
    ports = ("--port", str(machine.port), "--worker-port", "0")
    machine.spl("fleet", "start", "--workers", "1", "--adapter", "bash", *ports)


def merge(machine: Machine, *words: str) -> tuple[int, dict[str, Any]]:
    """A merge of T that is followed to its end, which may be any."""
    code, out, err = machine.run("task", "merge", "T", *words, "-o", "json")
    assert out, err
    return code, json.loads(out)


def test_eight_branches_are_merged_by_queue(machine: Machine, project: Path) -> None:
    begin = git(project, "rev-parse", "main")
    fleet(machine)
    machine.spl("task", "add", "Eight", "--alias", "T")
    subtasks = [f"goal={goal},target=worker-a,repo=app" for goal in GOALS]
    flags = [word for one in subtasks for word in ("--subtask", one)]
    machine.spl("task", "add", "First", "--alias", "F")
    machine.spl("task", "fan-out", "F", "--subtask", subtasks[0])
    told = until(lambda: machine.json("task", "join-status", "F")["subtasks"][0]["summary"])
    assert "nobody has allowed: check.sh" in told
    machine.spl("worktree", "allow", "app", told.split("spl worktree allow app ")[1].split()[0])
    machine.spl("task", "fan-out", "T", *flags)
    machine.joined("T")

    code, found = merge(machine)
    assert (code, found["state"], found["files"][0]["path"], found["files"][0]["index"]) == (
        1, "conflict", "a.txt", 2,
    )  # fmt: skip
    code, found = merge(machine, "0", "1", "2", "4", "5", "6")
    assert (code, found["state"], found["told"]) == (
        1,
        "conflict",
        "subtask 6 and subtask 5 changed the same lines: b.txt",
    )
    code, found = merge(machine, "0", "1", "2", "4", "5", "7")
    assert (code, found["state"]) == (1, "gate_failed")
    assert found["told"].startswith("the gate fails from subtask 7 on (task/T+7): the gate failed")
    assert git(project, "rev-parse", "main") == begin, "nothing was moved by any of these"

    def held_by() -> int:
        path = project.parent / "held"
        return int(path.read_text().strip() or 0) if path.exists() else 0

    def last() -> Any:
        one = machine.json("task", "merge", "T", "--status")["data"][0]
        return one if one["ended_at"] else None

    (project.parent / "hold").touch()
    machine.spl("task", "merge", "T", "0", "--no-wait")
    until(lambda: held_by() > 0)
    os.kill(machine.pids()[".syncro-worker-a"], signal.SIGKILL)
    held = held_by()
    (project.parent / "hold").unlink()
    fleet(machine)
    until(lambda: not psutil.pid_exists(held))
    found = until(last)
    assert (found["state"], git(project, "rev-parse", "main")) == ("interrupted", begin)
    assert "/merges/" not in git(project, "worktree", "list")

    for indexes in (("0", "1"), ("2", "4"), ("5",)):
        machine.spl("task", "merge", "T", *indexes, "--no-wait")

    def all_ended() -> list[dict[str, Any]]:
        rows = machine.json("task", "merge", "T", "--status")["data"][:3]
        return rows if all(one["ended_at"] for one in rows) else []

    rows = until(all_ended)
    assert [(one["state"], one["merged"]) for one in rows] == [
        ("merged", [5]), ("merged", [2, 4]), ("merged", [0, 1]),
    ]  # fmt: skip
    assert git(project, "log", "--first-parent", "--format=%s", "main").splitlines() == [
        *(f"Merge T+{index}: {GOALS[index]}" for index in (5, 4, 2, 1, 0)),
        "Begin",
    ]
    assert git(project, "status", "--porcelain") == ""
    assert [(project / name).exists() for name in ("f0", "f1", "f4", "f7")] == [True, True, True, False]
    shown = machine.spl("task", "join-status", "T")
    assert shown.count("merged into main at ") == 5
    assert "Merges:\n  [5] into main: merged: main is at " in machine.spl("task", "show", "T")
    assert "merged into main" in machine.spl("task", "tree", "T")
