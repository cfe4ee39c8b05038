"""What the token of a running attempt does not open, and how its calls are bounded."""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import Any

from syncropel.adapters.calling import MOST_PROGRESS
from syncropel.adapters.tools.app import MOST_BODY, AgentsApp

from .attempts import ASKS, Stage, quick, stage
from .conftest import ACTOR, assert_error, until
from .test_auth import NEEDS

__all__ = ["quick", "stage"]


async def test_ten_thousand_calls_leave_one_record_and_the_daemon_at_work(stage: Stage) -> None:
    token = await stage.begin("work")
    app = AgentsApp(stage.two.worker.engine.desk, _no_gateway)
    number = itertools.count()
    statuses: list[int] = []

    async def send(message: Any) -> None:
        statuses.extend([message["status"]] if "status" in message else [])

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": json.dumps({"text": f"{next(number)}"}).encode()}

    headers = [(b"authorization", f"Bearer {token}".encode())]
    scope = {"type": "http", "method": "POST", "path": "/v1/attempt/progress", "headers": headers}
    for _ in range(100):
        await asyncio.gather(*(app(dict(scope), receive, send) for _ in range(100)))
    assert len(statuses) == 10_000
    assert set(statuses) == {200, 429}
    assert len(await stage.observed("progress")) == 1


async def test_huge_texts_are_refused(stage: Stage) -> None:
    token = await stage.begin("work")
    long = await stage.call(token, "progress", text="x" * (MOST_PROGRESS + 1))
    assert_error(long, 400, "BAD_REQUEST", "at most 500")
    assert_error(await stage.call(token, "progress", text="x" * MOST_BODY), 413, "TOO_LARGE", "65536 bytes")
    deep = await stage.client.post(
        "/v1/attempt/progress",
        content='{"text":' + "[" * 30_000 + "]" * 30_000 + "}",
        headers={"authorization": f"Bearer {token}"},
    )
    assert deep.status_code in (400, 422)
    assert not await stage.observed("progress")


async def test_the_token_of_an_attempt_that_has_ended_opens_nothing(stage: Stage, quick: None) -> None:
    token = await stage.begin("work")
    stage.agent.go_on.set()

    async def over() -> bool:
        return (await stage.call(token, "progress", text="still here")).status_code == 401

    await until(over)
    for route in ("questions", "progress", "siblings"):
        assert_error(await stage.call(token, route, **ASKS, text="x"), 401, "UNAUTHORIZED")


async def test_a_call_that_waits_ends_with_its_attempt(stage: Stage) -> None:
    token = await stage.begin("work")
    called = asyncio.create_task(stage.call(token, "questions", **ASKS))
    await stage.open_question()
    stage.agent.go_on.set()
    assert_error(await called, 401, "UNAUTHORIZED", "this attempt has ended")


async def test_each_token_acts_for_its_own_attempt(stage: Stage) -> None:
    first = await stage.begin("one", name="A")
    second = await stage.begin("two", name="B")
    assert first != second
    await stage.call(second, "progress", text="I am the second")
    [said] = await stage.observed("progress")
    live = stage.two.worker.engine.ingest.live
    assert live.children[said["child_thread"]].intends[1].body["goal"] == "two"
    for wrong in ("", "x", first[:-1], first.upper()):
        assert_error(await stage.call(wrong, "progress", text="x"), 401, "UNAUTHORIZED")


async def test_a_token_opens_no_route_of_the_api(stage: Stage) -> None:
    """Not of its worker, and not of the coordinator: reading, answering, unfreezing, tokens, whatever."""
    token = await stage.begin("work")
    headers = {"authorization": f"Bearer {token}"}
    for api in (stage.two.worker, stage.two.coordinator):
        for (method, path), needed in NEEDS.items():
            if needed is not None:
                answered = await api.tcp.request(method, path, headers=headers)
                assert_error(answered, 401, "UNAUTHORIZED")


async def test_other_paths_are_the_gateways_or_nobodys(stage: Stage) -> None:
    token = await stage.begin("work")
    for route in ("", "answers", "questions/1/answer", "..%2Frecords", "Progress"):
        assert_error(await stage.call(token, route, text="x"), 404, "NOT_FOUND")
    read = await stage.client.get("/v1/attempt/progress", headers={"authorization": f"Bearer {token}"})
    assert_error(read, 404, "NOT_FOUND")
    await stage.client.post("/v1/records", json={}, headers={"authorization": f"Bearer {token}"})
    assert stage.gateway == ["/v1/records"]  # where the token is not known either
    twice = [("authorization", f"Bearer {token}"), ("authorization", f"Bearer {token}")]
    assert_error(
        await stage.client.post("/v1/attempt/progress", json={"text": "x"}, headers=twice),
        401,
        "UNAUTHORIZED",
    )


async def test_under_a_soft_freeze_running_work_goes_on_with_its_token(stage: Stage) -> None:
    token = await stage.begin("work")
    body = {"namespace": "default", "level": "soft", "reason": "look", "actor": ACTOR}
    frozen = await stage.two.coordinator.operator.post("/v1/fleet/freeze", json=body)
    assert frozen.status_code == 201, frozen.text

    async def heard() -> bool:
        return bool(stage.two.worker.engine.ingest.live.control.covering("default"))

    await until(heard)
    assert (await stage.call(token, "progress", text="under a freeze")).status_code == 200
    called = asyncio.create_task(stage.call(token, "questions", **ASKS))
    await stage.answer(await stage.open_question(), text="blue")
    assert (await called).json()["text"] == "blue"
    lifting = {"namespace": "default", "reason": "please"}
    for api in (stage.two.worker, stage.two.coordinator):
        lifted = await api.tcp.post(
            "/v1/fleet/unfreeze", json=lifting, headers={"authorization": f"Bearer {token}"}
        )
        assert_error(lifted, 401, "UNAUTHORIZED")


async def test_a_freeze_that_ends_work_takes_the_token(stage: Stage) -> None:
    token = await stage.begin("work")
    body = {"namespace": "default", "level": "hard", "terminate": True, "reason": "stop", "actor": ACTOR}
    await stage.two.coordinator.operator.post("/v1/fleet/freeze", json=body)

    async def ended() -> bool:
        return (await stage.call(token, "siblings")).status_code == 401

    await until(ended)
    assert_error(await stage.call(token, "progress", text="once more"), 401, "UNAUTHORIZED")


async def test_a_daemon_that_leaves_sends_agents_to_the_next_one(stage: Stage) -> None:
    token = await stage.begin("work")
    called = asyncio.create_task(stage.call(token, "questions", **ASKS))
    await stage.open_question()
    await stage.two.worker.engine.desk.stop(keep_work=True)
    assert_error(await called, 503, "STARTING")
    assert_error(await stage.call(token, "progress", text="x"), 503, "STARTING")


async def _no_gateway(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError("the gateway was asked")
