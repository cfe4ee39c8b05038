"""A record or a log line in full, as lines of a given width."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len, set_cell_size

from tui.model.feed import FeedLine
from tui.model.text import NOTHING, full_time, plain
from tui.model.tree import Line

if TYPE_CHECKING:
    from syncropel.wire import LogLine, RecordOut

NAME_WIDTH: Final = 12
MOST: Final = 10_000

Fact = tuple[str, str]


def facts_of(line: FeedLine) -> list[Fact]:
    """Everything known about it, as names and values; the longest value comes last."""
    if line.record is not None:
        return _record_facts(line.record)
    if line.log is not None:
        return _log_facts(line.log)
    return [("note", line.words)]


def short_facts(line: FeedLine) -> list[tuple[str, Line]]:
    """The same, with each value cut to what a terminal can show at once."""
    return [(name, Line("\n".join(map(plain, value[:MOST].splitlines())))) for name, value in facts_of(line)]


def _record_facts(record: RecordOut) -> list[Fact]:
    return [
        ("id", record.id),
        ("act", record.act),
        ("thread", record.thread),
        ("actor", record.actor),
        ("clock", str(record.clock)),
        ("parents", "\n".join(record.parents) or NOTHING),
        ("data type", record.data_type),
        ("judged by", record.judged_by or NOTHING),
        ("sequence", str(record.sequence)),
        ("received", full_time(record.received_at)),
        ("command", f"spl records show {record.id}"),
        ("body", json.dumps(record.body, ensure_ascii=False, indent=2)),
    ]


def _log_facts(line: LogLine) -> list[Fact]:
    return [
        ("level", line.level),
        ("at", full_time(line.at)),
        ("target", line.target),
        ("thread", line.thread or NOTHING),
        ("actor", line.actor or NOTHING),
        ("record", line.record or NOTHING),
        ("sequence", str(line.sequence)),
        ("command", f"spl logs --since {line.sequence - 1} --limit 1"),
        ("message", line.message),
        *([("traceback", line.traceback)] if line.traceback else []),
    ]


def laid_out(facts: list[Fact], width: int, name_width: int = NAME_WIDTH) -> list[tuple[str, str]]:
    """Names and values as lines of at most `width` cells, wrapped at blanks. Cheap even for a megabyte."""
    room = max(10, width - name_width)
    lines: list[tuple[str, str]] = []
    for name, value in facts:
        head = f"{name:<{name_width}}"
        for part in value.splitlines() or [""]:
            for piece in _folded(part if part.isprintable() else plain(part), room):
                lines.append((head, piece))
                head = " " * name_width
    return lines


def _folded(text: str, room: int) -> Iterator[str]:
    """Lines of at most `room` cells; where no blank is near the end, a word is split there."""
    start = 0
    while True:
        ahead = text[start : start + room + 1]
        if len(ahead) <= room and cell_len(ahead) <= room:
            yield ahead
            return
        line = ahead[:room]
        if cell_len(line) > room:
            line = set_cell_size(line, room).rstrip() or line[: max(1, room // 2)]
        blank = ahead.rfind(" ", 0, len(line) + 1)
        if blank > room // 3 and ahead[:blank].strip():
            yield ahead[:blank]
            start += blank + 1
        else:
            yield line
            start += len(line)
