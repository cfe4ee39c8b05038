"""Questions of running goals: asked on a worker, answered at its coordinator, by operators alone."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from syncropel.folds.fanout.talk import MOST_KEPT, MOST_SHOWN, digest_of
from syncropel.record.model import Record
from syncropel.settings.config import DispatchSettings
from syncropel.settings.permissions import PermissionSettings, ToolRule
from tests.asking_adapter import AskingAdapter

from .conftest import Api, assert_error, until
from .two_instances import COORDINATOR, WORKER, Two, two_instances

HERE = DispatchSettings(adapter="asking", shutdown_grace_secs=0.0)
RULES = PermissionSettings(
    rules=(
        ToolRule("status", 'command == ["git", "status"]', "allow"),
        ToolRule("no-push", '"push" in command', "deny"),
    )
)
LS = {"shown": {"command": "ls -l"}, "command": ["ls", "-l"], "text": "run ls -l"}


@pytest.fixture
async def asking() -> AskingAdapter:
    return AskingAdapter()


@pytest.fixture
async def two(tmp_path: Path, asking: AskingAdapter) -> AsyncIterator[Two]:
    async with two_instances(tmp_path, {"asking": asking}, dispatch=HERE, permissions=RULES) as both:
        yield both


async def ask(two: Two, *requests: dict[str, Any], name: str = "T", **more: Any) -> list[dict[str, Any]]:
    """Have the worker ask these one after the other; gives the open questions once the first one is there."""
    await two.fan_out(json.dumps({"asks": requests}), name=name, **more)
    return await until(lambda: open_questions(two, name))


async def open_questions(two: Two, name: str = "T") -> list[dict[str, Any]]:
    return (await two.coordinator.get("/v1/questions", task=name, open=True))["data"]


async def question(two: Two, identity: str, name: str = "T") -> dict[str, Any]:
    return await two.coordinator.get(f"/v1/questions/{identity}", task=name)


async def answer(api: Api, asked: dict[str, Any], **fields: Any) -> httpx.Response:
    body = {"digest": asked["digest"], **fields}
    return await api.operator.post(f"/v1/questions/{asked['id']}/answer", json=body)


async def decided(two: Two, identity: str, name: str = "T") -> dict[str, Any]:
    async def look() -> dict[str, Any] | None:
        found = await question(two, identity, name)
        return found if found["decision"] is not None else None

    return await until(look)


async def topics(api: Api, thread: str) -> list[str]:
    found = (await api.get(f"/v1/threads/{thread}/records", limit=200))["data"]
    return [one["body"].get("topic") or one["act"] for one in found]


async def test_a_question_is_seen_and_answered_at_the_coordinator(two: Two, asking: AskingAdapter) -> None:
    [asked] = await ask(two, LS)
    assert (asked["state"], asked["index"], asked["kind"], asked["text"]) == (
        "open",
        0,
        "permission",
        "run ls -l",
    )
    assert (asked["instance"], asked["instance_alias"]) == (WORKER, "worker-b")
    shown = await question(two, asked["id"])
    assert (shown["shown"], shown["command"]) == ({"command": "ls -l"}, ["ls", "-l"])
    assert [one["kind"] for one in shown["options"]] == ["allow_once", "allow_always", "reject_once"]

    written = await answer(two.coordinator, asked, verdict="allow", actor="did:sync:user:ada", note="fine")
    assert written.status_code == 201, written.text

    found = await decided(two, asked["id"])
    assert (found["state"], found["decision"]["how"]) == ("decided", "operator")
    assert (found["decision"]["by"], found["decision"]["chosen"]) == ("did:sync:user:ada", "allow_once")
    assert found["decision"]["answer"] == written.json()["id"] == found["answer"]["record"]
    joined = await until(lambda: _done(two))
    assert joined["subtasks"][0]["summary"] == "allow_once by did:sync:user:ada: "
    # The coordinator's log alone tells what was asked, who answered, and what it allowed.
    told = await topics(two.coordinator, asked["thread"])
    assert [one for one in told if one.startswith(("fanout_question", "fanout_answer"))] == [
        "fanout_question",
        "fanout_answer",
        "fanout_question_decided",
    ]


async def _done(two: Two, name: str = "T") -> dict[str, Any] | None:
    joined = await two.coordinator.get(f"/v1/tasks/{name}/join")
    return joined if joined["subtasks"][0]["verdict"] is not None else None


async def test_a_denial_reaches_the_agent_with_its_note(two: Two, asking: AskingAdapter) -> None:
    [asked] = await ask(two, LS)
    assert (await answer(two.coordinator, asked, verdict="deny", note="not on Sundays")).status_code == 201
    await decided(two, asked["id"])
    assert [(one.chosen, one.reason) for one in asking.told] == [("reject_once", "not on Sundays")]


async def test_a_question_is_answered_in_words(two: Two, asking: AskingAdapter) -> None:
    [asked] = await ask(two, {"kind": "question", "text": "which colour?", "options": []})
    refused = await answer(two.coordinator, asked, verdict="allow")
    assert_error(refused, 400, "BAD_REQUEST", "give a text")
    assert (await answer(two.coordinator, asked, text="blue")).status_code == 201
    await decided(two, asked["id"])
    assert [one.text for one in asking.told] == ["blue"]


async def test_an_answer_to_something_else_than_is_asked_is_refused(two: Two) -> None:
    [asked] = await ask(two, LS)
    refused = await answer(two.coordinator, {**asked, "digest": "0" * 64}, verdict="allow")
    assert_error(refused, 409, "CONFLICT", "digest", asked["id"])
    assert [one["state"] for one in await open_questions(two)] == ["open"]


async def test_only_the_first_answer_counts(two: Two) -> None:
    [asked] = await ask(two, LS)
    two.network.down.add("worker-b")
    assert (await answer(two.coordinator, asked, verdict="deny")).status_code == 201
    assert (await question(two, asked["id"]))["state"] == "answered"
    refused = await answer(two.coordinator, asked, verdict="allow")
    assert_error(refused, 409, "CONFLICT", "answered it already")
    two.network.down.clear()
    await decided(two, asked["id"])
    assert_error(await answer(two.coordinator, asked, verdict="allow"), 409, "CONFLICT", "denied by")


async def test_an_answer_after_the_attempt_ended_is_refused(two: Two, asking: AskingAdapter) -> None:
    [asked] = await ask(two, LS)
    cancel = {"thread": asked["thread"], "act": "LEARN"}
    cancel["body"] = {"topic": "fanout_end_subtask", "index": 0, "attempt": 1, "reason": "stopped"}
    await two.coordinator.post(**cancel)
    await until(lambda: _done(two))
    refused = await answer(two.coordinator, asked, verdict="allow")
    assert_error(refused, 410, "OVER", "its attempt has ended")
    found = await question(two, asked["id"])
    assert (found["state"], found["closed"], found["decision"]) == ("closed", "its attempt has ended", None)
    assert await open_questions(two) == []
    assert asking.told == []


async def test_a_rule_decides_and_the_log_says_which(two: Two, asking: AskingAdapter) -> None:
    allowed = {"id": "r1", "shown": {"command": "git status"}, "command": ["git", "status"], "root": "/"}
    denied = {"id": "r2", "shown": {"command": "git push"}, "command": ["git", "push"]}
    [asked] = await ask(two, allowed, denied, {**LS, "id": "r3"})
    assert asked["text"] == "run ls -l", "only what no rule decides is asked"
    assert [(one.chosen, one.by) for one in asking.told] == [
        ("allow_once", "status"),
        ("reject_once", "no-push"),
    ]
    first, second, _ = (await two.coordinator.get("/v1/questions", task="T"))["data"]
    assert (first["decision"]["how"], first["decision"]["rule"], first["decision"]["by"]) == (
        "rule",
        "status",
        WORKER,
    )
    assert (second["decision"]["chosen"], second["decision"]["rule"]) == ("reject_once", "no-push")
    assert (await question(two, first["id"]))["command"] == ["git", "status"]
    told = [
        one for one in await topics(two.coordinator, asked["thread"]) if one.startswith("fanout_question")
    ]
    assert told == ["fanout_question"] * 3, "a question with its decision is one record"


async def test_what_nobody_can_judge_is_denied_with_the_reason(two: Two, asking: AskingAdapter) -> None:
    large = {"path": "/w/a", "old": None, "new": "x" * MOST_SHOWN}
    [asked] = await ask(
        two,
        {"id": "r1", "text": "large", "shown": {"diffs": [large]}},
        {"id": "r2", "text": "for ever", "options": ["allow_always", "reject_always"]},
        {"id": "r3", "text": "no text", "shown": {"input": "\ud800"}},
        {**LS, "id": "r4"},
    )
    assert asked["text"] == "run ls -l"
    large_, ever, odd = asking.told
    assert (large_.chosen, "too large" in large_.reason) == ("reject_once", True)
    assert (ever.chosen, "allows it once" in ever.reason) == ("cancelled", True)
    assert (odd.chosen, "cannot be recorded" in odd.reason) == ("reject_once", True)
    found = (await two.coordinator.get("/v1/questions", task="T"))["data"]
    assert [one["decision"]["how"] for one in found[:3]] == ["engine"] * 3
    shown = await question(two, found[0]["id"])
    assert (shown["shown"], shown["size"] > MOST_SHOWN, len(shown["digest"])) == (None, True, 64)


async def test_no_answer_in_time_is_a_denial_by_the_time_limit(tmp_path: Path) -> None:
    asking = AskingAdapter()
    soon = PermissionSettings(answer_secs=0.2)
    async with two_instances(tmp_path, {"asking": asking}, dispatch=HERE, permissions=soon) as two:
        [asked] = await ask(two, LS)
        found = await decided(two, asked["id"])
        assert (found["decision"]["how"], found["decision"]["chosen"]) == ("time_limit", "reject_once")
        assert [(one.by, "0.2 s" in one.reason) for one in asking.told] == [("time_limit", True)]
        assert_error(await answer(two.coordinator, asked, verdict="allow"), 409, "CONFLICT", "time limit")


async def test_an_answer_given_while_its_worker_is_down_arrives(two: Two, asking: AskingAdapter) -> None:
    [asked] = await ask(two, LS)
    await two.stop("worker-b")
    assert (await answer(two.coordinator, asked, verdict="allow")).status_code == 201
    assert (await question(two, asked["id"]))["state"] == "answered"
    await two.start("worker-b")
    assert (await decided(two, asked["id"]))["decision"]["how"] == "operator"
    assert [one.chosen for one in asking.told] == ["allow_once"]
    assert asking.asked == 2, "the goal began again, and asked the same"
    assert len((await two.coordinator.get("/v1/questions", task="T"))["data"]) == 1


async def test_a_question_outlives_the_daemons_of_both_sides(two: Two, asking: AskingAdapter) -> None:
    [asked] = await ask(two, LS)
    await two.stop("coordinator")
    await two.stop("worker-b")
    await two.start("coordinator")
    assert [one["id"] for one in await open_questions(two)] == [asked["id"]]
    assert (await answer(two.coordinator, asked, verdict="allow")).status_code == 201
    await two.stop("coordinator")
    await two.start("coordinator")
    await two.start("worker-b")
    assert (await decided(two, asked["id"]))["decision"]["chosen"] == "allow_once"


async def test_what_a_worker_could_not_tell_it_tells_after_a_restart(two: Two, asking: AskingAdapter) -> None:
    asking.go_on.clear()
    told = {"id": "r1", "shown": {"command": "git status"}, "command": ["git", "status"], "root": "/"}
    await two.fan_out(json.dumps({"asks": [{**LS, "id": "r0"}, told]}))
    [asked] = await until(lambda: open_questions(two))
    two.network.down.add("coordinator")
    intend = two.worker.engine.dispatcher.runs()[0].intend
    said = {"topic": "fanout_answer_child", "child_intend": intend.record, "attempt": 1}
    said |= {"question": asked["id"], "digest": asked["digest"], "chosen": "reject_once"}
    said |= {"by": "did:sync:user:ada", "answer": "ab" * 32}
    passed_on = Record(intend.thread, COORDINATOR, "LEARN", said)
    await two.worker.engine.ingest.append_one(passed_on)
    await until(lambda: _has_told(asking, 2))
    await two.stop("worker-b")
    assert len(two.worker.engine.ingest.live.unreported) == 2
    two.network.down.discard("coordinator")
    await two.start("worker-b")

    async def told_of() -> bool:
        found = (await two.coordinator.get("/v1/questions", task="T"))["data"]
        return len(found) == 2 and found[1]["decision"]["rule"] == "status"

    await until(told_of)
    # An answer that no operator gave is not believed, whoever passed it on.
    assert (await question(two, asked["id"]))["decision"] is None


async def _has_told(asking: AskingAdapter, count: int) -> bool:
    return len(asking.told) >= count


async def test_an_instance_that_runs_its_own_goals_asks_itself(two: Two, asking: AskingAdapter) -> None:
    [asked] = await ask(two, LS, {**LS, "id": "r2"}, target=f"specific:{COORDINATOR}")
    assert asked["instance"] == COORDINATOR
    assert (await answer(two.coordinator, asked, verdict="allow")).status_code == 201
    await decided(two, asked["id"])
    [again] = await until(lambda: open_questions(two))
    assert (await answer(two.coordinator, again, verdict="allow")).status_code == 201
    assert (await until(lambda: _done(two)))["subtasks"][0]["verdict"] == "accept"


async def test_a_soft_freeze_lets_what_runs_ask_and_be_answered(two: Two, asking: AskingAdapter) -> None:
    [asked] = await ask(two, LS)
    freeze = {"level": "soft", "namespace": "default", "reason": "stop", "actor": "did:sync:user:ada"}
    assert (await two.coordinator.operator.post("/v1/fleet/freeze", json=freeze)).status_code == 201
    assert (await answer(two.coordinator, asked, verdict="allow")).status_code == 201
    assert (await decided(two, asked["id"]))["decision"]["chosen"] == "allow_once"


async def test_of_what_a_rule_decides_the_log_keeps_a_little(two: Two, asking: AskingAdapter) -> None:
    large = {"command": "git status", "input": "x" * MOST_KEPT}
    allowed = {"id": "r1", "shown": large, "command": ["git", "status"], "root": "/"}
    await ask(two, allowed, {**LS, "id": "r2"})
    assert [one.chosen for one in asking.told] == ["allow_once"]
    first = (await two.coordinator.get("/v1/questions", task="T"))["data"][0]
    shown = await question(two, first["id"])
    assert (shown["shown"], shown["command"], shown["size"] > MOST_KEPT) == (None, ["git", "status"], True)
    assert shown["digest"] == digest_of(large)
    assert len((await two.coordinator.get("/v1/questions", task="T", limit=1))["data"]) == 1
