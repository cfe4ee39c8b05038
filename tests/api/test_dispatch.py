"""Dispatches: one goal for one instance, tried again, refused when it makes no sense, listed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from syncropel.settings.adapters import AdapterSettings
from syncropel.settings.config import DispatchSettings
from syncropel.wire import Dispatched, JoinStatus, Page, RunningDispatch, TaskDetail

from .conftest import DID, NOOP, Api, MakeApi, assert_error, beat, until

BASH = replace(
    NOOP,
    adapters=AdapterSettings(bash=True),
    dispatch=DispatchSettings(adapter="bash", shutdown_grace_secs=0.05),
)


async def dispatch(api: Api, **body: Any) -> Dispatched:
    answer = await api.operator.post("/v1/dispatch", json=body)
    assert answer.status_code == 201, answer.text
    return Dispatched.model_validate(answer.json())


async def refused(api: Api, **body: Any) -> Any:
    return await api.operator.post("/v1/dispatch", json=body)


async def ended(api: Api, name: str, attempt: int = 1) -> JoinStatus:
    async def look() -> JoinStatus | None:
        status = JoinStatus.model_validate(await api.get(f"/v1/tasks/{name}/join"))
        (child,) = status.subtasks
        return status if child.attempt == attempt and child.verdict else None

    return await until(look)


async def joined(api: Api, name: str) -> JoinStatus:
    async def look() -> JoinStatus | None:
        status = JoinStatus.model_validate(await api.get(f"/v1/tasks/{name}/join"))
        return status if status.complete else None

    return await until(look)


async def status_of(api: Api, name: str) -> str:
    return TaskDetail.model_validate(await api.get(f"/v1/tasks/{name}")).status


async def put(api: Api, thread: str, act: str, **body: Any) -> None:
    await api.post(thread=thread, act=act, body=body)


async def test_a_goal_becomes_a_task_that_one_instance_does(durable: Api) -> None:
    made = await dispatch(durable, goal="say hi", alias="RUN-1", domain="docs", namespace="docs/v1")
    assert (made.alias, made.goal, made.attempt) == ("RUN-1", "say hi", 1)
    assert made.target == f"specific:{DID}"
    status = await joined(durable, "RUN-1")
    assert (status.complete, status.namespace, status.subtasks[0].verdict) == (True, "docs/v1", "accept")
    assert await status_of(durable, "RUN-1") == "approved"
    written = await durable.get(f"/v1/records/{made.record}")
    assert (written["thread"], written["act"], written["body"]["dispatch"]) == (made.thread, "INTEND", True)


async def test_a_task_that_there_is_is_dispatched_with_what_is_asked_for(api: Api) -> None:
    await api.task(alias="T-1", goal="write")
    asked = {"budget_usd": 0.5, "timeout_secs": 60, "content": "/data/tasks/T-1.md", "adapter": "noop"}
    made = await dispatch(api, task="T-1", **asked)
    record = await api.get(f"/v1/records/{made.record}")
    assert record["body"]["subtasks"] == [{"goal": "write", "target": f"specific:{DID}", **asked}]
    child = (await ended(api, "T-1")).subtasks[0]
    intend = (await api.get(f"/v1/threads/{child.child_thread}/records"))["data"][0]
    assert intend["body"]["content"] == "/data/tasks/T-1.md"


@pytest.mark.parametrize(
    ("target", "resolved"),
    [
        (None, "least-loaded-worker"),
        ("worker-b", "worker-b"),
        ("round-robin", "round-robin"),
        (DID, f"specific:{DID}"),
        ("coordinator", f"specific:{DID}"),
    ],
)
async def test_a_target_is_named_as_people_name_instances(
    api: Api, target: str | None, resolved: str
) -> None:
    await api.operator.post("/v1/fleet/heartbeat", json=beat("b"))
    assert (await dispatch(api, goal="g", target=target)).target == resolved


async def test_a_script_reads_where_the_tasks_file_is(make_api: MakeApi) -> None:
    api = await make_api(BASH)
    await dispatch(api, goal='echo "file $SPL_TASK_FILE"', alias="F", content="/data/F.md")
    assert (await ended(api, "F")).subtasks[0].summary == "file /data/F.md"


async def test_a_failed_dispatch_fails_its_task_and_is_tried_again(make_api: MakeApi) -> None:
    api = await make_api(BASH)
    await dispatch(api, goal='test "$SPL_HINT" = please', alias="TRY")
    assert (await ended(api, "TRY")).satisfiable is False
    assert await status_of(api, "TRY") == "failed"
    again = await dispatch(api, task="TRY", hint="please")
    assert again.attempt == 2
    await joined(api, "TRY")
    detail = TaskDetail.model_validate(await api.get("/v1/tasks/TRY"))
    assert (detail.status, detail.attempts_failed) == ("approved", 1)


async def test_a_task_whose_worker_died_is_salvaged(make_api: MakeApi) -> None:
    api = await make_api(BASH)
    made = await dispatch(api, goal="kill -9 $$", alias="SAL")
    await ended(api, "SAL")
    await put(api, made.thread, "DO", topic="task_reopened", reason="salvaged")
    assert await status_of(api, "SAL") == "open"
    opened = (await api.get(f"/v1/threads/{made.thread}/records"))["data"][0]["id"]
    await put(api, made.thread, "KNOW", fulfills=opened, summary="done by hand")
    assert await status_of(api, "SAL") == "done"
    judged = {"verdict": "accept", "notes": "gate is green"}
    await api.post(thread=made.thread, act="KNOW", actor="did:sync:agent:reviewer", body=judged)
    assert await status_of(api, "SAL") == "approved"
    assert (await api.get("/v1/fleet/status"))["fanouts"] == []
    assert_error(await refused(api, task="SAL"), 409, "CONFLICT", "approved", "reopen")


async def test_reopened_and_retried_it_is_in_progress_and_says_so(make_api: MakeApi) -> None:
    api = await make_api(BASH)
    made = await dispatch(api, goal='test "$SPL_ATTEMPT" = 1 && exit 1; sleep 60', alias="BACK")
    await ended(api, "BACK")
    await put(api, made.thread, "DO", topic="task_reopened")
    await dispatch(api, task="BACK")
    assert await status_of(api, "BACK") == "in_progress"
    assert (await api.get("/v1/tasks/BACK/why"))["sentence"].startswith("not done yet")


async def test_what_runs_is_listed_with_its_time(make_api: MakeApi) -> None:
    api = await make_api(BASH)
    made = await dispatch(api, goal="sleep 60", alias="LONG", budget_usd=2)

    async def look() -> RunningDispatch | None:
        page = Page[RunningDispatch].model_validate(await api.get("/v1/dispatches"))
        return page.data[0] if page.data else None

    row = await until(look)
    assert (row.thread, row.alias, row.instance, row.instance_alias) == (
        made.thread,
        "LONG",
        DID,
        "coordinator",
    )
    assert (row.budget_usd, row.attempt, row.elapsed_secs >= 0) == (2, 1, True)
    assert_error(await refused(api, task="LONG"), 409, "CONFLICT", "attempt 1", "spl task stop")


async def test_a_worker_lists_what_it_runs_for_somebody_else(make_api: MakeApi) -> None:
    api = await make_api(BASH)
    parent = {"parent_thread": "th_far", "parent_intend": "ab" * 32, "index": 3, "attempt": 1}
    await api.wrote(thread="th_child", act="INTEND", body={"goal": "sleep 60", **parent})

    async def look() -> Any:
        return (await api.get("/v1/dispatches"))["data"]

    (row,) = await until(look)
    assert (row["thread"], row["index"], row["goal"]) == ("th_far", 3, "sleep 60")
    assert (row["child_thread"], row["instance"]) == ("th_child", DID)


@pytest.mark.parametrize(
    ("body", "status", "code", "words"),
    [
        ({}, 400, "BAD_REQUEST", "goal"),
        ({"goal": ""}, 422, "INVALID_RECORD", "goal"),
        ({"task": "nobody"}, 404, "NOT_FOUND", "nobody"),
        ({"goal": "g", "target": "the moon"}, 422, "INVALID_FANOUT", "the moon"),
        ({"goal": "g", "budget_usd": -1}, 422, "INVALID_FANOUT", "budget_usd"),
        ({"goal": "g", "content": ""}, 422, "INVALID_FANOUT", "content"),
        ({"goal": "g", "alias": "T-1"}, 409, "CONFLICT", "T-1"),
        ({"goal": "g", "golas": 1}, 422, "INVALID_RECORD", "golas"),
    ],
    ids=repr,
)
async def test_what_makes_no_sense_is_refused(
    api: Api, body: dict[str, Any], status: int, code: str, words: str
) -> None:
    await api.task(alias="T-1")
    before = len((await api.get("/v1/tasks"))["data"])
    assert_error(await refused(api, **body), status, code, words)
    assert len((await api.get("/v1/tasks"))["data"]) == before


async def test_a_fan_out_is_not_dispatched_over_nor_with_another_goal(make_api: MakeApi) -> None:
    api = await make_api(BASH)
    await api.task(alias="FAN")
    await api.fan_out("FAN", {"goal": "sleep 60"}, {"goal": "sleep 60"})
    assert_error(await refused(api, task="FAN"), 409, "CONFLICT", "2 subtasks", "spl task retry FAN")
    await dispatch(api, goal="exit 1", alias="ONE")
    await ended(api, "ONE")
    assert_error(await refused(api, task="ONE", goal="exit 0"), 400, "BAD_REQUEST", "another goal", "hint")
