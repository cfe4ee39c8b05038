"""Merges of finished branches: asked for at the coordinator, carried out by the worker, told by the log."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from syncropel.settings.adapters import AdapterSettings
from syncropel.settings.config import DispatchSettings, Settings
from syncropel.settings.workspace import Repo, WorkspaceSettings
from syncropel.system.clean_git import Repository
from tests.git_repository import git

from .conftest import MakeApi, assert_error, until, without_auth
from .merging import ask, done, latest, make_project, merged, subjects, whats
from .two_instances import WORKER, Two, two_instances


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "project")


@pytest.fixture
async def two(tmp_path: Path, project: Path) -> AsyncIterator[Two]:
    workspace = WorkspaceSettings(repos={"app": Repo("app", project)})
    async with two_instances(tmp_path, workspace=workspace) as both:
        yield both


async def test_all_accepted_branches_are_merged_in_order_of_dependency(two: Two, project: Path) -> None:
    await done(two, "echo x > x", "echo y > y", "exit 1", "echo z > z", depends={0: [3]})
    merge = await merged(two)
    assert (merge["state"], merge["into"], merge["merged"]) == ("merged", "main", [1, 3, 0])
    assert [one["index"] for one in merge["branches"]] == [1, 3, 0]
    assert whats(merge) == [
        ("started", None), ("merged", 1), ("merged", 3), ("merged", 0),
        ("moving", None), ("moved", None), ("ended", None),
    ]  # fmt: skip
    assert subjects(project) == [
        "Merge T+0: echo x > x",
        "Merge T+3: echo z > z",
        "Merge T+1: echo y > y",
        "Begin",
    ]
    assert merge["commit"] == git(project, "rev-parse", "main")
    assert sorted(one.name for one in project.iterdir()) == [".git", "a.txt", "x", "y", "z"]
    assert git(project, "status", "--porcelain") == "", "the files that are checked out came along"
    assert git(project, "log", "-1", "--format=%an %(trailers:key=Syncropel-Task,valueonly)").startswith(
        "Syncropel T+0"
    )
    rows = (await two.coordinator.get("/v1/tasks/T/join"))["subtasks"]
    assert rows[2]["merged"] is None
    told = rows[1]["merged"]
    assert (told["merge"], told["into"], told["commit"]) == (merge["id"], "main", merge["commit"])
    assert told["attempt"] == 1
    task = await two.coordinator.get("/v1/tasks/T")
    assert [one["state"] for one in task["merges"]] == ["merged"]
    assert task["status"] == "blocked", "a merge is no verdict"


async def test_a_conflict_names_the_files_and_both_subtasks_and_leaves_the_target(
    two: Two, project: Path
) -> None:
    await done(two, "echo x > x", "echo two > a.txt; echo n > n", "echo three > a.txt")
    begin = git(project, "rev-parse", "main")
    merge = await merged(two)
    assert (merge["state"], merge["merged"], merge["commit"]) == ("conflict", [], "")
    assert merge["files"] == [{"path": "a.txt", "index": 1, "since": ""}]
    assert merge["told"] == "subtask 2 and subtask 1 changed the same lines: a.txt"
    assert whats(merge)[-1] == ("ended", 2)
    assert git(project, "rev-parse", "main") == begin
    assert not list((two.worker.engine.instance.home.merges).iterdir()), "nothing is left of it"
    assert git(project, "worktree", "list", "--porcelain").count("worktree ") == 4, "its own is gone"
    assert (await merged(two, dry_run=True))["state"] == "conflict"
    dry = await merged(two, [0, 1], dry_run=True)
    assert (dry["state"], dry["told"]) == ("checked", "all of it can be merged into main")
    rows = (await two.coordinator.get("/v1/tasks/T/join"))["subtasks"]
    assert [row["merged"] for row in rows] == [None, None, None]
    assert git(project, "rev-parse", "main") == begin, "a dry run moves nothing"
    assert (await merged(two, [0, 1]))["state"] == "merged", "those before it can be merged"
    again = await merged(two, [2])
    (file,) = again["files"]
    assert (again["state"], file["index"]) == ("conflict", None)
    assert file["since"].endswith("(of T+1)"), "of an earlier merge, the commit tells whose it was"
    assert again["told"] == "subtask 2 and main changed the same lines: a.txt"


async def test_each_mode_makes_the_commits_that_it_is_named_after(two: Two, project: Path) -> None:
    await done(two, "echo x > x", "echo y > y")
    begin = git(project, "rev-parse", "main")
    assert (await merged(two, [0], mode="ff-only"))["state"] == "merged"
    assert git(project, "rev-parse", "main") == git(project, "rev-parse", "task/T+0")
    refused = await merged(two, [1], mode="ff-only")
    assert refused["state"] == "refused"
    assert "cannot be fast-forwarded" in refused["told"]
    squashed = await merged(two, [1], mode="squash")
    assert (squashed["state"], subjects(project)) == ("merged", ["echo y > y", "echo x > x", "Begin"])
    assert git(project, "rev-list", "--count", f"{begin}..main") == "2"
    again = await merged(two, [0, 1], mode="squash")
    assert (again["state"], again["told"], again["commit"]) == ("merged", "main has all of it already", "")
    assert whats(again)[1:3] == [("nothing_new", 0), ("nothing_new", 1)]


async def test_a_branch_that_moved_after_it_was_accepted_is_refused(two: Two, project: Path) -> None:
    await done(two, "echo x > x", "echo y > y")
    git(project.parent / "project-T+1", "commit", "--allow-empty", "-qm", "later")
    merge = await merged(two)
    assert merge["state"] == "refused"
    assert "task/T+1 of subtask 1 is at " in merge["told"]
    assert subjects(project) == ["Begin"]
    git(project, "worktree", "remove", "--force", str(project.parent / "project-T+1"))
    git(project, "branch", "-D", "task/T+1")
    assert "is not in the repository here" in (await merged(two, [1]))["told"]


async def test_a_target_that_is_checked_out_with_changes_is_left_alone(
    two: Two, project: Path, tmp_path: Path
) -> None:
    await done(two, "echo x > x")
    (project / "a.txt").write_text("half done\n")
    merge = await merged(two)
    assert (merge["state"], subjects(project)) == ("refused", ["Begin"])
    assert merge["told"].endswith("with changes that are not committed: a.txt")
    assert str(project) in merge["told"]
    git(project, "checkout", "-q", "a.txt")
    (project / "x").write_text("mine, and not in git\n")
    merge = await merged(two)
    assert (merge["state"], subjects(project)) == ("refused", ["Begin"])
    assert "its files are in the way" in merge["told"]
    assert (project / "x").read_text() == "mine, and not in git\n"
    (project / "x").unlink()
    git(project, "branch", "release")
    git(project, "worktree", "add", "-q", str(tmp_path / "other"), "release")
    (project / "a.txt").write_text("of another branch\n")
    assert (await merged(two, into="release"))["state"] == "merged"
    assert (tmp_path / "other" / "x").read_text() == "x\n"
    assert (subjects(project), (project / "a.txt").read_text()) == (["Begin"], "of another branch\n")


async def test_a_target_that_is_no_branch_is_refused(two: Two, project: Path) -> None:
    await done(two, "echo x > x")
    for into in ("no-such", "main^", "../../HEAD", "-q"):
        merge = await merged(two, into=into)
        assert (merge["state"], subjects(project)) == ("refused", ["Begin"])
        assert f"has no branch {into!r}" in merge["told"]


async def test_what_cannot_be_merged_is_said_before_anything_begins(two: Two) -> None:
    await done(two, "exit 1", "echo x > x")
    for name, body, status, told in (
        ("T", {"subtasks": [0]}, 409, "T [0] cannot be merged: it is not accepted (it is failed)"),
        ("T", {"subtasks": [7]}, 404, "T has no subtask 7"),
        ("T", {"mode": "octopus"}, 422, ""),
        ("nobody", {}, 404, "no task 'nobody'"),
    ):
        answer = await two.coordinator.operator.post(f"/v1/tasks/{name}/merge", json=body)
        assert answer.status_code == status, answer.text
        assert told in answer.json()["message"]
    assert (await two.coordinator.get("/v1/tasks/T/merge"))["data"] == []


async def test_the_log_alone_tells_who_merged_what_into_where(two: Two, project: Path) -> None:
    await done(two, "echo x > x")
    asked = await ask(two, actor="did:sync:user:ada")
    await until(lambda: _ended(two))
    thread = (await two.coordinator.get("/v1/tasks/T"))["thread"]
    records = (await two.coordinator.get("/v1/records", thread=thread, limit=100))["data"]
    (request,) = [one for one in records if one["body"].get("topic") == "merge_asked"]
    assert (request["id"], request["actor"], request["act"]) == (asked["id"], "did:sync:user:ada", "LEARN")
    assert request["body"]["branches"][0]["branch"] == "task/T+0"
    steps = [one for one in records if one["body"].get("topic") == "merge_step"]
    assert {one["actor"] for one in steps} == {WORKER}
    assert [one["body"]["what"] for one in steps] == ["started", "merged", "moving", "moved", "ended"]
    moved = steps[3]["body"]
    assert (moved["into"], moved["new"]) == ("main", git(project, "rev-parse", "main"))
    assert moved["old"] == git(project, "rev-parse", "main^")
    own = (await two.worker.get("/v1/threads"))["data"]
    (merge,) = [one for one in own if one["title"] == "merge 1 branch of app"]
    assert merge["status"] == "closed"
    records = (await two.worker.get("/v1/records", thread=merge["id"]))["data"]
    given = {key: value for key, value in records[0]["body"].items() if key not in ("topic", "goal")}
    await two.worker.engine.merging.work.take(given)  # it comes twice, and is carried out once
    again = (await two.worker.get("/v1/records", thread=merge["id"]))["data"]
    assert [one["id"] for one in again] == [one["id"] for one in records]
    assert list(two.worker.engine.instance.home.merges.iterdir()) == []


async def _ended(two: Two) -> bool:
    return bool((await latest(two))["ended_at"])


async def test_a_worker_that_is_down_is_told_of_and_the_log_says_that_nothing_began(two: Two) -> None:
    await done(two, "echo x > x")
    two.network.down.add("worker-b")
    answer = await two.coordinator.operator.post("/v1/tasks/T/merge", json={})
    assert_error(answer, 503, "UNAVAILABLE", "worker-b")
    merge = await latest(two)
    assert (merge["state"], merge["ended_at"]) == ("merge_untaken", None)
    two.network.down.clear()
    assert (await merged(two))["state"] == "merged"


async def test_steps_are_told_once_the_coordinator_is_back(two: Two, project: Path) -> None:
    await done(two, "echo x > x")
    await ask(two)
    two.network.down.add("coordinator")

    async def moved() -> bool:
        return len(subjects(project)) == 2

    await until(moved)
    two.network.down.clear()
    await until(lambda: _ended(two))
    assert whats(await latest(two)) == [
        ("started", None), ("merged", 0), ("moving", None), ("moved", None), ("ended", None)
    ]  # fmt: skip


async def test_only_operators_and_accounts_with_the_scope_have_branches_merged(two: Two) -> None:
    """A goal may only read, over the socket; over TCP it would be anyone, or need a token."""
    await done(two, "echo x > x")
    path, allow = "/v1/tasks/T/merge", "/v1/worktrees/allow"
    digest = {"repo": "app", "digest": "ab" * 32}
    for asked, body in ((path, {}), (allow, digest)):
        assert_error(await two.coordinator.tcp.post(asked, json=body), 401, "UNAUTHORIZED")
        wrong = await two.coordinator.bearer("threads:write", "fleet:write", "config:write", "records:write")
        answer = await two.coordinator.tcp.post(asked, json=body, headers=wrong)
        assert_error(answer, 403, "FORBIDDEN", "repo:write")
    right = await two.coordinator.bearer("repo:write")
    assert (await two.coordinator.tcp.post(allow, json=digest, headers=right)).status_code == 200
    answer = await two.coordinator.tcp.post(path, json={"dry_run": True}, headers=right)
    assert answer.status_code == 201
    assert answer.json()["by"].startswith("did:sync:service:")
    given = {
        "merge": "ab" * 32,
        "thread": "th",
        "namespace": "default",
        "repo": "app",
        "mode": "merge",
        "branches": [{"index": 0, "attempt": 1, "branch": "task/T+0", "commit": "12" * 20}],
    }
    answer = await two.worker.operator.post("/v1/merges", json=given)
    assert_error(answer, 403, "FORBIDDEN", "only the coordinator")
    answer = await two.worker.operator.post(path, json={})
    assert_error(answer, 409, "CONFLICT", "coordinator")


async def test_without_auth_nobody_over_tcp_has_anything_merged(make_api: MakeApi) -> None:
    api = await make_api(without_auth())
    await api.task(alias="T")
    assert_error(await api.tcp.post("/v1/tasks/T/merge", json={}), 403, "FORBIDDEN", "only the operator")
    allow = {"repo": "app", "digest": "ab" * 32}
    assert_error(await api.tcp.post("/v1/worktrees/allow", json=allow), 403, "FORBIDDEN", "only the operator")


async def test_an_instance_alone_merges_what_its_own_goals_left(make_api: MakeApi, project: Path) -> None:
    workspace = WorkspaceSettings(repos={"app": Repo("app", project)})
    settings = Settings(
        adapters=AdapterSettings(bash=True), dispatch=DispatchSettings(adapter="bash"), workspace=workspace
    )
    api = await make_api(settings)
    run = {"goal": "echo x > x", "alias": "T", "repo": "app", "target": "coordinator", "allow_unknown": True}
    assert (await api.operator.post("/v1/dispatch", json=run)).status_code == 201

    async def accepted() -> bool:
        return bool((await api.get("/v1/tasks/T/join"))["accepted"])

    await until(accepted)
    answer = await api.operator.post("/v1/tasks/T/merge", json={"subtasks": [0]})
    assert answer.status_code == 201, answer.text

    async def ended() -> bool:
        return bool((await api.get("/v1/tasks/T/merge"))["data"][0]["ended_at"])

    await until(ended)
    assert (await api.get("/v1/tasks/T/merge"))["data"][0]["state"] == "merged"
    assert subjects(project) == ["Merge T: echo x > x", "Begin"]


async def test_merges_of_a_repository_are_carried_out_in_the_order_of_asking(
    two: Two, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await done(two, "echo a > a", "echo b > b", "echo c > c")
    found, looks = Repository.find, iter((0.2, 0.0, 0.1))

    def slow(folder: Path) -> Repository:
        if folder == project:
            time.sleep(next(looks, 0.0))  # the first to ask is the last to hear from git
        return found(folder)

    monkeypatch.setattr(Repository, "find", slow)
    for index in (2, 0, 1):
        await ask(two, [index])

    async def all_ended() -> bool:
        rows = (await two.coordinator.get("/v1/tasks/T/merge"))["data"]
        return all(one["state"] == "merged" for one in rows)

    await until(all_ended)
    assert subjects(project) == [
        *(f"Merge T+{index}: echo {name} > {name}" for index, name in ((1, "b"), (0, "a"), (2, "c"))),
        "Begin",
    ]
