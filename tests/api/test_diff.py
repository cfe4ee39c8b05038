"""What a subtask changed in its worktree, asked from the instance that has it."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from syncropel.settings.workspace import Repo, WorkspaceSettings
from tests.git_repository import git, new_project

from .conftest import assert_error, until
from .two_instances import Two, two_instances

PATH = "/v1/tasks/T/subtasks/0/diff"


def apply(folder: Path, patch: str) -> None:
    subprocess.run(["git", "-C", str(folder), "apply"], input=patch, text=True, check=True)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return new_project(tmp_path / "project")


@pytest.fixture
async def two(tmp_path: Path, project: Path) -> AsyncIterator[Two]:
    workspace = WorkspaceSettings(repos={"app": Repo("app", project)})
    async with two_instances(tmp_path, workspace=workspace) as both:
        yield both


async def run(two: Two, goal: str) -> None:
    await two.fan_out(goal, repo="app")

    async def ended() -> bool:
        return bool((await two.coordinator.get("/v1/tasks/T/join"))["subtasks"][0]["verdict"])

    await until(ended)


@pytest.mark.parametrize("code", [0, 1])
async def test_it_is_a_patch_that_applies_of_success_and_failure_alike(
    two: Two, project: Path, code: int
) -> None:
    await run(two, f"echo two >> a.txt; echo new > b.txt; exit {code}")
    page = await two.coordinator.get(PATH)
    assert (page["alias"], page["state"]) == ("worker-b", "failed" if code else "accept")
    apply(project, page["data"])
    assert (project / "a.txt").read_text() == "one\ntwo\n"
    assert (project / "b.txt").read_text() == "new\n"


async def test_a_long_one_comes_in_pages_of_one_patch(two: Two) -> None:
    await run(two, "seq 1 2000 > numbers")
    whole = (await two.coordinator.get(PATH))["data"]
    data, offset = "", 0
    while (page := await two.coordinator.get(PATH, offset=offset, limit=1000))["data"]:
        data, offset = data + page["data"], page["next_offset"]
    assert data == whole
    assert whole.count("\n+") > 1999


async def test_after_the_worktree_was_removed_it_is_told_from_the_branch(two: Two, project: Path) -> None:
    await run(two, "echo two >> a.txt")
    git(project, "worktree", "remove", "--force", str(project.parent / "project-T+0"))
    assert "+two" in (await two.coordinator.get(PATH))["data"]


async def test_without_a_worktree_it_says_so(two: Two) -> None:
    await two.fan_out("true", name="N")

    async def ended() -> bool:
        return bool((await two.coordinator.get("/v1/tasks/N/join"))["subtasks"][0]["verdict"])

    await until(ended)
    answer = await two.coordinator.operator.get("/v1/tasks/N/subtasks/0/diff")
    assert_error(answer, 404, "NO_OUTPUT")
    assert "has no worktree" in answer.json()["message"]


async def test_a_worktree_that_points_elsewhere_is_not_told(two: Two, project: Path, tmp_path: Path) -> None:
    other = tmp_path / "private"
    other.mkdir()
    git(other, "init", "-q")
    await run(two, f"echo 'gitdir: {other}/.git' > .git")
    answer = await two.coordinator.operator.get(PATH)
    assert_error(answer, 404, "NO_OUTPUT")
    assert "does not belong" in answer.json()["message"]


async def test_an_instance_that_is_down_is_named(two: Two) -> None:
    await run(two, "true")
    two.network.down.add("worker-b")
    answer = await two.coordinator.operator.get(PATH)
    assert answer.status_code == 503
    assert "worker-b" in answer.json()["message"]
