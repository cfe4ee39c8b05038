"""Pages of a query: where each one stops and why, and that nobody waits for it."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from syncropel.errors import InvalidQuery, Unavailable
from syncropel.record.model import Record, StoredRecord
from syncropel.store.base import RecordFilter, RecordStore
from syncropel.store.pace import Pace
from syncropel.store.query import searching
from syncropel.store.query.cursors import MAX_CURSOR_CHARS, Cursor, read_cursor
from syncropel.store.query.documents import read_query
from syncropel.store.query.searching import Found, search
from syncropel.store.sqlite import walking
from syncropel.store.walks import Walk

from .searches import at_leisure, everybody, hasty, small_windows

__all__ = ["small_windows"]
Build = Callable[..., Record]
Document = dict[str, Any]


async def filled(store: RecordStore, record: Build, size: int = 20) -> None:
    await store.append([record(n, thread=f"th_{n % 2}") for n in range(size)])


async def ask(store: RecordStore, pace: Pace | None = None, **document: Any) -> tuple[Found, str | None]:
    """A page, and the cursor as a client gets it."""
    query = read_query(document)
    found = await search(store, query, everybody, pace or at_leisure())
    return found, None if found.cursor is None else found.cursor.text(query.mark)


async def test_a_page_says_how_far_it_looked(store: RecordStore, record: Build) -> None:
    await filled(store, record)
    rare: Document = {"body.n": 17}
    first, cursor = await ask(store, hasty(8), filter=rare)
    assert (first.records, first.stopped_for, first.to_look_at) == ([], "time", 20)
    assert 0 < first.looked_at < 17
    assert (first.through, first.examined) == (first.looked_at, first.looked_at)
    last, end = await ask(store, filter=rare, cursor=cursor)
    assert [one.record.body["n"] for one in last.records] == [17]
    assert (last.stopped_for, end, last.looked_at, last.through) == (None, None, 20, 20)
    assert last.examined == 20 - first.looked_at
    down, _ = await ask(store, hasty(8), filter=rare, sort=["-sequence"])
    assert down.through == 21 - down.looked_at
    of_thread, _ = await ask(store, thread="th_1")
    assert (of_thread.looked_at, of_thread.to_look_at, of_thread.through) == (10, 10, 20)
    by_clock, _ = await ask(store, hasty(8), thread="th_1", sort=["-clock"])
    assert (by_clock.looked_at, by_clock.to_look_at, by_clock.through) == (len(by_clock.records), 10, None)
    part, _ = await ask(store, filter={"sequence": {"$gt": 4, "$lte": 9}})
    assert (part.looked_at, part.to_look_at, part.through) == (5, 5, 9)


async def test_records_of_one_clock_come_in_the_order_that_was_asked_for(
    store: RecordStore, record: Build
) -> None:
    await store.append([record(n, clock=n // 3, actor=f"did:{n % 3}") for n in range(7)])
    for sort, order in (
        (["clock"], [0, 1, 2, 3, 4, 5, 6]),
        (["-clock"], [6, 3, 4, 5, 0, 1, 2]),
        (["-clock", "sequence"], [6, 3, 4, 5, 0, 1, 2]),
        (["clock", "-sequence"], [2, 1, 0, 5, 4, 3, 6]),
        (["-clock", "-sequence"], [6, 5, 4, 3, 2, 1, 0]),
    ):
        got: list[int] = []
        document: Document = {"thread": "th_a", "sort": sort, "limit": 2}
        while True:
            found, cursor = await ask(store, **document)
            got += [one.record.body["n"] for one in found.records]
            if cursor is None:
                break
            document["cursor"] = cursor
        assert got == order


async def test_a_sorted_page_that_stops_for_time_goes_on_where_it_was(
    store: RecordStore, record: Build
) -> None:
    await filled(store, record)
    found, cursor = await ask(store, hasty(8), sort=["-body.n"], limit=2)
    answers = 1
    while not found.records:
        assert (found.stopped_for, found.to_look_at) == ("time", 20)
        found, cursor = await ask(store, hasty(8), sort=["-body.n"], limit=9, cursor=cursor)
        answers += 1
    assert answers > 2
    # What did not fit on the page that was asked for first was forgotten on the way.
    assert [one.record.body["n"] for one in found.records] == [19, 18]
    following, _ = await ask(store, sort=["-body.n"], limit=9, cursor=cursor)
    assert [one.record.body["n"] for one in following.records] == list(range(17, 8, -1))


async def test_a_page_ends_when_its_records_are_long(
    store: RecordStore, record: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "MAX_PAGE_CHARS", 1000)
    await store.append([record(n, body={"n": n, "text": "x" * 400}) for n in range(7)])
    for sort, order in (([], range(7)), (["-body.n"], range(6, -1, -1))):
        got: list[int] = []
        document: Document = {"sort": sort}
        sizes = []
        while True:
            found, cursor = await ask(store, **document)
            got += [one.record.body["n"] for one in found.records]
            sizes.append(len(found.records))
            if cursor is None:
                break
            assert found.stopped_for == "size"
            document = {"sort": sort, "cursor": cursor}
        assert (got, max(sizes)) == (list(order), 3)


async def test_what_may_not_be_read_is_on_no_page(store: RecordStore, record: Build) -> None:
    await filled(store, record)

    async def only_1(thread: str) -> bool:
        return thread == "th_1"

    for sort in ([], ["-body.n"], ["-sequence"]):
        got: list[int] = []
        document: Document = {"sort": sort, "limit": 3}
        while True:
            query = read_query(document)
            found = await search(store, query, only_1, hasty(12))
            got += [one.record.body["n"] for one in found.records]
            if found.cursor is None:
                break
            document = {"sort": sort, "limit": 3, "cursor": found.cursor.text(query.mark)}
        assert sorted(got) == list(range(1, 20, 2))
    # A made-up cursor does not tell how a record compares that its sender may not see.
    hidden = Cursor(20, past=1)
    query = read_query({"sort": ["body.n"], "cursor": hidden.text(read_query({"sort": ["body.n"]}).mark)})
    with pytest.raises(InvalidQuery, match="cursor"):
        await search(store, query, only_1, at_leisure())
    hidden = Cursor(20, at=20, room=5, best=(1, 2))
    query = read_query({"sort": ["body.n"], "cursor": hidden.text(query.mark)})
    assert [one.sequence for one in (await search(store, query, only_1, at_leisure())).records] == [2]


async def test_a_cursor_is_for_one_query(store: RecordStore, record: Build) -> None:
    await filled(store, record)
    _, cursor = await ask(store, filter={"body.n": {"$gte": 1}}, limit=2)
    assert cursor is not None
    same: Document = {"filter": {"body.n": {"$gte": 1}}, "cursor": cursor}
    read_query({**same, "limit": 7, "within_secs": 1, "explain": True})
    for other in ({**same, "filter": {}}, {**same, "sort": ["clock"]}, {**same, "thread": "th_1"}):
        with pytest.raises(InvalidQuery, match="cursor: it belongs to another query"):
            read_query(other)
    with pytest.raises(InvalidQuery, match=r"offset: .*cursor"):
        read_query({**same, "offset": 2})
    for damaged in ("", "x", "é", cursor[:-4], cursor[4:], "A" * (MAX_CURSOR_CHARS + 1)):
        with pytest.raises(InvalidQuery, match="cursor: it is not one of an answer"):
            read_query({**same, "cursor": damaged})
    with pytest.raises(InvalidQuery, match="cursor: a text"):
        read_query({**same, "cursor": 3})
    for secs in (0, 31, "3", True, None):
        with pytest.raises(InvalidQuery, match="within_secs"):
            read_query({"within_secs": secs})


@pytest.mark.parametrize(
    "cursor",
    [
        Cursor(0),
        Cursor(20, at=2**63 - 1),
        Cursor(2**63 - 1, at=0, skip=3),
        Cursor(20, at=999, room=1, best=(1, 999)),
        Cursor(20, room=0, best=(1, 2)),
    ],
    ids=repr,
)
@pytest.mark.parametrize("sort", [[], ["-sequence"], ["body.n"], ["clock"]], ids=repr)
async def test_a_made_up_cursor_breaks_nothing(
    store: RecordStore, record: Build, cursor: Cursor, sort: list[str]
) -> None:
    await filled(store, record)
    query = read_query({"sort": sort, "thread": "th_1"})
    with contextlib.suppress(InvalidQuery):
        found, _ = await ask(store, sort=sort, thread="th_1", cursor=cursor.text(query.mark))
        assert {one.record.thread for one in found.records} <= {"th_1"}


def test_the_largest_cursor_is_taken_back() -> None:
    """As many matches as a page and its offset can have, spread over all that may be sorted."""
    places = tuple(range(1, searching.MAX_SORTED, searching.MAX_SORTED // 11_001))[:11_001]
    largest = Cursor(5_000_000, at=4_999_999, skip=10_000, past=4_000_000, room=11_001, best=places)
    assert read_cursor(largest.text("m" * 16), "m" * 16) == largest


@pytest.mark.parametrize(
    "cursor",
    [
        Cursor(20, skip=10_001),
        Cursor(20, skip=2**61),
        Cursor(20, at=9, room=11_002),
        Cursor(20, at=9, room=2**61, best=tuple(range(1, 11_003))),
        Cursor(20, at=9, room=3, best=(1, 2, 3, 4)),
        Cursor(20, at=9, room=11_001, best=(1,) * 11_001),
        Cursor(20, at=9, best=(1,)),
    ],
    ids=lambda cursor: repr(cursor)[:60],
)
def test_a_made_up_cursor_asks_for_no_more_than_a_query_may(cursor: Cursor) -> None:
    with pytest.raises(InvalidQuery, match="cursor: it is not one of an answer") as refused:
        read_query({"sort": ["body.n"], "cursor": cursor.text(read_query({"sort": ["body.n"]}).mark)})
    assert refused.value.hint == "send next_cursor as it came, or begin anew"


async def test_a_sort_over_too_much_is_refused_before_anything_is_read(
    store: RecordStore, record: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    await filled(store, record)
    monkeypatch.setattr(searching, "MAX_SORTED", 12)
    walked: list[Walk] = []
    real = type(store).walk

    async def walk(self: RecordStore, walk: Walk, *given: Any) -> Walk | None:
        walked.append(walk)
        return await real(self, walk, *given)

    monkeypatch.setattr(type(store), "walk", walk)
    with pytest.raises(
        InvalidQuery, match=r"sort: body\.n, act has no index: more than 12 records"
    ) as refused:
        await ask(store, sort=["-body.n", "act"])
    assert '{"sequence": {"$gt": 8}}' in refused.value.hint
    assert not walked
    few: Document = {"sequence": {"$gt": 8}}
    assert len((await ask(store, sort=["-body.n"], filter=few))[0].records) == 12
    assert len((await ask(store, sort=["-body.n"], thread="th_1"))[0].records) == 10
    assert len((await ask(store, sort=["-sequence"]))[0].records) == 20
    assert walked


async def test_a_stop_ends_a_walk_in_the_middle(store: RecordStore, record: Build) -> None:
    await filled(store, record)
    seen: list[int] = []

    def stopping() -> bool:
        return len(seen) >= 6

    def visit(stored: StoredRecord) -> bool:
        seen.append(stored.sequence)
        return True

    pace = Pace(time.monotonic, time.monotonic() + 60, stopping)
    with pytest.raises(Unavailable, match="stopping"):
        await pace.stretch(store, Walk(), visit)
    assert len(seen) < 20


async def test_a_stop_ends_a_statement_that_finds_nothing(
    store: RecordStore, record: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A window without a match shows nothing to the visit; the store itself asks whether to go on."""
    monkeypatch.setattr(walking, "WINDOW", 10_000)
    monkeypatch.setattr(walking, "_STEPS", 50)
    await store.append([record(n) for n in range(3_000)])
    asked: list[int] = []

    def stopping() -> bool:
        asked.append(1)
        return len(asked) > 3

    query = read_query({"filter": {"body.m": 1}})
    with pytest.raises(Unavailable, match="stopping"):
        await search(store, query, everybody, Pace(time.monotonic, time.monotonic() + 60, stopping))
    monkeypatch.setattr(walking, "_STEPS", 20_000)
    assert (await ask(store, filter={"body.n": 2_999}))[0].looked_at == 3_000  # the connection is as before


async def test_reads_and_appends_pass_a_walk(store: RecordStore, record: Build) -> None:
    """Whatever is asked meanwhile is answered while a walk waits for it."""
    await filled(store, record)
    entered, go_on = threading.Event(), threading.Event()

    def visit(stored: StoredRecord) -> bool:
        entered.set()
        assert go_on.wait(60)
        return False

    walking_on = asyncio.create_task(at_leisure().stretch(store, Walk(), visit))
    await asyncio.to_thread(entered.wait, 60)
    await store.append([record(100)])
    for stored in await store.query(RecordFilter()):
        assert await store.get(stored.record.id) == stored
    assert len(await store.thread("th_0")) == 10
    assert not walking_on.done()
    go_on.set()
    rest = await walking_on
    assert rest is not None
    assert (store.last_sequence, rest.after) == (21, 1)
