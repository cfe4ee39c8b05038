"""Searches a record store, a page at a time: the same for every store.

A page ends when it is full, when its time is up, or at the end; a cursor says where the next one goes on.
All pages of a query are about the log as its first page saw it, so appends meanwhile change nothing. Where
the answer comes in an order that the store can be walked in, all pages together are one walk. Where it has to
be sorted, each page is a walk of its own over everything that the query is about, which may take several
answers: until it is done they have no records, and the cursor keeps the best matches so far.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from syncropel.errors import InvalidQuery
from syncropel.record.model import StoredRecord
from syncropel.store.base import RecordStore
from syncropel.store.pace import Pace
from syncropel.store.query.cursors import Cursor
from syncropel.store.query.documents import RecordQuery
from syncropel.store.query.order import Place
from syncropel.store.walks import Visit, Walk

MAX_SORTED: Final = 1_000_000
"""Records among which a query may sort, since it must look at all of them for each page."""
MAX_PAGE_CHARS: Final = 16 * 1024 * 1024
"""A page ends once its bodies are longer than this."""
_AT_ONCE: Final = 50
"""Records that are read again at once."""

Readable = Callable[[str], Awaitable[bool]]
"""Whether the caller may see this thread."""
StoppedFor = Literal["limit", "time", "size"]


@dataclass(frozen=True)
class Found:
    """A page of matches. `stopped_for`: why it ends: there are others after it (limit, size), or there may be
    (time); None at the end.

    `looked_at` of `to_look_at` records are behind the walk, `examined` of them by this page. `through`: the
    sequence that it has come to; None by clock.
    """

    records: list[StoredRecord]
    stopped_for: StoppedFor | None
    cursor: Cursor | None
    examined: int
    looked_at: int
    to_look_at: int
    through: int | None


@dataclass
class _Reader:
    """Remembers which threads the caller may see."""

    ask: Readable
    known: dict[str, bool] = field(default_factory=dict)

    async def sees(self, threads: Iterable[str]) -> dict[str, bool]:
        """Whether the caller may see each of these threads, and others."""
        for thread in set(threads) - self.known.keys():
            self.known[thread] = await self.ask(thread)
        return self.known

    async def only(self, records: Iterable[StoredRecord]) -> list[StoredRecord]:
        """Those that the caller may see."""
        taken = list(records)
        sees = await self.sees(stored.record.thread for stored in taken)
        return [stored for stored in taken if sees[stored.record.thread]]


@dataclass(frozen=True)
class _Searched:
    """A page, what is left of its walk, why it stopped, and where the next page goes on."""

    records: list[StoredRecord]
    rest: Walk | None = None
    stopped_for: StoppedFor | None = None
    cursor: Cursor | None = None


async def search(
    store: RecordStore,
    query: RecordQuery,
    readable: Readable,
    pace: Pace,
) -> Found:
    """The page of matches on threads that are `readable`, or those that were found in time.

    Raises Unavailable when the daemon is stopping; InvalidQuery for a cursor that does not hold, and at once
    for a query that would have to sort more than MAX_SORTED records.
    """
    reader = _Reader(readable)
    cursor = query.cursor or Cursor(min(query.until, store.last_sequence), skip=query.offset)
    sorts = query.order.place is not None
    whole = Walk(
        query.after,
        min(cursor.until, query.until),
        query.thread,
        by_clock=query.order.by_clock or (sorts and query.thread is not None),
        descending=query.order.descending,
        needed=query.needed,
    )
    total = await store.length(whole)
    if sorts and total > MAX_SORTED:
        raise _too_many(query.order.told, max(whole.until - MAX_SORTED, 0))
    walk = whole if cursor.at is None else await _gone_on(store, whole, cursor.at)
    before = total if cursor.at is None else await store.length(walk)
    search_page = _sorted if sorts else _walked
    searched = await search_page(store, query, walk, cursor, reader, pace)
    rest = searched.rest
    left = 0 if rest is None else await store.length(rest)
    return Found(
        searched.records,
        searched.stopped_for,
        searched.cursor,
        examined=before - left,
        looked_at=total - left,
        to_look_at=total,
        through=None if whole.by_clock else _place(rest or _ended(whole)),
    )


async def _walked(
    store: RecordStore, query: RecordQuery, walk: Walk, cursor: Cursor, reader: _Reader, pace: Pace
) -> _Searched:
    """A page in the order of the walk."""
    page: list[StoredRecord] = []
    skip, chars, full = cursor.skip, 0, False
    while True:
        matched, visit = _collector(query, skip + query.limit + 1 - len(page))
        rest = await pace.stretch(store, walk, visit)
        for stored in await reader.only(matched):
            if skip:
                skip -= 1
            elif why := _why_full(query, page, chars):
                rest = walk.beyond(page[-1])
                return _Searched(page, rest, why, replace(cursor, at=_place(rest), skip=0))
            else:
                page.append(stored)
                chars += len(stored.record.body_json)
        if rest is None:
            return _Searched(page)
        # One more match tells that there is another page. It is looked for, but not for long.
        was_full, full = full, bool(page) and _why_full(query, page, chars) is not None
        if was_full or pace.is_up:
            return _Searched(page, rest, "time", replace(cursor, at=_place(rest), skip=skip))
        walk = rest


def _collector(query: RecordQuery, most: int) -> tuple[list[StoredRecord], Visit]:
    """A list, and the visit that fills it with matches: at most so many, and not much more than a page."""
    matched: list[StoredRecord] = []
    chars = 0

    def visit(stored: StoredRecord) -> bool:
        nonlocal chars
        if query.matches(stored):
            matched.append(stored)
            chars += len(stored.record.body_json)
        return len(matched) < most and chars <= MAX_PAGE_CHARS

    return matched, visit


def _why_full(query: RecordQuery, page: list[StoredRecord], chars: int) -> StoppedFor | None:
    if len(page) >= query.limit:
        return "limit"
    return "size" if chars > MAX_PAGE_CHARS else None


_Entry = tuple[Place, str]
"""A match that may be on the page: its place, and its thread."""


async def _sorted(
    store: RecordStore, query: RecordQuery, walk: Walk, cursor: Cursor, reader: _Reader, pace: Pace
) -> _Searched:
    """A page in an order that takes a whole walk to find out."""
    place_of = query.order.place
    assert place_of is not None
    room = cursor.skip + query.limit + 1
    if cursor.room is not None:
        room = min(room, cursor.room)  # matches beyond it are forgotten
    floor = None if cursor.past is None else place_of(await _given(store, query, cursor.past, reader))
    best: list[_Entry] = []
    async for some in _at(store, cursor.best):
        again = await reader.only(filter(query.matches, some))
        best += [(place_of(stored), stored.record.thread) for stored in again]
    rest: Walk | None = walk
    while rest is not None:
        matched: list[_Entry] = []

        def visit(stored: StoredRecord, matched: list[_Entry] = matched) -> bool:
            if query.matches(stored):
                place = place_of(stored)
                if floor is None or floor < place:
                    matched.append((place, stored.record.thread))
            return True

        rest = await pace.stretch(store, rest, visit)
        sees = await reader.sees(thread for _, thread in matched)
        best += [entry for entry in matched if sees[entry[1]]]
        # Sorting after every stretch would be most of the work of a deep page.
        if len(best) >= 2 * room:
            best = await asyncio.to_thread(_first, best, room)
        if rest is not None and pace.is_up:
            best = await asyncio.to_thread(_first, best, room)
            kept = tuple(place[-1] for place, _ in best)
            return _Searched([], rest, "time", replace(cursor, at=_place(rest), room=room, best=kept))
    best = await asyncio.to_thread(_first, best, room)
    wanted = [place[-1] for place, _ in best[cursor.skip : room - 1]]
    page = await _page(store, wanted)
    if len(page) == len(wanted) and len(best) < room:
        return _Searched(page)
    why: StoppedFor = "limit" if len(page) == len(wanted) else "size"
    return _Searched(page, None, why, Cursor(cursor.until, past=page[-1].sequence))


async def _page(store: RecordStore, wanted: list[int]) -> list[StoredRecord]:
    """The records at these sequences, in this order, until the page is full."""
    page: list[StoredRecord] = []
    chars = 0
    async for some in _at(store, wanted):
        for stored in some:
            page.append(stored)
            chars += len(stored.record.body_json)
            if chars > MAX_PAGE_CHARS:
                return page
    return page


async def _at(store: RecordStore, sequences: Sequence[int]) -> AsyncIterator[list[StoredRecord]]:
    """The records at these sequences, in this order, a few at a time: all of them may not fit in memory."""
    for start in range(0, len(sequences), _AT_ONCE):
        some = sequences[start : start + _AT_ONCE]
        found = {stored.sequence: stored for stored in await store.at(some)}
        yield [found[sequence] for sequence in some if sequence in found]


def _first(entries: list[_Entry], room: int) -> list[_Entry]:
    return sorted(entries)[:room]


async def _given(store: RecordStore, query: RecordQuery, sequence: int, reader: _Reader) -> StoredRecord:
    """The record that the page before ended with."""
    found = await reader.only(filter(query.matches, await store.at([sequence])))
    if not found:
        raise _gone()
    return found[0]


async def _gone_on(store: RecordStore, walk: Walk, at: int) -> Walk:
    """What is left of a walk that has come to this sequence."""
    if not walk.by_clock:
        if walk.descending:
            return replace(walk, until=min(walk.until, at - 1))
        return replace(walk, after=max(walk.after, at))
    found = await store.at([at])
    if not found or found[0].record.thread != walk.thread:
        raise _gone()
    return walk.beyond(found[0])


def _place(walk: Walk) -> int:
    """The sequence to which a walk has come."""
    if walk.past is not None:
        return walk.past[1]
    return walk.until + 1 if walk.descending else walk.after


def _ended(walk: Walk) -> Walk:
    """The walk at its end."""
    return replace(walk, until=walk.after) if walk.descending else replace(walk, after=walk.until)


def _gone() -> InvalidQuery:
    return InvalidQuery("cursor: it names a record that does not match", "begin anew, without a cursor")


def _too_many(paths: str, few: int) -> InvalidQuery:
    """`few`: the sequence after which there are few enough."""
    return InvalidQuery(
        f"sort: {paths} has no index: more than {MAX_SORTED:,} records would have to be looked at",
        "sort by sequence, or a thread by clock; or name a part of the log: "
        f'{{"sequence": {{"$gt": {few}}}}}',
    )
