"""The gate on a merged tree: who is to blame, what may run, and what a freeze or a restart leaves."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import psutil
import pytest

from syncropel.api.app import create_app
from syncropel.engine.lifecycle import Lifecycle
from syncropel.settings.workspace import Repo, WorkspaceSettings
from tests.git_repository import git

from .conftest import assert_error, until
from .merging import ask, done, latest, make_project, merged, subjects, whats
from .two_instances import Two, two_instances

Gated = Callable[..., AbstractAsyncContextManager[Two]]
NO_PAIR = ("sh", "-c", "if test -e x && test -e y; then echo x and y; exit 3; fi")
"""A gate that each branch passes by itself."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "project", check__sh="test ! -e bad || { echo bad; exit 3; }\n")


@pytest.fixture
def gated(tmp_path: Path, project: Path) -> Gated:
    """Both instances, with this gate."""

    def make(*words: str) -> AbstractAsyncContextManager[Two]:
        workspace = WorkspaceSettings(repos={"app": Repo("app", project, gate=words)})
        return two_instances(tmp_path, workspace=workspace)

    return make


async def allow(two: Two, digest: str, **more: Any) -> dict[str, Any]:
    body = {"repo": "app", "digest": digest, **more}
    answer = await two.coordinator.operator.post("/v1/worktrees/allow", json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_a_gate_that_fails_is_traced_to_the_branch_and_moves_nothing(
    gated: Gated, project: Path
) -> None:
    async with gated(*NO_PAIR) as two:
        await done(two, "echo a > a", "echo x > x", "echo y > y")
        merge = await merged(two)
        assert (merge["state"], subjects(project)) == ("gate_failed", ["Begin"])
        assert merge["told"].startswith("the gate fails from subtask 2 on (task/T+2)")
        ends = [step for step in merge["steps"] if step["what"] in ("gate_passed", "gate_failed", "bisected")]
        assert [(one["what"], one["index"]) for one in ends] == [
            ("gate_failed", 2), ("gate_passed", 0), ("gate_passed", 1), ("bisected", 2),
        ]  # fmt: skip
        assert ends[-1]["tail"] == "x and y"
        assert git(project, "worktree", "list", "--porcelain").count("worktree ") == 4
        assert (await merged(two, [0, 1]))["state"] == "merged"
        alone = await merged(two, [2])
        assert (alone["state"], len(subjects(project))) == ("gate_failed", 3)
        assert alone["told"].startswith("the gate fails with subtask 2 merged: the gate failed")


async def test_a_gate_that_fails_without_any_branch_blames_none(
    gated: Gated, project: Path, tmp_path: Path
) -> None:
    async with gated("test", "!", "-e", str(tmp_path / "down")) as two:
        await done(two, "echo x > x", "echo y > y")
        (tmp_path / "down").touch()
        merge = await merged(two)
        assert merge["told"].startswith("the gate fails on main by itself, without any branch: ")
        assert (merge["state"], subjects(project)) == ("gate_failed", ["Begin"])


async def test_only_files_of_the_base_run_and_only_once_they_are_allowed(gated: Gated, project: Path) -> None:
    async with gated("bash", "check.sh") as two:
        await two.fan_out("true", repo="app", name="E")

        async def row() -> dict[str, Any]:
            return dict((await two.coordinator.get("/v1/tasks/E/join"))["subtasks"][0])

        async def refused() -> bool:
            return bool((await row())["verdict"])

        await until(refused)
        told = (await row())["summary"]
        assert "its gate runs files of the repository that nobody has allowed: check.sh" in told
        digest = told.split("spl worktree allow app ")[1].split()[0]
        assert [one["alias"] for one in (await allow(two, digest))["data"]] == ["coordinator", "worker-b"]
        cheat = "echo 'touch ../cheated; exit 0' > check.sh"
        await done(two, f"{cheat}; touch bad", "echo fine > fine", cheat)
        rows = (await two.coordinator.get("/v1/tasks/T/join"))["subtasks"]
        assert [one["verdict"] for one in rows] == ["reject", "accept", "accept"]
        assert (project.parent / "project-T+0" / "check.sh").read_text().startswith("touch"), (
            "it is the goal's"
        )
        assert (await merged(two))["state"] == "merged"
        assert not (project.parent / "cheated").exists()
        assert (project / "check.sh").read_text().startswith("touch ../cheated"), "it was accepted after all"
        await done(two, "true", name="F")
        (one,) = (await two.coordinator.get("/v1/tasks/F/join"))["subtasks"]
        assert "nobody has allowed" in one["summary"], "and has to be allowed before it runs"
        await allow(two, digest, removed=True)
        git(project, "reset", "-q", "--hard", "HEAD~2")
        merge = await merged(two, [1])
        assert (merge["state"], merge["told"].split("; ")[0]) == (
            "refused",
            "its gate runs files of the repository that nobody has allowed: check.sh",
        )


async def test_a_freeze_ends_the_gate_and_nothing_is_moved(
    gated: Gated, project: Path, tmp_path: Path
) -> None:
    slow = f"test ! -e y || {{ echo $$ > {tmp_path}/pid; exec sleep 600; }}"
    async with gated("sh", "-c", slow) as two:
        await done(two, "echo x > x")
        git(project, "checkout", "-q", "-b", "two")
        (project / "y").touch()
        git(project, "add", "-A")
        git(project, "commit", "-qm", "Slow from here on")
        await ask(two, into="two")
        await until(lambda: _exists(tmp_path / "pid"))
        freeze = {"namespace": "default", "level": "hard", "reason": "stop", "terminate": True}
        freeze |= {"grace_secs": 0.5}
        assert (await two.coordinator.operator.post("/v1/fleet/freeze", json=freeze)).status_code == 201
        pid = int((tmp_path / "pid").read_text())

        async def gone() -> bool:
            return not psutil.pid_exists(pid)

        await until(gone)
        refused = await two.coordinator.operator.post("/v1/tasks/T/merge", json={})
        assert_error(refused, 403, "NAMESPACE_FROZEN", "freeze")
        lifted = {"namespace": "default", "reason": "mended"}
        await two.coordinator.operator.post("/v1/fleet/unfreeze", json=lifted)
        await until(lambda: _ended(two))
        merge = await latest(two)
        assert (merge["state"], merge["told"]) == (
            "frozen",
            "stopped by the hard freeze of 'default'; nothing was moved",
        )
        assert subjects(project, "two")[0] == "Slow from here on"


async def test_a_merge_whose_daemon_ended_is_said_to_be_interrupted(
    gated: Gated, project: Path, tmp_path: Path
) -> None:
    slow = (
        f"test -e y || exit 0; test ! -e {tmp_path}/pid || exit 0; echo $$ > {tmp_path}/pid; exec sleep 600"
    )
    async with gated("sh", "-c", slow) as two:
        await done(two, "echo x > x")
        (project / "y").touch()
        git(project, "add", "-A")
        git(project, "commit", "-qm", "Slow from here on")
        await ask(two)
        await until(lambda: _exists(tmp_path / "pid"))
        pid, folder = int((tmp_path / "pid").read_text()), two.worker.engine.instance.home.merges
        await two.worker.lifecycle.stop(keep_work=True)
        assert not psutil.pid_exists(pid)
        assert len(list(folder.iterdir())) == 1
        old = two.worker.engine
        again = Lifecycle(old.store, old.instance, old.settings, transport=two.network)
        two.network.apps["worker-b"] = create_app(await again.start())
        try:
            await until(lambda: _ended(two))
            merge = await latest(two)
            assert (merge["state"], subjects(project)[0]) == ("interrupted", "Slow from here on")
            assert whats(merge) == [("started", None), ("merged", 0), ("gate_started", 0), ("ended", None)]
            assert (await merged(two))["state"] == "merged", "asking again is safe"

            async def cleared() -> bool:
                return not list(folder.iterdir())

            await until(cleared)
        finally:
            await again.stop()


async def _exists(path: Path) -> bool:
    return path.exists() and bool(path.read_text().strip())


async def _ended(two: Two) -> bool:
    return bool((await latest(two))["ended_at"])


async def test_files_that_were_not_allowed_cannot_be_said_to_run_no_more(gated: Gated) -> None:
    async with gated(*NO_PAIR) as two:
        digest = "ab" * 32
        body = {"repo": "app", "digest": digest, "removed": True}

        refused = await two.coordinator.operator.post("/v1/worktrees/allow", json=body)
        await allow(two, digest)
        taken = await allow(two, digest, removed=True)

        assert refused.status_code == 409
        assert "were not allowed here" in refused.text
        assert taken["removed"] is True
