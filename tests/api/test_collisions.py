"""Files that two running subtasks touch are told of while both still run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from syncropel.settings.workspace import Repo, WorkspaceSettings
from tests.git_repository import git

from .conftest import until
from .merging import make_project
from .two_instances import Two, two_instances


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "project")


@pytest.fixture
async def two(tmp_path: Path, project: Path) -> AsyncIterator[Two]:
    workspace = WorkspaceSettings(repos={"app": Repo("app", project, copy=(".env",))})
    (project / ".env").write_text("copied\n")
    async with two_instances(tmp_path, workspace=workspace) as both:
        yield both


async def seen(two: Two, *, any_at_all: bool) -> list[dict[str, Any]]:
    """The collisions, once the worker has looked and told its coordinator."""
    await two.worker.engine.radar.look()
    two.worker.engine.heartbeat_sender.soon()
    found: list[dict[str, Any]] = []

    async def told() -> bool:
        found[:] = (await two.coordinator.get("/v1/fleet/status"))["collisions"]
        return bool(found) == any_at_all

    await until(told)
    return found


async def test_it_is_told_which_subtasks_touched_which_files_until_one_has_ended(
    two: Two, project: Path, tmp_path: Path
) -> None:
    end = tmp_path / "end"
    wait = f"touch ready; until [ -e {end} ]; do sleep 0.02; done"
    wait_longer = wait.replace(str(end), f"{end}-1")
    git_commit = "git add -A && git -c user.name=x -c user.email=x@y commit -qm mine"
    await two.fan_out(
        f"echo two > a.txt; echo n > 'new one'; {git_commit}; {wait}",
        f"echo b > b.txt; {wait_longer}",
        f"echo three > a.txt; echo m > 'new one'; echo changed > .env; {wait}",
        repo="app",
    )
    trees = [project.parent / f"project-T+{index}" for index in range(3)]

    async def ready() -> bool:
        return all((tree / "ready").exists() for tree in trees)

    await until(ready)
    for tree in trees:
        (tree / "ready").unlink()
        git(tree, "config", "core.fsmonitor", f"touch {tmp_path}/mark")
    (found,) = await seen(two, any_at_all=True)
    assert (found["repo"], found["files"], found["count"]) == ("app", ["a.txt", "new one"], 2)
    assert [(one["alias"], one["index"]) for one in found["by"]] == [("T", 0), ("T", 2)]
    assert (await two.coordinator.get("/v1/tasks/T"))["collisions"] == [found]
    (waits,) = (await two.coordinator.get("/v1/inbox"))["data"]
    assert (waits["kind"], waits["alias"], waits["index"]) == ("collision", "T", 0)
    assert waits["what"] == "app has files touched by T[0] and T[2]: a.txt, new one"
    began = [one["began_at"] for one in (await two.coordinator.get("/v1/fleet/status"))["dispatches"]]
    assert waits["since"] in began
    assert not (tmp_path / "mark").exists()
    end.touch()

    async def ended() -> bool:
        rows = (await two.coordinator.get("/v1/tasks/T/join"))["subtasks"]
        return bool(rows[0]["verdict"] and rows[2]["verdict"])

    await until(ended)
    await seen(two, any_at_all=False)
    kinds = [one["kind"] for one in (await two.coordinator.get("/v1/inbox"))["data"]]
    assert "collision" not in kinds
    Path(f"{end}-1").touch()
