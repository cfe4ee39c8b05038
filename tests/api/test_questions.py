"""Questions of running goals: asked on a worker, answered at its coordinator, by operators alone."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from syncropel.settings.config import DispatchSettings
from tests.asking_adapter import AskingAdapter

from .conftest import Api, assert_error, until
from .two_instances import WORKER, Two, two_instances

LS = {"shown": {"command": "ls -l"}, "command": ["ls", "-l"], "text": "run ls -l"}


@pytest.fixture
async def asking() -> AskingAdapter:
    return AskingAdapter()


@pytest.fixture
async def two(tmp_path: Path, asking: AskingAdapter) -> AsyncIterator[Two]:
    async with two_instances(
        tmp_path, {"asking": asking}, dispatch=DispatchSettings(adapter="asking")
    ) as both:
        yield both


async def ask(two: Two, *requests: dict[str, Any], name: str = "T") -> list[dict[str, Any]]:
    """Have the worker ask these one after the other; gives the open questions once the first one is there."""
    await two.fan_out(json.dumps({"asks": requests}), name=name)
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
