"""A repository's gate over the API: its words in the result and in the output, and a freeze that ends it."""

from __future__ import annotations

import shlex
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from syncropel.cli.text.diagnosis import diagnosis_lines
from syncropel.cli.text.task import child_lines
from syncropel.settings.workspace import Repo, WorkspaceSettings
from syncropel.wire import ChildOut
from syncropel.wire.diagnosis import Diagnosis
from tests.git_repository import git, new_project

from .conftest import assert_error, until
from .two_instances import Two, two_instances

GATE = ("sh", "-c", "cat a.txt; echo $$ > pid; until test ! -e wait; do sleep 0.05; done; test ! -e bad")
OUTPUT = "/v1/tasks/T/subtasks/0/output"


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[Two]:
    folder = new_project(tmp_path / "project")
    workspace = WorkspaceSettings(repos={"app": Repo("app", folder, gate=GATE)})
    async with two_instances(tmp_path, workspace=workspace) as both:
        yield both


async def child(two: Two) -> dict[str, Any]:
    found: dict[str, Any] = (await two.coordinator.get("/v1/tasks/T/join"))["subtasks"][0]
    return found


async def ended(two: Two) -> dict[str, Any]:
    async def has_verdict() -> bool:
        return bool((await child(two))["verdict"])

    await until(has_verdict)
    return await child(two)


@pytest.mark.parametrize(("goal", "verdict"), [("printf two", "accept"), ("printf two; touch bad", "reject")])
async def test_the_result_says_what_the_gate_came_to(two: Two, goal: str, verdict: str) -> None:
    await two.fan_out(goal, repo="app")
    gate = (await ended(two))["gate"]
    assert (await child(two))["verdict"] == verdict
    passed = verdict == "accept"
    assert (gate["command"], gate["passed"], gate["exit_code"]) == (list(GATE), passed, int(not passed))
    assert gate["tail"] == "one"
    attempt = (await two.coordinator.get("/v1/tasks/T/diagnose"))["attempts"][0]
    assert attempt["gate"] == gate
    assert attempt["failure_reason"] == (None if passed else "gate_failed")
    came_to = "passed" if passed else "failed, exit status 1"
    told = f"gate: {shlex.join(GATE)}: {came_to}, "
    for lines in (
        child_lines(ChildOut.model_validate(await child(two))),
        diagnosis_lines(Diagnosis.model_validate(await two.coordinator.get("/v1/tasks/T/diagnose"))),
    ):
        assert [line for line in lines if line.strip().startswith(told)], lines
    said = await two.coordinator.get(OUTPUT)
    assert said["data"].startswith("two\ngate: sh -c ")
    assert said["data"].endswith("\none\n")
    assert said["ended"]
    assert said["size"] == len(said["data"])
    assert (await two.coordinator.get(OUTPUT, raw=True))["data"] == "two"
    assert (await two.coordinator.get(OUTPUT, tail=1))["data"] == "one\n"
    assert (await two.coordinator.get(OUTPUT, offset=1, limit=6))["data"] == "wo\ngat"


async def test_a_hard_freeze_ends_a_gate_that_runs(two: Two, tmp_path: Path) -> None:
    await two.fan_out("touch wait; echo two >> a.txt", repo="app")
    pid = tmp_path / "project-T+0" / "pid"

    async def looks() -> bool:
        return pid.exists() and bool(pid.read_text())

    async def gone() -> bool:
        return not psutil.pid_exists(int(pid.read_text()))

    await until(looks)
    body = {"namespace": "default", "level": "hard", "reason": "stop", "grace_secs": 0}
    answer = await two.coordinator.operator.post("/v1/fleet/freeze", json=body)
    assert answer.is_success, answer.text
    await until(gone)
    await two.coordinator.operator.post("/v1/fleet/unfreeze", json={"namespace": "default"})
    told = await ended(two)
    assert (told["verdict"], told["gate"]) == ("terminated", None)
    assert git(tmp_path / "project", "rev-list", "--count", "main..task/T+0") == "0"


async def test_the_error_output_of_a_script_is_in_its_output(two: Two) -> None:
    await two.fan_out("true", repo="app")
    await ended(two)
    answer = await two.coordinator.operator.get(OUTPUT, params={"stderr": True})
    assert_error(answer, 404, "NO_OUTPUT")
    assert "leave out --stderr" in answer.json()["hint"]
