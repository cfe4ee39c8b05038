"""A thread in brief, beside the list of threads: what it is, and its last records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from tui.model.children import frame_children
from tui.model.facts import Fact
from tui.model.feed import clock_time, gist
from tui.model.glyphs import TONES, Glyphs, word
from tui.model.text import count, plain, tail
from tui.model.tree import Line

if TYPE_CHECKING:
    from syncropel.wire import ThreadSummary
    from syncropel.wire.replay import ReplayFrame, ReplayPage

LAST: Final = 30
"""How many of its records are read."""


def since_of(one: ThreadSummary) -> int:
    """The position after which its last records begin."""
    return max(0, one.records - LAST)


def thread_facts(
    one: ThreadSummary, page: ReplayPage | None, names: Mapping[str, str], glyphs: Glyphs
) -> list[Fact]:
    """What is known of a thread; its last records, newest first, once they were read."""
    facts: list[Fact] = [
        ("thread", Line(plain(one.id))),
        ("kind", Line(one.kind)),
        ("records", Line(f"{count(one.records)} by {count(one.participants)}")),
        ("title", Line(plain(one.title))),
    ]
    if not one.starts_with_intend:
        facts.append(("!", Line("does not start with an INTEND", "warn")))
    facts.append(("", Line("")))
    if page is None or page.thread.id != one.id:
        return [*facts, ("reading", Line(glyphs.ellipsis, "muted"))]
    facts += frame_children(page.data[-1], glyphs) if page.data else []
    return facts + [_frame(frame, names, glyphs) for frame in reversed(page.data)]


def _frame(frame: ReplayFrame, names: Mapping[str, str], glyphs: Glyphs) -> Fact:
    """One line: what changed the status says so first, since that is never cut."""
    record, turned = frame.record, frame.status_before != frame.status_after
    status = f"{glyphs.arrow} {word(frame.status_after)}  " if turned else ""
    tone = TONES.get(frame.status_after, "plain") if turned else "plain"
    who = plain(names.get(record.actor, "")) or tail(record.actor, 12)
    words = f"{record.act:<6}  {status}{gist(record)} · {who}"
    return clock_time(record.received_at), Line(words, tone, most=1)
