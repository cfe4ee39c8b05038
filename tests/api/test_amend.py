"""POST /v1/tasks/{name}/amend, and budgets that come with a retry."""

from __future__ import annotations

from typing import Any

import pytest

from syncropel.wire import JoinStatus, PostedRecord, TaskDetail

from .conftest import ACTOR, Api, MakeApi, assert_error, until
from .test_drain import A, archive, beat, given, intends, subtask, topics
from .test_tasks import joined, report


async def spend(api: Api, thread: str, *costs: float) -> None:
    running = zip((await intends(api, thread)).values(), costs, strict=True)
    told = [{"child_intend": intend, "child_thread": "th", "cost_usd": cost} for intend, cost in running]
    await beat(api, A, spend=told)


async def amend(api: Api, **body: Any) -> Any:
    return await api.operator.post("/v1/tasks/T/amend", json={"actor": ACTOR, **body})


async def out_of_money(api: Api) -> str:
    await beat(api, A)
    thread = await given(api, "worker-a", "worker-a", budget_usd=1.0)
    await spend(api, thread, 0.6, 0.5)
    await until(lambda: topics(api, thread, "fanout_budget_exceeded"))
    return thread


async def test_a_spent_budget_can_be_raised_and_is_told(make_api: MakeApi) -> None:
    api = await make_api()
    thread = await out_of_money(api)
    status = JoinStatus.model_validate(await api.get("/v1/tasks/T/join"))
    assert (status.budget_usd, status.asked_budget_usd, status.budget_exceeded) == (1.0, 1.0, True)
    answer = await amend(api, budget_usd=3, reason="worth it")
    assert answer.status_code == 201
    body = PostedRecord.model_validate(answer.json()).body
    assert (body["topic"], body["budget_usd"], body["reason"]) == ("fanout_amend_budget", 3, "worth it")
    status = JoinStatus.model_validate(await api.get("/v1/tasks/T/join"))
    assert (status.budget_usd, status.asked_budget_usd, status.budget_exceeded) == (3.0, 1.0, False)
    assert TaskDetail.model_validate(await api.get("/v1/tasks/T")).budget_usd == 3.0
    again = await api.operator.post("/v1/tasks/T/retry", json={"index": 0, "budget_usd": 2.5})
    assert again.status_code == 201
    (child,) = [one for one in (await api.get("/v1/tasks/T/join"))["subtasks"] if one["index"] == 0]
    assert (child["budget_usd"], child["attempt"]) == (2.5, 2)
    assert await until(lambda: begun_again(api, thread))


async def begun_again(api: Api, thread: str) -> bool:
    return (0, 2) in await intends(api, thread)


async def test_a_budget_may_not_be_below_what_was_spent(make_api: MakeApi) -> None:
    api = await make_api()
    await out_of_money(api)
    assert_error(await amend(api, budget_usd=1.1), 409, "CONFLICT", "has spent $1.10 already")
    assert_error(await api.operator.post("/v1/tasks/T/retry", json={"index": 0}), 409, "CONFLICT", "budget")


@pytest.mark.parametrize("budget", [0, -1, "2", True, None, 1e200])
async def test_what_is_no_budget_is_refused(durable: Api, budget: Any) -> None:
    await durable.task(alias="T")
    await durable.fan_out("T", {}, {}, budget_usd=1.0)
    answer = await amend(durable, budget_usd=budget)
    assert answer.status_code in (400, 422)
    assert "budget_usd" in answer.text
    thread = (await durable.get("/v1/tasks/T"))["thread"]
    body = {"topic": "fanout_amend_budget", "budget_usd": budget}
    plain = {"thread": thread, "actor": ACTOR, "act": "LEARN", "body": body}
    assert_error(await durable.operator.post("/v1/records", json=plain), 422, "INVALID_RECORD", "budget_usd")


async def test_a_join_is_amended_by_the_same_door(api: Api) -> None:
    await api.task(alias="T")
    assert_error(await amend(api, join="any"), 409, "CONFLICT", "not fanned out")
    await api.fan_out("T", {"target": "worker-nobody"}, {"target": "worker-nobody"})
    assert_error(await amend(api, join="any", budget_usd=2), 400, "BAD_REQUEST", "one thing")
    assert_error(await amend(api), 400, "BAD_REQUEST", "one thing")
    assert (await amend(api, join="k_of_n:9")).status_code == 422
    assert (await amend(api, join="any")).status_code == 201
    assert (await api.get("/v1/tasks/T/join"))["join"] == "any"
    await report(api, "T", 0, "accept")
    await joined(api, "T")
    assert_error(await amend(api, join="all"), 409, "CONFLICT", "has joined")


async def test_what_ended_for_its_cost_on_an_archived_worker_gets_its_result_from_the_coordinator(
    make_api: MakeApi,
) -> None:
    api = await make_api()
    thread = await out_of_money(api)
    assert (await subtask(api))["state"] == "in_progress"
    await archive(api, A)
    reports = await until(lambda: both(api, thread))
    assert {(one["verdict"], one["reason"]) for one in reports} == {("failed", "budget_exceeded")}
    assert {one["cost_usd"] for one in reports} == {0.6, 0.5}
    status = await api.get("/v1/tasks/T/join")
    assert [one["state"] for one in status["subtasks"]] == ["failed", "failed"]
    assert status["cost_usd"] == 1.1
    assert status["hint"] == "spl task amend T --budget USD"


async def both(api: Api, thread: str) -> list[dict[str, Any]] | None:
    found = await topics(api, thread, "fanout_child_done")
    return found if len(found) == 2 else None


async def test_a_word_about_what_waits_for_none_is_refused(api: Api) -> None:
    await api.task(alias="T")
    await api.fan_out("T", {"target": "worker-nobody"})
    for index in (0, 9):
        answer = await api.operator.post("/v1/tasks/T/answer", json={"index": index, "verdict": "accept"})
        assert_error(answer, 409, "CONFLICT", "is not waiting for a decision")
    bad = await api.operator.post("/v1/tasks/T/answer", json={"index": 0, "verdict": "perhaps"})
    assert_error(bad, 422, "INVALID_RECORD", "verdict")


async def test_a_fold_rule_is_shown_of_a_task_and_taken_away_again(api: Api) -> None:
    thread = (await api.task(alias="T"))["thread"]
    assert (await api.get("/v1/tasks/T"))["marks"] == []
    path = "/v1/config/rules/fold/stage"
    stage = 'record.topic == "stage" ? record.body.name : state'
    assert (await api.operator.put(path, json={"expression": stage})).status_code == 201
    for name in ("draft", "print"):
        await api.post(thread=thread, act="KNOW", body={"topic": "stage", "name": name})
    assert (await api.get("/v1/tasks/T"))["marks"] == [{"name": "stage", "value": "print", "problem": ""}]
    await api.operator.put(path, json={"expression": "record.body.nothing"})
    (mark,) = (await api.get("/v1/tasks/T"))["marks"]
    assert (mark["value"], "nothing" in mark["problem"]) == (None, True)
    await api.operator.post(f"{path}/remove", json={})
    assert (await api.get("/v1/tasks/T"))["marks"] == []
