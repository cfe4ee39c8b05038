"""Worktrees of the whole fleet: listed from the instances that have them, pruned when all agree."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from syncropel.api.http.auth import required_scope
from syncropel.api.http.bearers import _OF_COORDINATOR
from syncropel.engine.output import local_worktrees
from tests.git_repository import hold_git_up

from .conftest import assert_error, until
from .test_diff import git, project, run, two
from .two_instances import WORKER, Two

__all__ = ["project", "two"]


async def listed(two: Two) -> dict[str, Any]:
    return dict(await two.coordinator.get("/v1/worktrees"))


async def prune(two: Two, **body: Any) -> dict[str, Any]:
    answer = await two.coordinator.operator.post("/v1/worktrees/prune", json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_each_is_listed_with_its_work_and_its_attempt(two: Two, project: Path) -> None:
    await run(two, "echo two >> a.txt")
    answer = await listed(two)
    (row,) = answer["data"]
    assert answer["unknown"] == []
    assert row.pop("size") > 0
    assert row.pop("child_thread")
    assert row == {
        "task": "T",
        "index": 0,
        "attempt": 1,
        "instance": WORKER,
        "alias": "worker-b",
        "repo": "app",
        "path": str(project.parent / "project-T+0"),
        "branch": "task/T+0",
        "commits_ahead": 1,
        "uncommitted": 0,
        "merged": False,
        "state": "accept",
        "kept": "not merged into main",
    }


async def test_only_what_is_merged_is_pruned_and_a_dry_run_removes_nothing(two: Two, project: Path) -> None:
    await run(two, "echo two >> a.txt")
    path = project.parent / "project-T+0"
    assert [row["kept"] for row in (await prune(two))["kept"]] == ["not merged into main"]
    git(project, "merge", "-q", "task/T+0")
    dry = await prune(two, dry_run=True)
    assert [row["path"] for row in dry["removed"]] == [str(path)]
    assert path.exists()
    done = await prune(two)
    assert ([row["path"] for row in done["removed"]], done["kept"]) == ([str(path)], [])
    assert not path.exists()
    assert git(project, "branch", "--list", "task/T+0")
    assert (await listed(two))["data"] == []


async def test_a_running_attempt_keeps_its_worktree(two: Two, project: Path, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    await two.fan_out(f"until [ -e {gate} ]; do sleep 0.02; done", repo="app")
    path = project.parent / "project-T+0"

    async def running() -> bool:
        return (path / "a.txt").exists() and bool((await listed(two))["data"])

    await until(running)
    done = await prune(two)
    assert [(row["state"], row["kept"]) for row in done["kept"]] == [
        ("in_progress", "its attempt has not ended")
    ]
    (row,) = done["kept"]
    named = {"child_thread": row["child_thread"], "attempt": 1}
    asked = await two.worker.operator.post("/v1/worktrees/remove", json={"attempts": [named]})
    assert asked.json()["data"] == []
    assert path.exists()
    gate.touch()


async def test_a_failed_attempt_keeps_its_worktree_while_it_may_be_tried_again(
    two: Two, project: Path
) -> None:
    await run(two, "exit 1")
    path = project.parent / "project-T+0"
    (row,) = (await prune(two))["kept"]
    assert row["kept"] == "its task is not over, and may try it again: spl task show T"
    assert path.exists()
    assert (await two.coordinator.operator.post("/v1/tasks/T/retry", json={"index": 0})).status_code == 201

    async def again() -> bool:
        return bool((await two.coordinator.get("/v1/tasks/T/join"))["subtasks"][0]["attempt"] == 2)

    await until(again)

    async def ended() -> bool:
        return bool((await two.coordinator.get("/v1/tasks/T/join"))["subtasks"][0]["verdict"])

    await until(ended)
    done = await prune(two)
    assert [row["attempt"] for row in done["removed"]] == [1]
    assert [row["attempt"] for row in done["kept"]] == [2]


async def test_an_instance_that_is_down_is_unknown_and_not_left_out(two: Two) -> None:
    await run(two, "true")
    two.network.down.add("worker-b")
    for answer in (await listed(two), await prune(two)):
        assert answer.get("data", []) == []
        assert [(one["alias"], one["why"]) for one in answer["unknown"]] == [
            ("worker-b", "it does not answer")
        ]


async def test_a_worker_lists_its_own_and_leaves_pruning_to_its_coordinator(two: Two) -> None:
    await run(two, "true")
    assert len((await two.worker.get("/v1/worktrees"))["data"]) == 1
    answer = await two.worker.operator.post("/v1/worktrees/prune", json={})
    assert_error(answer, 409, "CONFLICT", "coordinator")


@pytest.mark.parametrize("thread", ["th_unknown", "../../etc"])
async def test_an_attempt_that_was_not_given_removes_nothing(two: Two, project: Path, thread: str) -> None:
    await run(two, "true")
    named = {"child_thread": thread, "attempt": 1}
    answer = await two.worker.operator.post("/v1/worktrees/remove", json={"attempts": [named]})
    assert answer.json()["data"] == []
    assert (project.parent / "project-T+0").exists()


@pytest.mark.parametrize("asked", [("GET", "/v1/worktrees"), ("POST", "/v1/worktrees/remove")])
def test_a_coordinator_may_ask_by_its_own_credential(asked: tuple[str, str]) -> None:
    """Instances here share a token; those of a real fleet do not."""
    assert required_scope(*asked) in _OF_COORDINATOR


async def test_two_at_once_do_not_meet(two: Two, project: Path) -> None:
    await run(two, "echo two >> a.txt")
    git(project, "merge", "-q", "task/T+0")
    both = await asyncio.gather(prune(two), prune(two))
    assert sum(len(one["removed"]) for one in both) == 1
    assert all(one["kept"] == [] for one in both)


async def test_a_subtask_finds_a_briefing_on_those_that_it_depends_on(two: Two, project: Path) -> None:
    await two.coordinator.task(alias="T")
    first = {"goal": "echo two >> a.txt; echo parsed", "target": "worker-b", "repo": "app"}
    second = {"goal": 'cat "$SPL_BRIEFING"; ls "$SPL_BRIEFING"', "target": "worker-b", "depends_on": [0]}
    third = {"goal": 'test -z "$SPL_BRIEFING"', "target": "worker-b"}
    asked = await two.coordinator.operator.post(
        "/v1/tasks/T/fan-out", json={"subtasks": [first, second, third], "allow_unknown": True}
    )
    assert asked.status_code == 201, asked.text

    async def ended() -> bool:
        rows = (await two.coordinator.get("/v1/tasks/T/join"))["subtasks"]
        return [row["verdict"] for row in rows] == ["accept"] * 3

    await until(ended)
    said = (await two.coordinator.get("/v1/tasks/T/subtasks/1/output"))["data"]
    for line in (
        "## Subtask 0, attempt 1",
        "> parsed",
        "Branch: task/T+0",
        f"Worktree: {project.parent / 'project-T+0'}",
        "Changed: 1 files, 1 insertions, 0 deletions",
    ):
        assert line in said.splitlines()
    kept = Path(said.splitlines()[-1])
    assert kept.name == "attempt-1.briefing.md"
    assert kept.is_file()


async def test_one_that_holds_git_up_is_kept_and_holds_nobody_up(
    two: Two, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await run(two, "echo two >> a.txt")
    git(project, "merge", "-q", "task/T+0")
    hold_git_up(project.parent / "project-T+0", "a.txt")
    monkeypatch.setattr(local_worktrees, "LOOK_SECS", 0.5)
    (row,) = (await listed(two))["data"]
    assert row["kept"] == "git has not looked at it within 0.5s"
    assert [one["kept"] for one in (await prune(two))["kept"]] == [row["kept"]]
