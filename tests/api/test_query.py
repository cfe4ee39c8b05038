"""POST /v1/records/query: the document, the page, the plan, and who may see what."""

from __future__ import annotations

import json
from typing import Any

import pytest

from syncropel.api.records.query import QUERY_LIMIT
from syncropel.wire import QueryPlan, QueryResult

from .conftest import Api, assert_error


async def query(api: Api, **document: Any) -> QueryResult:
    answer = await api.operator.post("/v1/records/query", json=document)
    assert answer.status_code == 200, answer.text
    return QueryResult.model_validate(answer.json())


async def test_records_come_whole_a_page_at_a_time(durable: Api) -> None:
    posted = [await durable.post(body={"n": n}, thread=f"query.{n % 2}") for n in range(5)]
    wanted = {"thread": {"$like": "query.%"}, "body.n": {"$gte": 1}}
    first = await query(durable, filter=wanted, sort=["-body.n"], limit=3)
    assert [one.id for one in first.data] == [posted[n]["id"] for n in (4, 3, 2)]
    assert first.data[0].model_dump() == {
        key: value for key, value in posted[4].items() if key != "duplicate"
    }
    assert (first.next_offset, first.plan) == (3, None)
    last = await query(durable, filter=wanted, sort=["-body.n"], limit=3, offset=3)
    assert ([one.body["n"] for one in last.data], last.next_offset) == ([1], None)


async def test_the_plan_tells_what_was_looked_at(api: Api) -> None:
    for n in range(3):
        await api.post(body={"n": n}, thread="query.a" if n else "query.b")
    told = await query(api, filter={"thread": "query.a"}, explain=True)
    assert told.plan == QueryPlan(walked="thread", thread="query.a", examined=2, sorted=False)
    last = api.engine.store.last_sequence
    told = await query(api, filter={"sequence": {"$gt": last - 2}}, sort=["clock"], explain=True)
    assert told.plan == QueryPlan(walked="log", after=last - 2, examined=2, sorted=True)


async def test_a_thread_goes_by_its_id_or_by_the_alias_of_its_task(api: Api) -> None:
    task = await api.task(alias="A-1")
    await api.post(thread=task["thread"], body={"n": 1})
    for name in ("A-1", task["thread"]):
        found = await query(api, thread=name, filter={"body.n": {"$exists": True}}, sort={"clock": -1})
        assert [one.body["n"] for one in found.data] == [1]
    assert (await query(api, thread="nowhere")).data == []


async def test_mistakes_are_told_with_their_place(api: Api) -> None:
    async def refused(content: str | bytes) -> Any:
        return await api.operator.post("/v1/records/query", content=content)

    bad = {"filter": {"$or": [{"body.n": {"$gt": None}}]}}
    assert_error(await refused(json.dumps(bad)), 422, "INVALID_QUERY", "filter.$or[0].body.n.$gt", "number")
    assert_error(await refused("{"), 422, "INVALID_RECORD", "not JSON")
    assert_error(await refused("[]"), 422, "INVALID_QUERY", "object")
    assert_error(await refused(b" " * (QUERY_LIMIT + 1)), 413, "TOO_LARGE", str(QUERY_LIMIT))


async def test_a_query_is_a_read(api: Api) -> None:
    reader, writer = await api.bearer("records:read"), await api.bearer("records:write")
    assert (await api.tcp.post("/v1/records/query", json={}, headers=reader)).status_code == 200
    answer = await api.tcp.post("/v1/records/query", json={}, headers=writer)
    assert_error(answer, 403, "FORBIDDEN", "records:read")


@pytest.mark.parametrize(
    "wanted", [{"body.secret": True}, {"thread": {"$in": ["private", "public"]}}, {}], ids=repr
)
async def test_threads_that_rules_keep_from_the_caller_are_left_out(api: Api, wanted: dict[str, Any]) -> None:
    await api.post(thread="private", body={"secret": True})
    await api.post(thread="public", body={"secret": False})

    async def threads() -> set[str]:
        return {one.thread for one in (await query(api, filter=wanted)).data}

    before = await threads()
    assert "private" in before
    await enforce(api, "private")
    after = await threads()
    assert "private" not in after
    assert ("public" in after) is ("public" in before)
    for document in ({"filter": {"thread": "private"}}, {"thread": "private"}):
        named = await api.operator.post("/v1/records/query", json=document)
        assert_error(named, 403, "PERMISSION_DENIED", "private")


async def enforce(api: Api, private: str) -> None:
    """Put rules in force that let everybody do everything but see this thread."""
    for name, priority, effect, expression in (
        ("all", 50, "allow", "true"),
        ("private", 1, "deny", f"thread == '{private}'"),
    ):
        body = {"expression": expression, "effect": effect, "priority": priority}
        answer = await api.operator.put(f"/v1/config/rules/permission/{name}", json=body)
        assert answer.is_success, answer.text
    assert (await api.operator.post("/v1/config/permissions/enable", json={})).is_success
