"""Any query over any log: its pages are what one look at the whole log finds."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncropel.record.model import Record, StoredRecord
from syncropel.store.base import RecordStore
from syncropel.store.query.documents import read_query
from syncropel.store.query.filters import COLUMNS, compile_filter, compile_path
from syncropel.store.query.needs import needs
from syncropel.store.query.order import _rank
from syncropel.store.query.searching import search
from syncropel.store.walks import COLUMNS as TEXT_COLUMNS

from .searches import everybody, hasty, small_windows

__all__ = ["small_windows"]
Document = dict[str, Any]

names = st.sampled_from(["a", "b", 'c "c\\', "é😀"])
values = st.one_of(
    names, st.integers(-2, 2), st.booleans(), st.none(), st.lists(names, max_size=2), st.just(2.5)
)
paths = st.sampled_from(
    ["body.x", "body.y.z", "body.list.0", "act", "actor", "topic", "thread", "clock", "sequence", "id"]
)
records = st.builds(
    lambda thread, actor, act, clock, body: Record(thread, actor, act, body, clock=clock),
    thread=st.sampled_from(["th_a", "th_b"]),
    actor=st.sampled_from(["did:a", "did:é", "did:c"]),
    act=st.sampled_from(["DO", "KNOW"]),
    clock=st.none() | st.integers(0, 4),
    body=st.dictionaries(st.sampled_from(["x", "topic"]), values, max_size=2).flatmap(
        lambda body: st.sampled_from(
            [body, {**body, "y": {"z": "b"}}, {**body, "list": ["a", {"x": 1}]}, {**body, "y": 2}]
        )
    ),
)
equals = values | names.map(lambda name: {"$eq": name})
conditions = st.one_of(
    equals,
    st.builds(lambda value: {"$ne": value}, values),
    st.builds(lambda value: {"$gte": value}, st.integers(-2, 2) | names),
    st.builds(lambda some: {"$in": some}, st.lists(values, max_size=3)),
    st.builds(lambda some: {"$nin": some}, st.lists(values, max_size=3)),
    st.builds(lambda known: {"$exists": known}, st.booleans()),
    st.just({"$like": "%"}),
    st.builds(lambda value: {"$not": {"$eq": value}}, values),
    st.builds(lambda value: {"$gte": -1, "$ne": value}, values),
)
columns = st.fixed_dictionaries(
    {},
    optional={
        "thread": st.sampled_from(["th_a", "th_b"]),
        "act": st.sampled_from(["DO", {"$eq": "KNOW"}]),
        "actor": st.sampled_from(["did:é", "did:c"]),
        "topic": names | st.just(""),
    },
)
simple = st.builds(
    lambda left, right: {**left, **right}, st.dictionaries(paths, conditions, max_size=1), columns
)
filters = st.one_of(
    st.just({}),
    simple,
    st.builds(lambda parts, key: {key: parts}, st.lists(simple, min_size=1, max_size=2), st.just("$and")),
    st.builds(lambda parts, key: {key: parts}, st.lists(simple, min_size=1, max_size=2), st.just("$or")),
    st.builds(lambda part: {"$not": part}, simple),
)
sorts = st.one_of(
    st.just([]),
    st.lists(st.builds(lambda path, way: way + path, paths, st.sampled_from(["", "-"])), max_size=2),
    st.sampled_from([["-sequence"], ["clock"], ["-clock"], ["-clock", "sequence"], ["clock", "-sequence"]]),
)


def _on_free_clocks(records: list[Record], above: int) -> list[Record]:
    """The records at clocks that the examples before have left free, and some of these share."""
    return [one if one.clock is None else replace(one, clock=one.clock + 10 * above) for one in records]


async def everything(store: RecordStore) -> list[StoredRecord]:
    return [stored async for chunk in store.scan() for stored in chunk]


def looked_for(log: list[StoredRecord], document: Document) -> list[int]:
    """What one look at the whole log finds: sequences in order."""
    matches = compile_filter(document["filter"])
    thread = document.get("thread")
    found = [one for one in log if matches(one) and thread in (None, one.record.thread)]
    for name in reversed(document["sort"]):
        path = compile_path(name.removeprefix("-"), "sort")
        found.sort(key=lambda one: _rank(path(one)), reverse=name.startswith("-"))
    return [one.sequence for one in found]


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=100,
    deadline=None,
)
@given(
    before=st.lists(records, max_size=12),
    later=st.lists(records, max_size=6),
    above=st.integers(0, 3),
    wanted=filters,
    thread=st.none() | st.just("th_a"),
    sort=sorts,
    limits=st.lists(st.integers(1, 5), min_size=1, max_size=3),
    offset=st.integers(0, 4),
    looks=st.integers(1, 40),
)
async def test_pages_of_any_size_are_what_one_look_at_the_log_finds(
    store: RecordStore,
    before: list[Record],
    later: list[Record],
    above: int,
    wanted: Document,
    thread: str | None,
    sort: list[str],
    limits: list[int],
    offset: int,
    looks: int,
) -> None:
    """Records are appended between pages, and each page has its own limit and too little time."""
    above += store.last_sequence  # the examples before left their records
    await store.append(_on_free_clocks(before, above))
    wanted = {"$and": [wanted]} if "sequence" in wanted else wanted
    wanted = {**wanted, "sequence": {"$gt": above}}
    document: Document = {"filter": wanted, "sort": sort, **({"thread": thread} if thread else {})}
    expected = looked_for(await everything(store), document)[offset:]
    got: list[int] = []
    asked: Document = {**document, "offset": offset}
    for turn in count():
        query = read_query({**asked, "limit": limits[turn % len(limits)]})
        found = await search(store, query, everybody, hasty(looks))
        assert len(found.records) <= query.limit
        got += [stored.sequence for stored in found.records]
        if found.cursor is None:
            break
        assert found.stopped_for is not None
        asked = {**document, "cursor": found.cursor.text(query.mark)}
        if later:
            await store.append(_on_free_clocks([later.pop()], above))
    assert got == expected
    assert (found.stopped_for, found.looked_at) == (None, found.to_look_at)


@given(body=records.map(lambda one: one.body), wanted=filters)
def test_what_a_filter_needs_every_match_has(body: Document, wanted: Document) -> None:
    stored = StoredRecord(Record("th_a", "did:é", "DO", body, clock=1).identified(), 1, 0.0)
    needed = needs(wanted)
    has = all(COLUMNS[name](stored) == text for name, text in needed.columns)
    has = has and all(text in stored.record.body_json for text in needed.texts)
    assert has or not compile_filter(wanted)(stored)


def test_what_is_needed_spares_most_records() -> None:
    needed = needs({"act": "DO", "body.a.0.b": {"$gt": 1}, "$and": [{"topic": {"$eq": "t"}, "body.c": "d"}]})
    assert needed.columns == (("act", "DO"), ("topic", "t"))
    assert set(needed.texts) == {'"a":', '"b":', '"c":', '"d"'}
    nothing = needs({"body.a": {"$ne": 1}, "$or": [{"act": "DO"}], "$not": {"topic": "t"}, "clock": 3})
    assert (nothing.columns, nothing.texts) == ((), ())
    assert needs({"body.a": {"$exists": False}}).texts == ()
    assert needs({"act": "\ud800", "body.\ud800": "\udfff"}) == needs({})
    assert set(TEXT_COLUMNS) < COLUMNS.keys()
