"""What is said of a merge whose daemon ended in the middle: never that nothing was moved when it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from syncropel.engine.merging.steps import Job
from syncropel.engine.merging.work import MergeWork
from syncropel.folds.tasks.merges import ENDED, INTERRUPTED, MERGED, MOVED, MOVING, Request
from syncropel.settings.workspace import Repo, WorkspaceSettings
from tests.git_repository import git, new_project


class Written:
    """Keeps the steps that are written."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, dict[str, Any]]] = []

    async def write(self, job: Job, what: str, **facts: Any) -> None:
        self.steps.append((what, facts))


async def end(
    tmp_path: Path, repos: dict[str, Repo], last: dict[str, Any]
) -> list[tuple[str, dict[str, Any]]]:
    work, written = MergeWork.__new__(MergeWork), Written()
    work.__dict__ |= {
        "_settings": WorkspaceSettings(repos=repos),
        "_folder": tmp_path / "merges",
        "_steps": written,
    }
    job = Job("m1", "th_task", "docs", Request("app", "main", "merge", False, ()), last=last)
    await work._end_interrupted(job)
    return written.steps


@pytest.mark.parametrize(
    ("what", "moved", "more", "state", "told"),
    [
        ("", False, False, INTERRUPTED, "nothing was moved"),
        (MOVING, False, False, INTERRUPTED, "nothing was moved"),
        (MOVING, True, False, MERGED, "see its git status"),
        (MOVING, True, True, MERGED, "see its git status"),
        (MOVED, True, False, MERGED, "was moved to"),
    ],
)
async def test_what_it_came_to(
    tmp_path: Path, what: str, moved: bool, more: bool, state: str, told: str
) -> None:
    project = new_project(tmp_path / "project")
    old = git(project, "rev-parse", "HEAD")
    git(project, "commit", "-q", "--allow-empty", "-m", "Merged")
    new = git(project, "rev-parse", "HEAD")
    if not moved:
        git(project, "reset", "-q", "--hard", old)
    if more:
        git(project, "commit", "-q", "--allow-empty", "-m", "On top")

    about = {"what": what, "into": "main", "old": old, "new": new} if what else {}
    steps = await end(tmp_path, {"app": Repo("app", project)}, about)

    assert steps[-1][0] == ENDED
    assert steps[-1][1]["state"] == state
    assert told in steps[-1][1]["told"]
    assert [one for one, _ in steps[:-1]] == ([MOVED] if what == MOVING and moved else [])


async def test_what_git_cannot_tell_is_not_known(tmp_path: Path) -> None:
    about = {"what": MOVING, "into": "main", "old": "a" * 40, "new": "b" * 40}

    (step,) = await end(tmp_path, {}, about)

    assert step[1]["state"] == INTERRUPTED
    assert "is not known" in step[1]["told"]
