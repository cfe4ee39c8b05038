"""Queries over the log: a filter document, an order, a page. The same for every record store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from syncropel.errors import InvalidQuery, Unavailable
from syncropel.record.canonical import canonical_json
from syncropel.record.model import MAX_CLOCK, StoredRecord
from syncropel.store.base import RecordStore
from syncropel.store.query.filters import MISSING, Path, Predicate, compile_filter, compile_path

MAX_LIMIT: Final = 1000
MAX_OFFSET: Final = 10_000
MAX_SORT: Final = 4
MAX_EXAMINED: Final = 1_000_000
"""Records that one query may examine."""
_CHUNK: Final = 200
_KEY_CHARS: Final = 256
"""How much of a text is used for sorting, so that the keys of long texts fit in memory."""

Readable = Callable[[str], Awaitable[bool]]
"""Whether the caller may see this thread."""


@dataclass(frozen=True)
class RecordQuery:
    """A parsed query. `thread`, `after`, and `until` say which records are examined: those of the one thread
    that the query or its filter names, or the sequences above `after` up to `until`.
    """

    matches: Predicate
    sort: tuple[tuple[Path, bool], ...]
    """What to sort by, and whether descending; then, or by default, by sequence."""
    limit: int
    offset: int
    explain: bool
    thread: str | None
    after: int
    until: int


@dataclass(frozen=True)
class Found:
    """A page of matches. `more`: there are others after it. `examined`: records that were examined."""

    records: list[StoredRecord]
    more: bool
    examined: int


_Entry = tuple[int, str, tuple[Any, ...]]
"""A match that may be on the page: its sequence, its id, its sort keys."""


def read_query(document: Any) -> RecordQuery:
    """Parse a document of `filter`, `thread`, `sort`, `limit` (100), `offset` (0), `explain` (false).

    `sort`: paths, with `-` before descending ones, or an object of paths and 1 or -1. Raises InvalidQuery,
    whose message begins with the position of the mistake.
    """
    if not isinstance(document, dict):
        raise InvalidQuery(
            "the query: an object is needed", 'such as {"filter": {"act": "KNOW"}, "limit": 10}'
        )
    members = ("filter", "thread", "sort", "limit", "offset", "explain")
    if unknown := next((key for key in document if key not in members), None):
        raise InvalidQuery(f"{unknown}: no such member of a query", f"one of {', '.join(members)}")
    wanted = document.get("filter", {})
    explain = document.get("explain", False)
    if not isinstance(explain, bool):
        raise InvalidQuery("explain: true or false is needed", "it adds how the answer was found")
    after, until = _sequences(wanted)
    return RecordQuery(
        compile_filter(wanted),
        _sort(document.get("sort", [])),
        _number(document, "limit", 100, 1, MAX_LIMIT),
        _number(document, "offset", 0, 0, MAX_OFFSET),
        explain,
        _thread(document["thread"]) if "thread" in document else _pinned_thread(wanted),
        after,
        until,
    )


def _number(document: Mapping[str, Any], name: str, default: int, least: int, most: int) -> int:
    value = document.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise InvalidQuery(
            f"{name}: an integer from {least} to {most} is needed", "narrow the filter to go on"
        )
    return value


def _thread(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise InvalidQuery("thread: the id of a thread is needed", 'such as {"thread": "th_…"}')
    return value


def _sort(value: Any) -> tuple[tuple[Path, bool], ...]:
    keys = _sort_keys(value)
    if len(keys) > MAX_SORT:
        raise InvalidQuery(f"sort: {len(keys)} paths, over the limit of {MAX_SORT}", "sort by fewer")
    return tuple((compile_path(name, place), highest_first) for name, place, highest_first in keys)


def _sort_keys(value: Any) -> list[tuple[str, str, bool]]:
    """The paths to sort by, each with its position in the document and whether it is descending."""
    if isinstance(value, dict):
        for name, direction in value.items():
            if type(direction) is not int or direction not in (1, -1):
                raise InvalidQuery(
                    f"sort.{name}: 1 or -1 is needed", "1: the lowest comes first; -1: the highest"
                )
        return [(name, f"sort.{name}", direction == -1) for name, direction in value.items()]
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InvalidQuery(
            "sort: a list of paths, or an object of paths and 1 or -1, is needed",
            'such as ["-body.cost_usd", "clock"] or {"body.cost_usd": -1, "clock": 1}',
        )
    return [
        (name.removeprefix("-"), f"sort[{index}]", name.startswith("-")) for index, name in enumerate(names)
    ]


def _pinned_thread(wanted: Any) -> str | None:
    """The thread that the filter names at its top level, if it names one."""
    value = wanted.get("thread") if isinstance(wanted, dict) else None
    if isinstance(value, dict):
        value = value.get("$eq")
    return value if isinstance(value, str) else None


def _sequences(wanted: Any) -> tuple[int, int]:
    """The sequences that the filter allows at its top level: those above the first, up to the second."""
    value = wanted.get("sequence") if isinstance(wanted, dict) else None
    limits: Mapping[str, Any] = value if isinstance(value, dict) else {"$eq": value}

    def bound(name: str, otherwise: int) -> int:
        given = limits.get(name)
        return given if isinstance(given, int) and not isinstance(given, bool) else otherwise

    exact, highest = bound("$eq", 0), MAX_CLOCK
    after = max(bound("$gt", 0), bound("$gte", 1) - 1, exact - 1, 0)
    until = min(bound("$lt", highest + 1) - 1, bound("$lte", highest), exact or highest)
    return min(after, highest), until


async def search(
    store: RecordStore,
    query: RecordQuery,
    readable: Readable,
    stopping: Callable[[], bool] = lambda: False,
) -> Found:
    """The page of matches on threads that are `readable`. `stopping` is polled every few records: then the
    scan ends with Unavailable.

    Raises InvalidQuery when more than MAX_EXAMINED records would have to be examined. Filtering and sorting
    happen on another thread, a chunk at a time.
    """
    _refuse_hopeless(store, query)
    room = query.offset + query.limit + 1
    allowed: dict[str, bool] = {}
    best: list[_Entry] = []
    examined = 0
    async for chunk in _walked(store, query):
        if stopping():
            raise Unavailable("the daemon is stopping", "send the query again after the restart")
        examined += len(chunk)
        if examined > MAX_EXAMINED:
            raise _too_many()
        matched = await asyncio.to_thread(_matching, query, chunk)
        for thread in {stored.record.thread for stored in matched} - allowed.keys():
            allowed[thread] = await readable(thread)
        seen = [stored for stored in matched if allowed[stored.record.thread]]
        best += await asyncio.to_thread(_entries, query, seen) if seen else []
        if not query.sort and query.thread is None and len(best) >= room:
            break
        # Sorting at every chunk would be most of the work of a deep page.
        if len(best) >= 2 * room:
            best = await asyncio.to_thread(_first, query, best, room)
    best = await asyncio.to_thread(_first, query, best, room)
    page = [await store.get(record_id) for _, record_id, _ in best[query.offset : room - 1]]
    return Found([stored for stored in page if stored is not None], len(best) == room, examined)


def _refuse_hopeless(store: RecordStore, query: RecordQuery) -> None:
    """Raise InvalidQuery at once for a query that must examine more than the limit: one that sorts cannot
    stop at a full page.
    """
    if query.thread is None and query.sort:
        until = min(query.until, store.last_sequence)
        if until - query.after > MAX_EXAMINED:
            raise _too_many()


def _too_many() -> InvalidQuery:
    return InvalidQuery(
        f"filter: more than {MAX_EXAMINED} records would have to be looked at",
        'name a thread, or a part of the log: {"sequence": {"$gt": 5000000}}',
    )


async def _walked(store: RecordStore, query: RecordQuery) -> AsyncIterator[list[StoredRecord]]:
    """The records to examine. Records appended meanwhile are not among them, so that it ends."""
    until = min(query.until, store.last_sequence)
    if query.thread is not None:
        records = await store.thread(query.thread)
        for start in range(0, len(records), _CHUNK):
            yield records[start : start + _CHUNK]
        return
    if query.after >= until:
        return
    async for chunk in store.scan(query.after, _CHUNK):
        if chunk[-1].sequence >= until:
            yield [stored for stored in chunk if stored.sequence <= until]
            return
        yield chunk


def _matching(query: RecordQuery, chunk: list[StoredRecord]) -> list[StoredRecord]:
    return [stored for stored in chunk if query.matches(stored)]


def _entries(query: RecordQuery, seen: list[StoredRecord]) -> list[_Entry]:
    return [
        (stored.sequence, stored.record.id, tuple(_rank(path(stored)) for path, _ in query.sort))
        for stored in seen
    ]


def _first(query: RecordQuery, entries: list[_Entry], room: int) -> list[_Entry]:
    """The first `room` of these in the requested order."""
    entries.sort(key=lambda entry: entry[0])
    for place, (_, highest_first) in reversed(list(enumerate(query.sort))):
        entries.sort(key=lambda entry: entry[2][place], reverse=highest_first)
    return entries[:room]


def _rank(value: Any) -> tuple[int, Any]:
    """A key by which any two values can be compared: missing, null, false, true, numbers, texts, the rest."""
    if value is MISSING or value is None:
        return (0 if value is MISSING else 1, 0)
    if isinstance(value, bool):
        return (2, value)
    if isinstance(value, (int, float)):
        return (3, value)
    if isinstance(value, str):
        return (4, value[:_KEY_CHARS])
    return (5, canonical_json(value)[:_KEY_CHARS])
