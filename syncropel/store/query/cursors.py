"""Cursors: where the next page of a query goes on. A client sends one back as it came."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any, Final

from syncropel.errors import InvalidQuery
from syncropel.record.model import MAX_CLOCK
from syncropel.store.query.limits import MAX_OFFSET, MAX_ROOM

MAX_CURSOR_CHARS: Final = 48 * 1024
_MAX_BYTES: Final = 256 * 1024
"""Longest cursor once it is unpacked: a short text can stand for a very long one."""


@dataclass(frozen=True)
class Cursor:
    """The state of a query between two pages, in sequences of the log, which never change their records.

    `until`: the log as the first page saw it. `at`: the last record looked at; None before the first. `skip`:
    matches that are still skipped. Of a query that sorts by a path, `past` is the last record that was given,
    and `best` are the first matches of the walk so far, of which it keeps `room`.
    """

    until: int
    at: int | None = None
    skip: int = 0
    past: int | None = None
    room: int | None = None
    best: tuple[int, ...] = ()

    def text(self, mark: str) -> str:
        """The cursor as a client gets it. `mark`: of the query that it belongs to."""
        places = sorted(self.best)
        gaps = [places[0], *(after - before for before, after in pairwise(places))] if places else []
        raw = json.dumps(
            [mark, self.until, self.at, self.skip, self.past, self.room, gaps], separators=(",", ":")
        )
        return base64.urlsafe_b64encode(zlib.compress(raw.encode())).decode().rstrip("=")


def read_cursor(text: Any, mark: str) -> Cursor:
    """The cursor that a client sent. Raises InvalidQuery for one that is damaged, or of another query."""
    if not isinstance(text, str):
        raise InvalidQuery("cursor: a text is needed", "send next_cursor of the answer before")
    if len(text) > MAX_CURSOR_CHARS:
        raise _damaged()
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        unpacking = zlib.decompressobj()
        whole = json.loads(unpacking.decompress(packed, _MAX_BYTES))
    except (ValueError, binascii.Error, zlib.error, RecursionError):
        raise _damaged() from None
    if not unpacking.eof or not isinstance(whole, list) or len(whole) != 7 or not isinstance(whole[6], list):
        raise _damaged()
    of, until, at, skip, past, room, gaps = whole
    if not all(map(_is_place, [until, skip, *(one for one in (at, past, room) if one is not None), *gaps])):
        raise _damaged()
    # No page would ever have a record, or one would take the memory of as many matches as there are.
    if skip > MAX_OFFSET or (room is not None and not skip + 2 <= room <= MAX_ROOM):
        raise _damaged()
    if len(gaps) > (room or 0) or 0 in gaps:
        raise _damaged()
    if of != mark:
        raise InvalidQuery(
            "cursor: it belongs to another query", "repeat filter, thread, and sort as they were"
        )
    best = tuple(accumulate(gaps))
    if best and best[-1] > MAX_CLOCK:
        raise _damaged()
    return Cursor(until, at, skip, past, room, best)


def _is_place(value: Any) -> bool:
    return type(value) is int and 0 <= value <= MAX_CLOCK


def _damaged() -> InvalidQuery:
    return InvalidQuery("cursor: it is not one of an answer", "send next_cursor as it came, or begin anew")
