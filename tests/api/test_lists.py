"""Lists of records: filters, and pages that give each record once."""

from __future__ import annotations

from typing import Any

import pytest

from syncropel.wire import Page, RecordOut

from .conftest import Api, record


async def walk(api: Api, path: str, **query: Any) -> list[dict[str, Any]]:
    """Every row, page by page."""
    rows: list[dict[str, Any]] = []
    while True:
        page = await api.get(path, **query)
        rows += page["data"]
        if page["next_cursor"] is None:
            return rows
        assert page["data"], "a page with a cursor holds something"
        query["since"] = page["next_cursor"]


async def fill(api: Api) -> list[str]:
    """Records of three actors on two threads; on one thread the actors' clocks are the same."""
    records = [
        record(thread=thread, actor=f"did:sync:user:{actor}", clock=clock, body={"topic": f"t{clock % 2}"})
        for clock in range(7)
        for actor in "abc"
        for thread in ("one", "two")
    ]
    answer = await api.operator.post("/v1/records/batch", json=records)
    return [one["id"] for one in answer.json()["data"]]


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 7, 20, 21, 22, 1000])
async def test_a_threads_pages_give_each_record_once(durable: Api, limit: int) -> None:
    await fill(durable)
    for path, query in (("/v1/records", {"thread": "one"}), ("/v1/threads/one/records", {})):
        rows = await walk(durable, path, limit=limit, **query)
        assert len(rows) == 21
        assert len({one["id"] for one in rows}) == 21
        assert [one["clock"] for one in rows] == sorted(one["clock"] for one in rows)


@pytest.mark.parametrize("limit", [1, 5, 42, 1000])
async def test_the_logs_pages_give_each_record_once(durable: Api, limit: int) -> None:
    ids = await fill(durable)
    rows = await walk(durable, "/v1/records", limit=limit)
    assert [one["id"] for one in rows if one["thread"] in ("one", "two")] == ids
    assert [one["sequence"] for one in rows] == sorted({one["sequence"] for one in rows})


async def test_the_last_page_has_no_cursor(durable: Api) -> None:
    await fill(durable)
    full = await durable.get("/v1/records", thread="one", limit=21)
    Page[RecordOut].model_validate(full)
    assert (len(full["data"]), full["next_cursor"]) == (21, None)
    assert (await durable.get("/v1/records", thread="none"))["data"] == []


async def test_filters_hold_together(durable: Api) -> None:
    await fill(durable)
    rows = await walk(durable, "/v1/records", actor="did:sync:user:a", topic="t0", act="KNOW", limit=3)
    assert len(rows) == 8
    assert {one["actor"] for one in rows} == {"did:sync:user:a"}
    assert {one["body"]["topic"] for one in rows} == {"t0"}
    assert await walk(durable, "/v1/records", thread="one", act="LEARN") == []
    above = await durable.get("/v1/records", thread="two", since=5)
    assert {one["clock"] for one in above["data"]} == {6}


@pytest.mark.parametrize("limit", [1, 2, 1000])
async def test_threads_come_latest_first_and_each_once(durable: Api, limit: int) -> None:
    for name in ("a", "b", "c", "a"):
        await durable.post(thread=name, body={"goal": f"goal of {name}"})
    rows = [one["id"] for one in await walk(durable, "/v1/threads", limit=limit)]
    assert rows[:3] == ["a", "c", "b"]
    assert len(rows) == len(set(rows))


@pytest.mark.parametrize("limit", [1, 2, 5, 6, 1000])
async def test_pages_of_tasks_give_each_once(api: Api, limit: int) -> None:
    """`before` goes on where the page before ended; a status counts only its own."""
    for number in range(5):
        await api.task(alias=f"P-{number}")
    names: list[str] = []
    query: dict[str, Any] = {"status": "open", "limit": limit}
    while True:
        page = await api.get("/v1/tasks", **query)
        names += [one["alias"] for one in page["data"]]
        if page["next_cursor"] is None:
            break
        assert len(page["data"]) == limit
        query["before"] = page["next_cursor"]
    assert names == [f"P-{number}" for number in (4, 3, 2, 1, 0)]
