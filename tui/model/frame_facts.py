"""One record of a replay in full: its content, whether its hash holds, and what it did to the state."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from syncropel.client.verify import computed_id
from tui.model.feed_facts import laid_out
from tui.model.glyphs import Glyphs, Tone, word
from tui.model.text import NOTHING, full_time, money, plain, tail, wall

if TYPE_CHECKING:
    from syncropel.wire.replay import FactValue, ReplayFrame

Line = tuple[str, str, Tone]
"""Name, value, and the value's tone."""
_NAME_WIDTH: Final = 16


def frame_lines(frame: ReplayFrame, names: Mapping[str, str], width: int, glyphs: Glyphs) -> list[Line]:
    """The record as lines of at most `width` cells: hash, what it changed, body, other state."""
    record, who = frame.record, plain(names.get(frame.record.actor, ""))
    changed, still = state_lines(frame, glyphs)
    blank: Line = ("", "", "plain")
    told: list[Line] = [
        _hash_line(frame, glyphs),
        *changed,
        blank,
        ("actor", f"{who} · {record.actor}" if who else record.actor, "plain"),
        ("received", full_time(record.received_at), "plain"),
        ("clock", f"{record.clock} · {record.act} · {record.data_type}", "plain"),
        ("record", record.id, "plain"),
        ("parents", " ".join(tail(one) for one in record.parents) or NOTHING, "plain"),
    ]
    if record.judged_by:
        told.append(("judged by", record.judged_by, "plain"))
    told += [("body", json.dumps(record.body, ensure_ascii=False, indent=2), "plain"), blank, *still]
    lines: list[Line] = []
    for label, value, tone in told:
        lines += [(name, text, tone) for name, text in laid_out([(label, value)], width, _NAME_WIDTH)]
    return lines


def _hash_line(frame: ReplayFrame, glyphs: Glyphs) -> Line:
    mine, record = computed_id(frame.record), frame.record
    if mine == record.id and frame.hash_ok:
        return (
            "hash",
            f"{glyphs.sign('accept')} holds, computed anew",
            "good",
        )
    sign = glyphs.sign("failed")
    if mine != record.id:
        return (
            "hash",
            f"{sign} altered: the content hashes to {mine or 'nothing'}, the id says {record.id}",
            "bad",
        )
    return ("hash", f"{sign} it is right here, but the daemon computed {frame.hash}: do not trust it", "bad")


def state_lines(frame: ReplayFrame, glyphs: Glyphs) -> tuple[list[Line], list[Line]]:
    """The folded state: what the record changed, with both values, and what it left unchanged."""
    before = {one.name: one.value for one in frame.before}
    after = {one.name: one.value for one in frame.after}
    names = list(dict.fromkeys([*after, *before]))
    changed: list[Line] = []
    for name in (one for one in names if one in frame.changed and before.get(one) != after.get(one)):
        text = f"{fact_text(name, before.get(name))} {glyphs.arrow} {fact_text(name, after.get(name))}"
        changed.append((f"{glyphs.cursor} {_label(name)}", text, "busy"))
    still: list[Line] = [
        (f"  {_label(name)}", fact_text(name, after.get(name)), "muted")
        for name in names
        if name not in frame.changed and after.get(name) not in (None, "")
    ]
    return changed or [("state", "this record changed nothing", "muted")], still


def _label(name: str) -> str:
    return fact_name(name)[: _NAME_WIDTH - 3]


def fact_name(name: str) -> str:
    """A fact's name as a person reads it; the unit is part of the value."""
    return name.removesuffix("_usd").removesuffix("_secs").replace("_", " ")


def fact_text(name: str, value: FactValue) -> str:
    """A fact's value as a person reads it: money, seconds, yes and no, states in words."""
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        if name.endswith("_usd"):
            return money(value)
        return (
            wall(value)
            if name.endswith("_secs")
            else f"{value:g}"
            if isinstance(value, float)
            else str(value)
        )
    return plain(word(value)) or NOTHING
