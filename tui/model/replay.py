"""The replay of a thread: its records as rows, the scrub bar, and the playing speed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from syncropel.client.verify import computed_id
from tui.model.feed import clock_time, gist, record_fields
from tui.model.frames import Frames
from tui.model.glyphs import Glyphs, Tone, tone_of, word
from tui.model.rows import Cell, Column, Row, Rows
from tui.model.text import plain, tail
from tui.model.turns import Turns, cell

if TYPE_CHECKING:
    from syncropel.wire.replay import ReplayFrame

FRAMES: Final = (
    Column("position", "#", 1, right=True, whole=True),
    Column("hash", "ID", 2),
    Column("act", "ACT", 6),
    Column("what", "WHAT", 22, grow=5, wish=30, over=1),
    Column("status", "STATUS", 14, drop=1),
    Column("at", "TIME", 9, drop=2),
    Column("who", "WHO", 12, grow=1, most=20, drop=3),
    Column("clock", "CLOCK", 6, drop=4, right=True),
    Column("id", "RECORD", 10, drop=5),
)
SPEEDS: Final = (0, 1, 4, 16)
"""Records per second; 0 is paused."""

Words = tuple[str, Tone]


def faster(speed: int) -> int:
    """The next speed; paused after the last one."""
    return SPEEDS[(SPEEDS.index(speed) + 1) % len(SPEEDS)]


def is_true(frame: ReplayFrame) -> bool:
    """Whether the record matches its id, both by our own check and by the daemon's."""
    return frame.hash_ok and computed_id(frame.record) == frame.record.id


def frame_rows(frames: Frames, keys: Sequence[str], names: Mapping[str, str], glyphs: Glyphs) -> Rows:
    """A row per position; rows not read yet say so. `keys` are the positions as text."""
    return Rows(frames.version, keys, lambda place: _row(place + 1, frames.at(place + 1), names, glyphs))


def _row(position: int, frame: ReplayFrame | None, names: Mapping[str, str], glyphs: Glyphs) -> Row:
    if frame is None:
        return Row(str(position), {"position": Cell(str(position)), "what": Cell(glyphs.ellipsis, "muted")})
    record, true = frame.record, is_true(frame)
    turned = frame.status_before != frame.status_after
    cells = {
        "position": Cell(str(position)),
        "hash": Cell(glyphs.sign("accept" if true else "failed"), "good" if true else "bad"),
        "act": Cell(record.act),
        "what": Cell(glyphs.text(gist(record)), "plain" if true else "bad"),
        "status": Cell(f"{glyphs.arrow} {word(frame.status_after)}", tone_of(frame.status_after))
        if turned
        else Cell(""),
        "at": Cell(clock_time(record.received_at), "muted"),
        "who": Cell(plain(names.get(record.actor, "")) or tail(record.actor, 12), "muted"),
        "clock": Cell(str(record.clock), "muted"),
        "id": Cell(tail(record.id), "muted"),
    }
    return Row(str(position), cells)


def sought(frame: ReplayFrame, names: Mapping[str, str], glyphs: Glyphs) -> Mapping[str, str]:
    """What a search looks at: the record, the status it changed to, and whether something is wrong."""
    turned = frame.status_before != frame.status_after
    status = f"{frame.status_after} {word(frame.status_after)}" if turned else ""
    row = _row(frame.position, frame, names, glyphs)
    return replace(row, fields={**record_fields(frame.record, names), "status": status}).sought


def bar(position: int, total: int, turns: Turns, width: int, glyphs: Glyphs) -> list[Words]:
    """The position among all records; the part already passed is thick, and each status change is marked."""
    if width < 3 or total < 1:
        return []
    here, marks, parts = cell(max(1, position), total, width), turns.marks(total, width), list[Words]()
    for x in range(width):
        if x == here:
            parts.append((glyphs.full, "strong"))
        elif x in marks:
            parts.append((glyphs.sign(marks[x]), tone_of(marks[x])))
        else:
            parts.append((glyphs.thick, "busy") if x < here else (glyphs.thin, "muted"))
    return _joined(parts)


def _joined(parts: Sequence[Words]) -> list[Words]:
    joined: list[Words] = []
    for text, tone in parts:
        if joined and joined[-1][1] == tone:
            joined[-1] = (joined[-1][0] + text, tone)
        else:
            joined.append((text, tone))
    return joined


def headline(frame: ReplayFrame | None, position: int, total: int, speed: int, glyphs: Glyphs) -> list[Words]:
    """Position, speed, and what the record did to the status."""
    parts: list[Words] = [(f"record {position:,} of {total:,}", "strong")]
    parts.append((f"{glyphs.cursor} playing ×{speed}", "busy") if speed else ("at rest", "muted"))
    if frame is not None:
        before, after = word(frame.status_before), word(frame.status_after)
        sign, tone = glyphs.sign(frame.status_after), tone_of(frame.status_after)
        parts.append(
            (f"{before} {glyphs.arrow} {sign} {after}" if before != after else f"{sign} {after}", tone)
        )
    return parts
