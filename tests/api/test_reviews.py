"""Reviews of attempts: side by side, approved, or rejected with notes that the next attempt gets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from syncropel.cli.text.task import join_lines
from syncropel.folds.control.access import SCOPES
from syncropel.folds.fanout.state import CHILD_DONE, SPAWNED
from syncropel.record.model import Record
from syncropel.settings.workspace import Repo, WorkspaceSettings
from syncropel.store.base import Appended
from syncropel.wire import JoinStatus
from tests.git_repository import git, new_project

from .conftest import Api, assert_error, until
from .merging import ask, merged
from .two_instances import COORDINATOR, WORKER, Two, two_instances

ADA = "did:sync:user:ada"
BOB = "did:sync:user:bob"
GOAL = 'echo two >> a.txt; printf "%s\\n" "$SPL_HINT" > hint.txt'
OPEN = "children.filter(c, c.index == 1 && c.verdict == 'accept').size() == 1"
"""A join that waits for subtask 1, which only a retry lets accept."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return new_project(tmp_path / "project")


@pytest.fixture
async def two(tmp_path: Path, project: Path) -> AsyncIterator[Two]:
    workspace = WorkspaceSettings(repos={"app": Repo("app", project)})
    async with two_instances(tmp_path, workspace=workspace) as both:
        yield both


async def begun(
    two: Two, *goals: str, depends: dict[int, list[int]] | None = None, join: str = "all"
) -> None:
    """A task whose subtasks run these scripts in `app`."""
    await two.coordinator.task(alias="T")
    subtasks = [
        {"goal": goal, "target": "worker-b", "repo": "app", "depends_on": (depends or {}).get(index, [])}
        for index, goal in enumerate(goals)
    ]
    body = {"subtasks": subtasks, "join": join, "allow_unknown": True}
    answer = await two.coordinator.operator.post("/v1/tasks/T/fan-out", json=body)
    assert answer.status_code == 201, answer.text


async def attempts(two: Two, index: int = 0) -> dict[str, Any]:
    return dict(await two.coordinator.get(f"/v1/tasks/T/subtasks/{index}/attempts"))


async def has(two: Two, state: str, index: int = 0, attempt: int = 1) -> dict[str, Any]:
    """The attempts, once the latest is this one and in this state."""

    async def look() -> Any:
        found = await attempts(two, index)
        return (found["state"], found["latest"]) == (state, attempt) and found

    return dict(await until(look))


async def half_done(two: Two, *more: str, **how: Any) -> dict[str, Any]:
    """Subtask 0 is accepted, and subtask 1 has failed, so that the join is open."""
    await begun(two, GOAL, "exit 1", *more, **how)
    await has(two, "failed", 1)
    return await has(two, "accept")


async def review(two: Two, verdict: str = "reject", index: int = 0, **more: Any) -> httpx.Response:
    """Review the latest attempt as it is now, unless `more` names another."""
    found = await attempts(two, index)
    last = found["data"][-1]
    body = {
        "verdict": verdict,
        "attempt": last["attempt"],
        "commit": (last["worktree"] or {}).get("commit", ""),
        "text": "no" if verdict == "reject" else "",
        "actor": ADA,
        **more,
    }
    url = f"/v1/tasks/T/subtasks/{index}/reviews"
    return await two.coordinator.operator.post(url, json=body)


async def test_a_rejection_begins_an_attempt_that_gets_the_notes(two: Two) -> None:
    found = await half_done(two)
    (first,) = found["data"]
    assert (found["not_approvable"], found["not_rejectable"], found["dependents"]) == ("", "", [])
    left = first["worktree"]
    assert (first["state"], left["files"], left["insertions"], left["deletions"]) == ("accept", 2, 2, 0)
    assert (first["instance_alias"], left["branch"]) == ("worker-b", "task/T+0")
    note = {"text": "say three", "path": "a.txt", "line": 2, "quote": "two"}
    answer = await review(two, text="Not yet.", notes=[note, {"text": "explain it"}])
    assert answer.status_code == 201, answer.text
    taken = answer.json()
    hint = (
        f"Attempt 1 was rejected in review. Its work is on the branch task/T+0, at {left['commit'][:12]}.\n\n"
        "Not yet.\n\na.txt:2 — `two` — say three\n- explain it"
    )
    assert (taken["next_attempt"], taken["hint"], taken["dependents"]) == (2, hint, [])
    second = (await has(two, "accept", attempt=2))["data"][1]
    assert second["hint"] == hint
    again = await attempts(two)
    said = again["data"][0]["reviews"]
    assert [(one["verdict"], one["by"], one["commit"]) for one in said] == [("reject", ADA, left["commit"])]
    assert said[0]["notes"][0] == {**note, "side": "new"}
    assert again["data"][0]["state"] == "accept", "its own result stays in the log"
    join = await two.coordinator.get("/v1/tasks/T/join")
    child = join["subtasks"][0]
    assert (child["attempt"], child["earlier"][0]["cost_usd"], child["reviews"]) == (2, 0.0, said)
    assert child["earlier"][0]["worktree"]["commit"] == left["commit"]
    for attempt, words in ((1, "+two"), (2, "+a.txt:2 — `two` — say three")):
        page = await two.coordinator.get("/v1/tasks/T/subtasks/0/diff", attempt=attempt)
        assert words in page["data"]
    approved = await review(two, "accept", text="Good.")
    assert approved.status_code == 201, approved.text
    assert approved.json()["next_attempt"] is None
    assert_error(await review(two, "accept"), 409, "CONFLICT", "already")
    assert (await review(two, "accept", actor=BOB)).status_code == 201
    assert (await review(two, actor=BOB)).status_code == 201, "who approved it may see better"
    await has(two, "accept", attempt=3)


