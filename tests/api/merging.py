"""A repository whose subtasks left branches on a worker, and merges of those."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.git_repository import git

from .conftest import until
from .two_instances import Two


def make_project(folder: Path, **files: str) -> Path:
    """A repository with these files on `main`; `__` in a name stands for a dot."""
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    for name, text in {"a__txt": "one\n", **files}.items():
        (folder / name.replace("__", ".")).write_text(text)
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "Begin")
    return folder


async def done(two: Two, *goals: str, name: str = "T", depends: dict[int, list[int]] | None = None) -> None:
    """Have a fan-out of these scripts run to its end in worktrees of `app`."""
    await two.coordinator.task(alias=name)
    subtasks = [
        {"goal": goal, "target": "worker-b", "repo": "app", "depends_on": (depends or {}).get(index, [])}
        for index, goal in enumerate(goals)
    ]
    asked = {"subtasks": subtasks, "allow_unknown": True}
    answer = await two.coordinator.operator.post(f"/v1/tasks/{name}/fan-out", json=asked)
    assert answer.status_code == 201, answer.text

    async def ended() -> bool:
        rows = (await two.coordinator.get(f"/v1/tasks/{name}/join"))["subtasks"]
        return all(row["verdict"] for row in rows)

    await until(ended)


async def ask(two: Two, subtasks: Sequence[int] = (), name: str = "T", **more: Any) -> dict[str, Any]:
    """Ask for a merge that has to be taken on."""
    body = {"subtasks": list(subtasks), **more}
    answer = await two.coordinator.operator.post(f"/v1/tasks/{name}/merge", json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def latest(two: Two, name: str = "T") -> dict[str, Any]:
    """The last merge that was asked for."""
    return dict((await two.coordinator.get(f"/v1/tasks/{name}/merge"))["data"][0])


async def merged(two: Two, subtasks: Sequence[int] = (), name: str = "T", **more: Any) -> dict[str, Any]:
    """Ask for a merge, and see it end."""
    asked = await ask(two, subtasks, name, **more)

    async def ended() -> bool:
        now = await latest(two, name)
        assert now["id"] == asked["id"]
        return bool(now["ended_at"])

    await until(ended)
    return await latest(two, name)


def subjects(project: Path, branch: str = "main") -> list[str]:
    """The first lines of the commits of a branch's own line, the latest first."""
    return git(project, "log", "--first-parent", "--format=%s", branch).splitlines()


def whats(merge: dict[str, Any]) -> list[tuple[str, int | None]]:
    """What each step was, and about which subtask."""
    return [(step["what"], step["index"]) for step in merge["steps"]]
