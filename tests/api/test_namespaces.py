"""Namespaces where they are brought in, frozen and inherited, through the whole application."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import ACTOR, DID, Api, assert_error, record
from .test_tasks import joined

BAD = ["Docs", " docs", "/docs", "a//b", "ｄｏｃｓ", "a/b/c/d/e/f", "x" * 5000, "*", ""]
SUBTASK = {"goal": "g", "target": f"specific:{DID}"}


async def kill(api: Api, namespace: str, **fields: Any) -> Any:
    body = {"namespace": namespace, "reason": "stop", "actor": ACTOR, **fields}
    return await api.operator.post("/v1/fleet/freeze", json=body)


@pytest.mark.parametrize("namespace", BAD, ids=[repr(one)[:20] for one in BAD])
async def test_no_route_brings_in_what_is_no_namespace(api: Api, namespace: str) -> None:
    await api.task(alias="T")
    for path, body in (
        ("/v1/tasks", {"goal": "g", "namespace": namespace}),
        ("/v1/tasks", {"goal": "g", "namespace": namespace, "parent": "T"}),
        ("/v1/tasks/T/fan-out", {"subtasks": [SUBTASK], "namespace": namespace}),
        ("/v1/dispatch", {"goal": "g", "namespace": namespace}),
        ("/v1/dispatch", {"task": "T", "namespace": namespace}),
        ("/v1/namespaces", {"namespace": namespace}),
    ):
        answer = await api.operator.post(path, json=body)
        assert_error(answer, 422, "INVALID_NAMESPACE", "namespace", "docs/v1")
        assert len(answer.json()["message"]) < 200
    assert [one["alias"] for one in (await api.get("/v1/tasks"))["data"]] == ["T"]
    posted = record(act="INTEND", body={"namespace": namespace})
    assert_error(
        await api.operator.post("/v1/records", json=posted), 422, "INVALID_NAMESPACE", "body.namespace"
    )
    headers = await api.bearer("records:write")
    fan_out = {"task": True, "subtasks": [SUBTASK], "join": "all", "namespace": namespace}
    for sent in (posted, record(act="INTEND", body=fan_out)):
        answer = await api.tcp.post("/v1/records/batch", json=[sent], headers=headers)
        assert answer.json()["data"][0]["error"]["code"] in ("INVALID_NAMESPACE", "ACTOR_NOT_ALLOWED")
    inner = [{**SUBTASK, "namespace": namespace}]
    answer = await api.operator.post("/v1/tasks/T/fan-out", json={"subtasks": inner})
    assert_error(answer, 422, "INVALID_NAMESPACE", "subtask 0: namespace")


@pytest.mark.parametrize("namespace", [one for one in BAD if one])
async def test_nothing_is_frozen_that_is_no_namespace(api: Api, namespace: str) -> None:
    assert_error(await kill(api, namespace), 422, "INVALID_NAMESPACE")
    query = {"level": "soft", "namespace": namespace}
    assert_error(await api.operator.get("/v1/control/blast", params=query), 422, "INVALID_NAMESPACE")


async def test_the_whole_fleet_is_no_namespace(api: Api) -> None:
    assert_error(await kill(api, "*"), 422, "INVALID_NAMESPACE", "spl kill --emergency")
    stopped = {"level": "emergency", "reason": "stop", "actor": ACTOR}
    assert (await api.operator.post("/v1/fleet/freeze", json=stopped)).status_code == 201
    for namespace, status in (("*", 400), ("", 400)):
        answer = await api.operator.post("/v1/fleet/unfreeze", json={"namespace": namespace, "actor": ACTOR})
        assert answer.status_code == status
    assert (await api.get("/v1/fleet/status"))["emergency"]


@pytest.mark.parametrize("namespace", ["Docs", " docs", "a//b", "x" * 5000, "a/b/c/d/e/f"])
async def test_work_of_an_older_log_goes_on_and_can_be_stopped(api: Api, namespace: str) -> None:
    older = {"task": True, "goal": "g", "alias": "OLD", "namespace": namespace}
    await api.wrote(thread="th_old", act="INTEND", body=older)
    assert (await api.operator.post("/v1/tasks/OLD/fan-out", json={"subtasks": [SUBTASK]})).status_code == 201
    await joined(api, "OLD")
    assert (await api.task(alias="PART", parent="OLD"))["namespace"] == namespace
    assert (await api.task(alias="SAME", parent="OLD", namespace=namespace))["namespace"] == namespace
    assert (await kill(api, namespace)).status_code == 201
    blast = await api.get("/v1/control/blast", level="soft", namespace=namespace)
    assert blast["namespace"] == namespace
    for thread in ("th_old", (await api.get("/v1/tasks/PART"))["thread"]):
        refused = await api.operator.post("/v1/records", json=record(thread=thread, act="DO"))
        assert_error(refused, 403, "NAMESPACE_FROZEN")
    lifted = await api.operator.post("/v1/fleet/unfreeze", json={"namespace": namespace, "actor": ACTOR})
    assert lifted.status_code == 201
    assert (await api.operator.post("/v1/records", json=record(thread="th_old", act="DO"))).status_code == 201


async def test_a_plain_thread_has_the_namespace_of_its_first_intend(api: Api) -> None:
    await api.post(thread="th_a", act="INTEND", body={"namespace": "docs/v1"})
    await api.post(thread="th_b", act="INTEND")
    await api.post(thread="th_b", act="INTEND", body={"namespace": "docs"})
    assert (await kill(api, "docs", level="hard", grace_secs=0)).status_code == 201
    for act in ("DO", "PUT", "KNOW"):
        for body in ({}, {"namespace": "code"}):
            refused = await api.operator.post("/v1/records", json=record(thread="th_a", act=act, body=body))
            assert_error(refused, 403, "NAMESPACE_FROZEN", "docs")
        await api.post(thread="th_b", act=act)
    refused = await api.operator.post("/v1/records", json=record(thread="th_b", body={"namespace": "docs"}))
    assert_error(refused, 403, "NAMESPACE_FROZEN", "docs")
