"""What an operator says to a running subtask: delivered, answered, or kept for the next attempt."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from syncropel.cli.text.task import child_lines
from syncropel.settings.config import DispatchSettings
from syncropel.wire import ChildOut
from tests.asking_adapter import AskingAdapter

from .asked import attempt_of
from .conftest import ACTOR, Api, assert_error, record, until
from .two_instances import Two, two_instances

ADA = "did:sync:user:ada"


@pytest.fixture
async def asking() -> AskingAdapter:
    return AskingAdapter()


@pytest.fixture
async def two(tmp_path: Path, asking: AskingAdapter) -> AsyncIterator[Two]:
    here = DispatchSettings(adapter="asking", shutdown_grace_secs=0.0)
    async with two_instances(tmp_path, {"asking": asking}, dispatch=here) as both:
        yield both


async def say(api: Api, text: str, index: int = 0, name: str = "T", **more: Any) -> httpx.Response:
    body = {"text": text, "actor": ADA, **more}
    return await api.operator.post(f"/v1/tasks/{name}/subtasks/{index}/messages", json=body)


async def states(api: Api, name: str = "T") -> list[tuple[str, str]]:
    found = (await api.get(f"/v1/tasks/{name}/messages"))["data"]
    return [(one["text"], one["state"]) for one in found]


async def running(two: Two, name: str = "T") -> Any:
    async def look() -> Any:
        joined = await two.coordinator.get(f"/v1/tasks/{name}/join")
        return all(one["state"] == "in_progress" for one in joined["subtasks"]) and joined

    return await until(look)


async def ended(two: Two, name: str = "T") -> dict[str, Any]:
    async def look() -> Any:
        child = (await two.coordinator.get(f"/v1/tasks/{name}/join"))["subtasks"][-1]
        return child if child["verdict"] is not None else None

    found: dict[str, Any] = await until(look)
    return found


async def test_a_message_is_delivered_and_answered(two: Two, asking: AskingAdapter) -> None:
    await two.fan_out(json.dumps({"listens": 2}))
    await running(two)
    said = await say(two.coordinator, "leave the tests alone")
    assert said.status_code == 201, said.text

    async def heard() -> bool:
        return await states(two.coordinator) == [("leave the tests alone", "answered")]

    await until(heard)
    assert asking.heard == ["leave the tests alone"]
    [one] = (await two.coordinator.get("/v1/tasks/T/messages", subtask=0))["data"]
    assert (one["id"], one["by"], one["attempt"]) == (said.json()["id"], ADA, 1)
    assert one["at"] <= one["delivered_at"] <= one["answered_at"]
    assert (await two.coordinator.get("/v1/tasks/T/messages", subtask=1))["data"] == []
    assert (await two.coordinator.get("/v1/tasks/T"))["talk"] == {
        "questions": 0,
        "open": 0,
        "messages": 1,
        "queued": 0,
    }
    child = (await two.coordinator.get("/v1/tasks/T/join"))["subtasks"][0]
    assert child["said"] == one
    assert "said (answered): leave the tests alone" in "\n".join(child_lines(ChildOut.model_validate(child)))
    assert (await say(two.coordinator, "and the docs")).status_code == 201
    await ended(two)
    assert asking.heard == ["leave the tests alone", "and the docs"]


async def test_a_message_to_a_worker_that_is_down_waits_for_it(two: Two, asking: AskingAdapter) -> None:
    await two.fan_out(json.dumps({"listens": 1}))
    await running(two)
    await two.stop("worker-b")
    assert (await say(two.coordinator, "hello")).status_code == 201
    assert await states(two.coordinator) == [("hello", "queued")]
    await two.stop("coordinator")
    await two.start("coordinator")
    await two.start("worker-b")
    await ended(two)
    assert asking.heard == ["hello"]


async def test_what_nobody_heard_is_a_hint_of_the_next_attempt(two: Two, asking: AskingAdapter) -> None:
    asking.go_on.clear()
    await two.fan_out(json.dumps({}))
    await running(two)
    for text in ("one", "two"):
        assert (await say(two.coordinator, text)).status_code == 201
    await until(lambda: _has_words(two, 2))
    assert [state for _, state in await states(two.coordinator)] == ["queued", "queued"]
    retried = {"index": 0, "hint": "be quick", "actor": ADA}
    assert (await two.coordinator.operator.post("/v1/tasks/T/retry", json=retried)).status_code == 201
    await until(lambda: _runs_attempt(two, 2))
    asking.go_on.set()
    child = await ended(two)
    assert (child["attempt"], child["summary"]) == (2, "be quick\n\nThe operator says:\n- one\n- two")
    await until(lambda: _all_delivered(two))


async def _runs_attempt(two: Two, attempt: int) -> bool:
    return [run.intend.attempt for run in two.worker.engine.dispatcher.runs()] == [attempt]


async def _has_words(two: Two, count: int) -> bool:
    return any(child.words == count for child in two.worker.engine.ingest.live.open_children.values())


async def _all_delivered(two: Two) -> bool:
    return {state for _, state in await states(two.coordinator)} == {"delivered"}


async def test_a_goal_that_hears_nothing_gets_with_its_start_what_was_said_before(tmp_path: Path) -> None:
    one = DispatchSettings(adapter="bash", max_concurrent=1)
    async with two_instances(tmp_path, dispatch=one) as two:
        gate = tmp_path / "gate"
        wait = f"until [ -e {gate} ]; do sleep 0.02; done"
        await two.fan_out(wait, 'printf "%s" "$SPL_HINT"')
        await running(two)
        assert (await say(two.coordinator, "hello", index=1)).status_code == 201
        await until(lambda: _has_words(two, 1))
        gate.touch()
        assert (await ended(two))["summary"] == "The operator says:\n- hello"
        await until(lambda: _all_delivered(two))


async def test_nobody_is_told_what_nobody_would_hear(two: Two, asking: AskingAdapter) -> None:
    assert_error(await say(two.coordinator, "x", name="T-0"), 404, "NOT_FOUND")
    asking.go_on.clear()
    await two.fan_out(json.dumps({}), json.dumps({}))
    await running(two)
    assert_error(await say(two.coordinator, "x", index=2), 400, "BAD_REQUEST", "0 to 1")
    assert (await say(two.coordinator, "")).status_code == 422
    assert_error(await say(two.coordinator, "x" * 4001), 422, "INVALID_RECORD", "4000")
    for _ in range(20):
        assert (await say(two.coordinator, "x", index=1)).status_code == 201
    assert_error(await say(two.coordinator, "x", index=1), 409, "CONFLICT", "20 messages")
    end = {"topic": "fanout_end_subtask", "index": 0, "attempt": 1, "reason": "stopped"}
    thread = (await two.coordinator.get("/v1/tasks/T"))["thread"]
    await two.coordinator.post(thread=thread, act="LEARN", body=end)

    async def over() -> bool:
        joined = await two.coordinator.get("/v1/tasks/T/join")
        return joined["subtasks"][0]["verdict"] is not None

    await until(over)
    refused = await say(two.coordinator, "x")
    assert_error(refused, 410, "OVER", "has ended", "spl task retry T --subtask 0 --hint")
    asking.go_on.set()

    async def accepted() -> bool:
        joined = await two.coordinator.get("/v1/tasks/T/join")
        return joined["subtasks"][1]["verdict"] == "accept"

    await until(accepted)
    refused = await say(two.coordinator, "x", index=1)
    assert_error(refused, 410, "OVER", "has ended", "spl task reject T 1 --notes")
    await two.coordinator.post(thread=thread, act="DO", body={"topic": "task_cancelled"})
    assert_error(await say(two.coordinator, "x"), 410, "OVER", "has ended", "spl task add GOAL --parent T")


async def test_a_subtask_that_was_given_to_nobody_hears_nothing(api: Api) -> None:
    await api.task(alias="T")
    await api.fan_out("T", {"target": "worker-z"})
    assert_error(await say(api, "x"), 409, "CONFLICT", "given to nobody", "spl task join-status T")


async def test_who_may_say_something(api: Api) -> None:
    asked = await attempt_of(api)
    path, body = "/v1/tasks/T/subtasks/0/messages", {"text": "hello", "actor": ACTOR}
    others = await api.bearer("records:read", "records:write", "threads:write", "agents:answer")
    refused = await api.tcp.post(path, json=body, headers=others)
    assert_error(refused, 403, "FORBIDDEN", "agents:say")
    said = await api.tcp.post(path, json=body, headers=await api.bearer("agents:say"))
    assert said.status_code == 201
    forged = record(thread=asked.thread, act="LEARN", body={"topic": "fanout_say", "index": 0, "text": "x"})
    assert_error(await api.operator.post("/v1/records", json=forged), 403, "WRONG_AUTHOR", "spl task say")

    told = {"topic": "fanout_message_state", **asked.where, "message": said.json()["id"], "at": 1.0}
    assert_error(await asked.tell({**told, "state": "queued"}), 422, "INVALID_RECORD", "queued")
    assert_error(await asked.tell({**told, "state": "answered", "message": "ab" * 32}), 409, "CONFLICT")
    assert (await asked.tell({**told, "state": "delivered"})).status_code == 201
    assert (await asked.tell({**told, "state": "delivered"})).json()["duplicate"] is True
    assert await states(api) == [("hello", "delivered")]
