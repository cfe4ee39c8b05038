"""Queries over the log: what a filter means, in which order, how much; the same over every store."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from fnmatch import translate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncropel.errors import InvalidQuery
from syncropel.record.model import Record
from syncropel.store.base import RecordStore
from syncropel.store.pace import Pace
from syncropel.store.query.documents import read_query
from syncropel.store.query.filters import MAX_CHOICES, MAX_NESTING, MAX_PARTS
from syncropel.store.query.like import MAX_PATTERN, MAX_SINGLE, compile_like
from syncropel.store.query.searching import Found, search

Build = Callable[..., Record]

BODIES: list[dict[str, Any]] = [
    {"n": 0, "cost": 1, "name": "Alpha"},
    {"n": 1, "cost": 2.5, "name": "beta", "labels": ["x", "y"]},
    {"n": 2, "cost": "3", "topic": "played", "deep": {"list": [{"a": 1}, {"a": 2}]}},
    {"n": 3, "cost": True, "name": None},
    {"n": 4, "cost": 10**30, "labels": []},
    {"n": 5, "deep": {"list": []}, "name": "100%"},
]


async def everybody(thread: str) -> bool:
    return True


def pace(secs: float = 60.0, stopping: Callable[[], bool] = lambda: False) -> Pace:
    return Pace(time.monotonic, time.monotonic() + secs, stopping)


async def ask(store: RecordStore, **query: Any) -> Found:
    return await search(store, read_query(query), everybody, pace())


async def numbers(store: RecordStore, **query: Any) -> list[int]:
    return [stored.record.body["n"] for stored in (await ask(store, **query)).records]


@pytest.fixture
async def filled(store: RecordStore, record: Build) -> RecordStore:
    """Six records on two threads by two actors; the last has the first as its parent."""
    acts = ["DO", "KNOW", "DO", "LEARN", "DO", "KNOW"]
    records = [
        record(
            act=act,
            body=body,
            thread=f"th_{'ab'[body['n'] % 2]}",
            actor=f"did:{'xyz'[body['n'] // 2]}",
            clock=n,
        )
        for n, (act, body) in enumerate(zip(acts, BODIES, strict=True))
    ]
    first = records[0].identified()
    records[5] = record(
        act="KNOW", body=BODIES[5], thread="th_b", actor="did:z", clock=5, parents=(first.id,)
    )
    await store.append(records)
    return store


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, [0, 1, 2, 3, 4, 5]),
        ({"act": "KNOW"}, [1, 5]),
        ({"act": {"$ne": "DO"}}, [1, 3, 5]),
        ({"act": "DO", "actor": "did:y"}, [2]),
        ({"topic": "played"}, [2]),
        ({"sequence": {"$gt": 2, "$lte": 4}}, [2, 3]),
        ({"sequence": {"$gte": 2, "$lt": 4}}, [1, 2]),
        ({"sequence": 3}, [2]),
        ({"clock": {"$lt": 1}}, [0]),
        ({"thread": "th_b", "clock": {"$gte": 3}}, [3, 5]),
        ({"thread": {"$eq": "th_b"}}, [1, 3, 5]),
        ({"thread": "nowhere"}, []),
        ({"body.cost": 1}, [0]),
        ({"body.cost": True}, [3]),
        ({"body.cost": {"$gt": 1}}, [1, 4]),
        ({"body.cost": {"$gte": "0"}}, [2]),
        ({"body.cost": {"$in": [1, "3"]}}, [0, 2]),
        ({"body.cost": {"$nin": [1, "3"]}}, [1, 3, 4, 5]),
        ({"body.cost": {"$exists": False}}, [5]),
        ({"body.name": None}, [3]),
        ({"body.name": {"$exists": True}}, [0, 1, 3, 5]),
        ({"body.name": {"$like": "%a"}}, [0, 1]),
        ({"body.name": {"$like": "a%"}}, []),
        ({"body.name": {"$ilike": "a%"}}, [0]),
        ({"body.name": {"$like": "100\\%"}}, [5]),
        ({"body.name": {"$not": {"$like": "%a"}}}, [2, 3, 4, 5]),
        ({"body.labels": "y"}, [1]),
        ({"body.labels": ["x", "y"]}, [1]),
        ({"body.labels": []}, [4]),
        ({"body.labels": {"$ne": "y"}}, [0, 2, 3, 4, 5]),
        ({"body.labels.1": "y"}, [1]),
        ({"body.labels.7": {"$exists": True}}, []),
        ({"body.deep.list.1.a": {"$gt": 1}}, [2]),
        ({"body.deep": {"list": []}}, [5]),
        ({"body.name.x.y": {"$exists": True}}, []),
        ({"parents": {"$exists": True}, "judged_by": None}, [0, 1, 2, 3, 4, 5]),
        ({"parents": {"$like": "%"}}, [5]),
        ({"$or": [{"act": "LEARN"}, {"body.n": 0}]}, [0, 3]),
        ({"$and": [{"act": "DO"}, {"body.n": {"$gt": 0}}], "body.n": {"$lt": 4}}, [2]),
        ({"$not": {"act": "DO"}}, [1, 3, 5]),
        ({"received_at": {"$gt": 0}, "data_type": "SCALAR"}, [0, 1, 2, 3, 4, 5]),
    ],
    ids=repr,
)
async def test_a_filter_finds_what_it_means(
    filled: RecordStore, wanted: dict[str, Any], found: list[int]
) -> None:
    assert await numbers(filled, filter=wanted) == found


async def test_the_order_is_the_logs_or_what_is_sorted_by(filled: RecordStore) -> None:
    assert await numbers(filled, sort=["-sequence"]) == [5, 4, 3, 2, 1, 0]
    # Missing, false and true, numbers, texts; what is equal stays in the order of the log.
    assert await numbers(filled, sort=["body.cost"]) == [5, 3, 0, 1, 4, 2]
    assert await numbers(filled, sort=["-body.cost"]) == [2, 4, 1, 0, 3, 5]
    assert await numbers(filled, sort=["-act", "body.n"]) == [3, 1, 5, 0, 2, 4]
    assert await numbers(filled, sort=["act", "-body.n"]) == [4, 2, 0, 5, 1, 3]
    assert await numbers(filled, sort="thread") == [0, 2, 4, 1, 3, 5]
    assert await numbers(filled, sort={"act": -1, "body.n": 1}) == [3, 1, 5, 0, 2, 4]
    assert await numbers(filled, sort={"body.n": -1, "act": 1}) == [5, 4, 3, 2, 1, 0]
    assert await numbers(filled, sort={}) == [0, 1, 2, 3, 4, 5]


async def test_pages_lose_none_and_repeat_none(store: RecordStore, record: Build) -> None:
    await store.append([record(n, thread=f"th_{n % 3}") for n in range(1000)])
    for sort in ([], ["thread"], ["-thread", "-body.n"]):
        whole = await numbers(store, sort=sort, limit=1000)
        assert sorted(whole) == list(range(1000))
        pages: list[int] = []
        more = True
        while more:
            page = await ask(store, sort=sort, limit=300, offset=len(pages))
            pages += [stored.record.body["n"] for stored in page.records]
            more = page.cursor is not None
        assert pages == whole


async def test_a_filter_that_names_a_thread_or_a_place_spares_the_rest_of_the_log(
    store: RecordStore, record: Build
) -> None:
    await store.append([record(n, thread="rare" if n == 700 else "usual") for n in range(1000)])
    assert (await ask(store, filter={"thread": "rare"})).examined == 1
    assert (await ask(store, filter={"body.n": 700})).examined == 1000
    assert (await ask(store, filter={"sequence": {"$gt": 690, "$lte": 710}, "body.n": 700})).examined == 20
    assert (await ask(store, limit=1)).examined < 1000
    assert (await ask(store, filter={"sequence": {"$gt": 10**30}})).examined == 0


async def test_a_query_of_one_thread_looks_at_nothing_else(filled: RecordStore) -> None:
    found = await ask(filled, thread="th_b", filter={"body.n": {"$gt": 1}}, sort={"clock": -1})
    assert ([one.record.body["n"] for one in found.records], found.examined) == ([5, 3], 3)
    assert (await ask(filled, thread="th_b", filter={"thread": "th_a"})).records == []
    assert (await ask(filled, thread="th_none")).records == []


async def test_threads_that_may_not_be_read_are_left_out_and_do_not_count(filled: RecordStore) -> None:
    asked: list[str] = []

    async def only_b(thread: str) -> bool:
        asked.append(thread)
        return thread == "th_b"

    found = await search(filled, read_query({"limit": 3}), only_b, pace())
    assert [stored.record.body["n"] for stored in found.records] == [1, 3, 5]
    assert found.cursor is None
    assert sorted(asked) == ["th_a", "th_b"]


def nested(levels: int) -> dict[str, Any]:
    document: dict[str, Any] = {"act": "DO"}
    for _ in range(levels):
        document = {"$not": document}
    return document


@pytest.mark.parametrize(
    ("query", "place", "words"),
    [
        ([], "the query", "object"),
        ({"limti": 1}, "limti", "limit"),
        ({"filter": []}, "filter", "object"),
        ({"filter": {"acts": "DO"}}, "filter.acts", "judged_by"),
        ({"filter": {"body": {}}}, "filter.body", "body.goal"),
        ({"filter": {"body.": 1}}, "filter.body.", "body.goal"),
        ({"filter": {"$nor": []}}, "filter.$nor", "$or"),
        ({"filter": {"$or": {}}}, "filter.$or", "list"),
        ({"filter": {"$and": []}}, "filter.$and", "at least one"),
        (
            {"filter": {"$or": [{"act": "DO"}, {"body.n": {"$gt": [1]}}]}},
            "filter.$or[1].body.n.$gt",
            "number",
        ),
        ({"filter": {"body.n": {"$gt": True}}}, "filter.body.n.$gt", "number"),
        ({"filter": {"body.n": {"$regex": "a"}}}, "filter.body.n.$regex", "$like"),
        ({"filter": {"body.n": {"$gt": 1, "n": 2}}}, "filter.body.n.n", "$like"),
        ({"filter": {"act": {"$in": "DO"}}}, "filter.act.$in", "list"),
        ({"filter": {"act": {"$in": ["x"] * (MAX_CHOICES + 1)}}}, "filter.act.$in", str(MAX_CHOICES)),
        ({"filter": {"act": {"$like": 1}}}, "filter.act.$like", "text"),
        ({"filter": {"act": {"$like": "a" * (MAX_PATTERN + 1)}}}, "filter.act.$like", str(MAX_PATTERN)),
        ({"filter": {"act": {"$ilike": "_" * (MAX_SINGLE + 1)}}}, "filter.act.$ilike", str(MAX_SINGLE)),
        ({"filter": {"act": {"$exists": 1}}}, "filter.act.$exists", "true or false"),
        ({"filter": nested(MAX_NESTING + 1)}, "filter.$not", str(MAX_NESTING)),
        ({"filter": {"$or": [{"act": "DO"}] * MAX_PARTS}}, "filter.$or[", str(MAX_PARTS)),
        ({"sort": 1}, "sort", "list"),
        ({"sort": {"clock": "asc"}}, "sort.clock", "1 or -1"),
        ({"sort": {"clock": True}}, "sort.clock", "1 or -1"),
        ({"sort": {"clock": 1, "when": -1}}, "sort.when", "no column"),
        ({"sort": {f"body.{n}": 1 for n in range(5)}}, "sort", "limit of 4"),
        ({"thread": None}, "thread", "id of a thread"),
        ({"thread": ""}, "thread", "id of a thread"),
        ({"sort": ["clock", "-when"]}, "sort[1]", "when"),
        ({"sort": ["clock"] * 5}, "sort", "limit of 4"),
        ({"limit": 0}, "limit", "1 to 1000"),
        ({"limit": True}, "limit", "integer"),
        ({"offset": 10_001}, "offset", "10000"),
        ({"explain": "yes"}, "explain", "true or false"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_mistake_is_named_by_its_place(query: Any, place: str, words: str) -> None:
    with pytest.raises(InvalidQuery) as refused:
        read_query(query)
    assert refused.value.message.startswith(place)
    assert words in f"{refused.value.message} {refused.value.hint}"


def test_the_deepest_and_widest_filters_that_are_allowed_compile() -> None:
    read_query({"filter": nested(MAX_NESTING - 1)})
    read_query({"filter": {"act": {"$in": ["x"] * MAX_CHOICES}}, "limit": 1000, "offset": 10_000})


@given(pattern=st.text("ab%_", max_size=12), text=st.text("ab", max_size=12), fold=st.booleans())
def test_like_agrees_with_a_backtracking_matcher(pattern: str, text: str, fold: bool) -> None:
    glob = re.compile(translate(pattern.replace("%", "*").replace("_", "?")))
    given_text = text.upper() if fold else text
    assert compile_like(pattern, fold)(given_text) is (glob.match(text) is not None)


def test_like_takes_what_a_backslash_precedes_as_it_is() -> None:
    assert compile_like("a\\_b\\\\\\%", False)("a_b\\%")
    assert not compile_like("a\\_b", False)("axb")
    assert compile_like("a\\", False)("a\\")


def test_a_pattern_made_to_backtrack_is_answered() -> None:
    """A backtracking matcher would not come back from this one."""
    assert not compile_like("%a" * 100 + "%b", False)("a" * 100_000)
    assert compile_like("%a" * 100 + "%", False)("a" * 100_000)