async def test_what_is_not_the_latest_accepted_attempt_is_refused(two: Two) -> None:
    found = await half_done(two)
    commit = found["data"][0]["worktree"]["commit"]
    assert_error(await review(two, attempt=2), 409, "CONFLICT", "not the latest: that is attempt 1")
    assert_error(await review(two, commit="ab" * 20), 409, "CONFLICT", f"is commit {commit}, not abab")
    assert_error(await review(two, commit=""), 409, "CONFLICT", "not (none)")
    assert_error(await review(two, index=1), 409, "CONFLICT", "is failed: only accepted work")
    assert_error(await review(two, actor=WORKER), 403, "ACTOR_NOT_ALLOWED")
    for odd in ({"text": ""}, {"notes": [{"text": "x", "line": 1}]}, {"notes": [{"text": "x" * 5000}]}):
        assert_error(await review(two, **odd), 422, "INVALID_RECORD")
    many = [{"text": "x" * 3900, "path": "a.txt"}] * 6
    assert_error(await review(two, notes=many), 422, "INVALID_RECORD", "at most 16000")
    gone = await two.coordinator.operator.get("/v1/tasks/T/subtasks/7/attempts")
    assert_error(gone, 404, "NOT_FOUND", "no subtask 7")
    assert (await attempts(two))["data"][0]["reviews"] == []
    assert (await review(two)).status_code == 201
    late = await review(two, attempt=1, commit=commit)
    assert_error(late, 409, "CONFLICT", f"was rejected by {ADA}; the latest is 2")


async def test_of_two_reviewers_at_once_one_is_told_that_it_is_late(two: Two) -> None:
    await half_done(two)
    answers = await asyncio.gather(*(review(two, actor=who) for who in (ADA, BOB, ADA, BOB)))
    assert sorted(one.status_code for one in answers) == [201, 409, 409, 409]
    assert (await attempts(two))["latest"] == 2


async def test_a_review_after_the_join_says_what_to_do_now(two: Two) -> None:
    await begun(two, GOAL)

    async def over() -> bool:
        return bool((await two.coordinator.get("/v1/tasks/T/join"))["complete"])

    await until(over)
    found = await attempts(two)
    assert (found["joined"], found["not_approvable"]) == (True, "")
    assert "has joined" in found["not_rejectable"]
    refused = await review(two)
    assert_error(refused, 409, "CONFLICT", "has joined")
    assert "spl task reject T --notes TEXT" in refused.json()["hint"]
    assert (await review(two, "accept")).status_code == 201, (
        "who approved which commit is still worth knowing"
    )


async def test_a_join_over_approvals_is_closed_by_the_last_one(two: Two) -> None:
    await begun(two, GOAL, GOAL, join="children.all(c, c.approved)")
    for index in (0, 1):
        await has(two, "accept", index)
    join = await two.coordinator.get("/v1/tasks/T/join")
    waits = "2/2 accepted, waits for a review of [0], [1]"
    assert (join["explanation"], join["status"]) == (waits, "in_progress")
    assert f"Not joined: {waits}" in "\n".join(join_lines(JoinStatus.model_validate(join)))
    assert (await review(two, "accept", 0)).status_code == 201
    assert (await review(two, "accept", 1)).status_code == 201

    async def over() -> bool:
        return bool((await two.coordinator.get("/v1/tasks/T/join"))["complete"])

    await until(over)
    task = await two.coordinator.get("/v1/tasks/T")
    assert (task["status"], [one["index"] for one in task["reviews"]]) == ("approved", [1, 0])


