"""POST /v1/records/query: the document, the page, the plan, and who may see what."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from syncropel.api.records.query import QUERY_LIMIT
from syncropel.store.sqlite import walking
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


def hurry(api: Api, secs: float) -> None:
    """Let so many seconds pass for every look at the clock, so that a walk gets only a few records far."""
    ticks = count()
    api.engine.runtime = replace(api.engine.runtime, monotonic=lambda: next(ticks) * secs)


async def test_a_query_stops_for_time_and_goes_on_from_its_cursor(durable: Api) -> None:
    posted = [await durable.post(body={"n": n}, thread=f"query.{n % 2}") for n in range(40)]
    hurry(durable, 0.03)
    for sort in ([], ["-sequence"], ["-body.n"]):
        document: dict[str, Any] = {
            "filter": {"body.n": {"$gte": 37, "$lt": 40}},
            "sort": sort,
            "within_secs": 0.3,
        }
        found: list[str] = []
        answers: list[QueryResult] = []
        while not answers or answers[-1].next_cursor is not None:
            answers.append(await query(durable, **document))
            found += [one.id for one in answers[-1].data]
            document["cursor"] = answers[-1].next_cursor
            await durable.post(body={"n": 100 + len(answers)}, thread="query.0")
        expected = [one["id"] for one in posted[37:]]
        assert found == (list(reversed(expected)) if sort else expected)
        assert [one.stopped_for for one in answers] == ["time"] * (len(answers) - 1) + [None]
        assert len(answers) > 3
        looked = [one.progress.looked_at for one in answers if one.progress is not None]
        assert looked == sorted(looked)
        last = answers[-1].progress
        assert last is not None
        assert last.looked_at == last.to_look_at == looked[-1]


async def test_records_of_a_rare_topic_come_by_pages_that_stop_for_time(
    durable: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walking, "WINDOW", 5)
    for n in range(40):
        await durable.post(body={"n": n, **({"topic": "rare"} if n % 13 == 12 else {})})
    hurry(durable, 0.5)
    pages: list[dict[str, Any]] = []
    since = 0
    while True:
        pages.append(await durable.get("/v1/records", topic="rare", since=since, limit=2))
        if (since := pages[-1]["next_cursor"]) is None:
            break
    assert [one["body"]["n"] for page in pages for one in page["data"]] == [12, 25, 38]
    assert [] in [page["data"] for page in pages]
    assert max(len(page["data"]) for page in pages) <= 2
    whole = await durable.get("/v1/records", topic="rare", actor="did:nobody")
    assert whole["data"] == []


@pytest.mark.parametrize("words", [("POST", "/v1/records/query"), ("GET", "/v1/records?topic=rare")])
async def test_a_daemon_that_stops_says_so_to_whoever_searches(api: Api, words: tuple[str, str]) -> None:
    await api.post(body={"n": 1})
    api.engine.stopping = True
    try:
        answer = await api.operator.request(*words, json={} if words[0] == "POST" else None)
    finally:
        api.engine.stopping = False
    assert_error(answer, 503, "UNAVAILABLE", "stopping", "restart")
    assert "retry-after" in answer.headers


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
    sorted_by = {"sort": ["body.n"], "cursor": "x"}
    assert_error(await refused(json.dumps(sorted_by)), 422, "INVALID_QUERY", "cursor", "next_cursor")
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
