"""Query documents: which records are wanted, in which order, how many, and where to go on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from syncropel.errors import InvalidQuery
from syncropel.record.canonical import canonical_json
from syncropel.record.model import MAX_CLOCK
from syncropel.store.pace import WITHIN_SECS
from syncropel.store.query.cursors import Cursor, read_cursor
from syncropel.store.query.filters import Predicate, compile_filter
from syncropel.store.query.limits import MAX_LIMIT, MAX_OFFSET
from syncropel.store.query.needs import needs
from syncropel.store.query.order import Order, read_order
from syncropel.store.walks import Needed

LEAST_SECS: Final = 0.1
MOST_SECS: Final = 30.0
_MEMBERS: Final = ("filter", "thread", "sort", "limit", "offset", "cursor", "within_secs", "explain")


@dataclass(frozen=True)
class RecordQuery:
    """A parsed query. `thread`, `after`, and `until` say which records are examined: those of the one thread
    that the query or its filter names, or all, with sequences above `after` up to `until`.
    """

    matches: Predicate
    needed: Needed
    order: Order
    limit: int
    offset: int
    cursor: Cursor | None
    within_secs: float
    explain: bool
    thread: str | None
    after: int
    until: int
    mark: str
    """Says which filter, thread, and order these are, so that a cursor is not used with others."""


def read_query(document: Any) -> RecordQuery:
    """Parse a document of `filter`, `thread`, `sort`, `limit` (100), `offset` (0), `cursor`, `within_secs`
    (3), `explain` (false).

    `sort`: paths, with `-` before descending ones, or an object of paths and 1 or -1. Raises InvalidQuery,
    whose message begins with the position of the mistake.
    """
    if not isinstance(document, dict):
        raise InvalidQuery(
            "the query: an object is needed", 'such as {"filter": {"act": "KNOW"}, "limit": 10}'
        )
    if unknown := next((key for key in document if key not in _MEMBERS), None):
        raise InvalidQuery(f"{unknown}: no such member of a query", f"one of {', '.join(_MEMBERS)}")
    wanted = document.get("filter", {})
    explain = document.get("explain", False)
    if not isinstance(explain, bool):
        raise InvalidQuery("explain: true or false is needed", "it adds how the answer was found")
    matches = compile_filter(wanted)
    thread = _thread(document["thread"]) if "thread" in document else _pinned_thread(wanted)
    after, until = _sequences(wanted)
    order = read_order(document.get("sort", []), of_thread=thread is not None)
    mark = _mark([wanted, document.get("thread"), document.get("sort", [])])
    offset = _number(document, "offset", 0, 0, MAX_OFFSET)
    cursor = read_cursor(document["cursor"], mark) if document.get("cursor") is not None else None
    if cursor is not None and offset:
        raise InvalidQuery("offset: a cursor knows where to go on", "send either offset or cursor")
    return RecordQuery(
        matches,
        needs(wanted),
        order,
        _number(document, "limit", 100, 1, MAX_LIMIT),
        offset,
        cursor,
        _secs(document),
        explain,
        thread,
        after,
        until,
        mark,
    )


def _mark(parts: list[Any]) -> str:
    return hashlib.sha256(canonical_json(parts).encode()).hexdigest()[:16]


def _number(document: Mapping[str, Any], name: str, default: int, least: int, most: int) -> int:
    value = document.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise InvalidQuery(
            f"{name}: an integer from {least} to {most} is needed", "narrow the filter to go on"
        )
    return value


def _secs(document: Mapping[str, Any]) -> float:
    value = document.get("within_secs", WITHIN_SECS)
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not LEAST_SECS <= value <= MOST_SECS:
        raise InvalidQuery(
            f"within_secs: a number from {LEAST_SECS:g} to {MOST_SECS:g} is needed",
            "an answer that stops for time has a cursor to go on from",
        )
    return float(value)


def _thread(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise InvalidQuery("thread: the id of a thread is needed", 'such as {"thread": "th_…"}')
    return value


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
    return min(after, highest), max(until, 0)