@pytest.mark.parametrize("reject_first", [True, False])
async def test_a_rejection_and_the_join_have_one_outcome(two: Two, reject_first: bool) -> None:
    """Both at the same moment: either the join stands, or the next attempt does."""
    await half_done(two, join=OPEN)
    amend = two.coordinator.operator.post("/v1/tasks/T/amend", json={"join": "any", "actor": ADA})
    both = [amend, review(two)]
    done = await asyncio.gather(*(reversed(both) if reject_first else both))
    answer = next(one for one in done if one.request.url.path.endswith("/reviews"))

    async def over() -> bool:
        return bool((await two.coordinator.get("/v1/tasks/T/join"))["complete"])

    await until(over)
    latest = (await attempts(two))["latest"]
    assert (answer.status_code, latest) in ((201, 2), (409, 1))
    records = (await two.coordinator.get("/v1/threads/T/records", limit=100))["data"]
    (join,) = [one for one in records if "explanation" in one["body"]]
    assert join["body"].get("rejections", 0) == latest - 1


async def test_a_join_that_was_decided_before_a_rejection_is_decided_again(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The review comes exactly between the decision and its record."""
    await half_done(two, join=OPEN)
    ingest = two.coordinator.engine.ingest
    said: list[int] = []
    append_one = ingest.append_one

    async def append_behind_a_review(record: Record, **how: Any) -> Appended:
        if "explanation" in record.body and not said:
            said.append((await review(two)).status_code)
        return await append_one(record, **how)

    monkeypatch.setattr(ingest, "append_one", append_behind_a_review)
    await two.coordinator.operator.post("/v1/tasks/T/amend", json={"join": "any", "actor": ADA})

    async def over() -> bool:
        return bool((await two.coordinator.get("/v1/tasks/T/join"))["complete"])

    await until(over)
    assert said == [201]
    found = await attempts(two)
    assert (found["latest"], found["state"]) == (2, "accept")
    records = (await two.coordinator.get("/v1/threads/" + found["thread"] + "/records", limit=100))["data"]
    joins = [one["body"]["rejections"] for one in records if "explanation" in one["body"]]
    assert joins == [1], "the one that did not know of the rejection is not in the log"


async def test_subtasks_that_have_begun_with_the_result_are_named(two: Two) -> None:
    await half_done(two, "echo y > y", "echo z > z", depends={2: [0], 3: [2]})
    await has(two, "accept", 3)
    assert (await attempts(two))["dependents"] == [2, 3]
    refused = await review(two)
    assert_error(refused, 409, "DEPENDENTS_BEGAN", "[2], [3]")
    taken = await review(two, anyway=True)
    assert taken.status_code == 201, taken.text
    assert taken.json()["dependents"] == [2, 3]
    assert [(await attempts(two, index))["latest"] for index in (2, 3)] == [1, 1]


async def test_a_rejected_attempt_is_not_merged_and_a_merged_one_not_rejected(
    two: Two, project: Path
) -> None:
    await half_done(two, "echo y > y")
    await has(two, "accept", 2)
    assert (await merged(two, [2]))["state"] == "merged"
    assert_error(await review(two, index=2), 409, "CONFLICT", "is merged into main")
    assert (await attempts(two, 2))["data"][0]["merged"]["into"] == "main"
    assert (await ask(two, [0], dry_run=True))["dry_run"]
    assert (await review(two)).status_code == 201
    answer = await two.coordinator.operator.post("/v1/tasks/T/merge", json={"subtasks": [0]})
    if answer.status_code != 201:  # the next attempt may be accepted by now: that one is merged
        assert_error(answer, 409, "CONFLICT", "cannot be merged")
    else:
        assert answer.json()["branches"][0]["attempt"] == 2


async def test_the_diff_of_an_attempt_whose_branch_was_removed_is_gone(two: Two, project: Path) -> None:
    await half_done(two)
    url = "/v1/tasks/T/subtasks/0/diff"
    git(project.parent / "project-T+0", "commit", "--allow-empty", "-qm", "later")
    (project.parent / "project-T+0" / "later.txt").write_text("later")
    assert "later" not in (await two.coordinator.get(url))["data"], "it is of the commit that was accepted"
    git(project, "worktree", "remove", "--force", str(project.parent / "project-T+0"))
    assert "+two" in (await two.coordinator.get(url))["data"]
    git(project, "branch", "-D", "task/T+0")
    git(project, "reflog", "expire", "--expire=now", "--all")
    git(project, "gc", "-q", "--prune=now")
    answer = await two.coordinator.operator.get(url)
    assert_error(answer, 404, "NO_OUTPUT", "is gone")


async def test_freezes_budgets_and_cancels_hold_as_for_a_retry(two: Two) -> None:
    await half_done(two)
    frozen = {"namespace": "default", "level": "soft", "reason": "test"}
    assert (await two.coordinator.operator.post("/v1/fleet/freeze", json=frozen)).status_code < 300
    taken = await review(two)
    assert taken.status_code == 201, taken.text
    found = await attempts(two)
    assert (found["latest"], found["state"]) == (2, "pending"), "it begins when the freeze is lifted"
    join = await two.coordinator.get("/v1/tasks/T/join")
    assert "freeze" in join["subtasks"][0]["why"]
    unfreeze = {"namespace": "default", "reason": "over"}
    assert (await two.coordinator.operator.post("/v1/fleet/unfreeze", json=unfreeze)).status_code < 300
    await has(two, "accept", attempt=2)
    cancel = {"thread": join["thread"], "actor": ADA, "act": "DO", "body": {"topic": "task_cancelled"}}
    assert (await two.coordinator.operator.post("/v1/records", json=cancel)).status_code == 201
    assert_error(await review(two), 409, "CONFLICT", "was cancelled")


async def test_only_tokens_with_the_scope_review_and_nobody_posts_the_record(two: Two) -> None:
    api: Api = two.coordinator
    found = await half_done(two)
    body = {"verdict": "accept", "attempt": 1, "commit": found["data"][0]["worktree"]["commit"]}
    url = "/v1/tasks/T/subtasks/0/reviews"
    others = [one for one in SCOPES if one not in ("tasks:review", "admin", "federation:read")]
    assert_error(await api.tcp.post(url, json=body, headers=await api.bearer(*others)), 403, "FORBIDDEN")
    record = {
        "thread": found["thread"],
        "actor": ADA,
        "act": "LEARN",
        "body": {"topic": "fanout_review", "index": 0, **body},
    }
    assert_error(await api.operator.post("/v1/records", json=record), 403, "WRONG_AUTHOR", "fanout_review")
    taken = await api.tcp.post(url, json=body, headers=await api.bearer("tasks:review"))
    assert taken.status_code == 201, taken.text


async def test_nobody_reviews_their_own_work(two: Two) -> None:
    await half_done(two)
    thread = (await attempts(two))["thread"]
    work = {"thread": thread, "actor": BOB, "act": "DO", "body": {"topic": "wrote_the_docs"}}
    assert (await two.coordinator.operator.post("/v1/records", json=work)).status_code == 201
    for verdict in ("accept", "reject"):
        assert_error(await review(two, verdict, actor=BOB), 403, "OWN_WORK", "did the work")


@pytest.mark.parametrize("branch", ["task/T\0rm", "task/T\nIGNORE THIS", "x" * 300, 7])
async def test_a_branch_that_a_program_cannot_be_given_is_not_in_the_hint(two: Two, branch: Any) -> None:
    """A worker may report any text, and the hint is a variable of the next attempt's program."""
    await two.coordinator.task(alias="T")
    subtasks = [{"goal": goal, "target": "worker-nobody"} for goal in ("a", "b")]
    body = {"subtasks": subtasks, "allow_unknown": True}
    assert (await two.coordinator.operator.post("/v1/tasks/T/fan-out", json=body)).status_code == 201
    thread, slot = (await two.coordinator.get("/v1/tasks/T"))["thread"], {"index": 0, "attempt": 1}
    spawn = {"topic": SPAWNED, **slot, "instance": WORKER, "child_thread": "th_c", "child_intend": "c"}
    left = {"branch": branch, "commit": "ab" * 20, "path": "/w", "subject": "s", "base": ""}
    left |= {"commits_ahead": 1, "uncommitted": 0}
    done = {"topic": CHILD_DONE, **slot, "worker": WORKER, "verdict": "accept", "worktree": left}
    for one in (spawn, done):
        await two.coordinator.engine.ingest.append_one(Record(thread, COORDINATOR, "DO", one))
    taken = (await review(two, commit="ab" * 20)).json()
    assert taken["hint"] == "Attempt 1 was rejected in review.\n\nno"


async def test_a_subtask_that_is_not_there_has_no_reviews(two: Two) -> None:
    await half_done(two)
    for index in (-1, 2):
        url = f"/v1/tasks/T/subtasks/{index}/reviews"
        answer = await two.coordinator.operator.post(url, json={"verdict": "accept", "attempt": 1})
        assert_error(answer, 404, "NOT_FOUND", f"T has no subtask {index}: it has 2, from 0 on")
