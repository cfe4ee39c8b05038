"""Why a task stands as it does, and what another join would have done, asked of the real application."""

from __future__ import annotations

from typing import Any

from syncropel.wire.explain import TaskWhy, WhatIf

from .conftest import Api, assert_error
from .test_tasks import joined, report


async def why(api: Api, name: str) -> TaskWhy:
    return TaskWhy.model_validate(await api.get(f"/v1/tasks/{name}/why"))


async def what_if(api: Api, name: str, join: str) -> WhatIf:
    return WhatIf.model_validate(await api.get(f"/v1/tasks/{name}/what-if", join=join))


async def records(api: Api, thread: str) -> set[str]:
    return {one["id"] for one in (await api.get("/v1/records", thread=thread))["data"]}


NOBODY: dict[str, Any] = {"target": "worker-nobody"}


async def test_an_open_task_and_one_that_is_not_there(api: Api) -> None:
    await api.task(alias="T-1")
    assert (await why(api, "T-1")).sentence.startswith("open: ")
    answer = await api.operator.get("/v1/tasks/T-2/why")
    assert_error(answer, 404, "NOT_FOUND")


async def test_a_subtask_without_a_worker_is_the_reason(api: Api) -> None:
    await api.task(alias="T-1")
    await api.fan_out("T-1", NOBODY)
    told = await why(api, "T-1")
    assert "worker-nobody has never joined" in told.sentence
    assert {one.record for one in told.proofs} <= await records(api, told.thread)


async def test_a_freeze_is_the_reason(api: Api) -> None:
    await api.task(alias="T-1", namespace="docs")
    await api.fan_out("T-1", NOBODY)
    body = {"topic": "freeze", "level": "soft", "namespace": "docs", "reason": "prices", "at": 1.0}
    freeze = await api.wrote(thread="th_fleet_control", act="LEARN", body=body)
    told = await why(api, "T-1")
    assert told.sentence == "not done yet: held by the soft freeze of 'docs': prices"
    assert told.proofs[0].record == freeze


async def test_a_join_is_explained_and_all_joined_as_it_did(durable: Api) -> None:
    await durable.task(alias="T-1")
    await durable.fan_out("T-1", {}, {})
    await joined(durable, "T-1")
    told = await why(durable, "T-1")
    assert told.status == "approved"
    assert told.sentence.startswith("joined ")
    assert "tipped it" in told.sentence
    assert {one.record for one in told.proofs} <= await records(durable, told.thread)
    same = await what_if(durable, "T-1", "all")
    assert same.outcome == "same"
    assert same.real == same.then
    assert same.real is not None
    assert same.real.record in {one.record for one in told.proofs}
    sooner = await what_if(durable, "T-1", "children.exists(c, c.verdict == 'accept')")
    assert sooner.outcome == "sooner"
    assert sooner.then is not None
    assert sooner.then.accepted == 1


async def test_a_join_that_is_not_reached(api: Api) -> None:
    await api.task(alias="T-1")
    await api.fan_out("T-1", NOBODY, NOBODY)
    assert (await what_if(api, "T-1", "all")).outcome == "never"
    await report(api, "T-1", 0, "failed")
    only = await what_if(api, "T-1", "children.exists(c, c.verdict == 'failed')")
    assert only.outcome == "only"
    assert only.real is None
    assert only.then is not None
    assert only.then.index == 0


async def test_a_predicate_that_makes_no_sense_is_refused_with_its_place(api: Api) -> None:
    await api.task(alias="T-1")
    await api.fan_out("T-1", NOBODY)
    for join, code in (("children.exists(", "INVALID_EXPRESSION"), ("k_of_n:9", "INVALID_FANOUT")):
        answer = await api.operator.get("/v1/tasks/T-1/what-if", params={"join": join})
        assert answer.json()["code"] == code
    plain = await api.operator.get("/v1/tasks/T-1/what-if", params={"join": "nobody > 1"})
    assert "column 1" in plain.json()["message"]
    await api.task(alias="T-2")
    assert_error(await api.operator.get("/v1/tasks/T-2/what-if?join=all"), 409, "CONFLICT")
