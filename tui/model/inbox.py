"""The rows of the Inbox screen: everything that waits for the operator, the oldest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from syncropel.wire import work_words
from tui.model.glyphs import Glyphs, Tone
from tui.model.moment import Moment
from tui.model.rows import Cell, Column, Row, Rows, widest
from tui.model.subject import Subject
from tui.model.text import NOTHING, duration, first_line, full_time, long_duration, plain, tail
from tui.model.tree import Line

if TYPE_CHECKING:
    from syncropel.wire import DispatchOut, FanOutProgress, FleetStatus, InboxItem
    from tui.model.world import World

INBOX: Final = (
    Column("kind", "WHAT WAITS", 12),
    Column("since", "FOR", 6, right=True),
    Column("task", "TASK", 12, grow=1, most=28, wish=20),
    Column("what", "IN WORDS", 20, grow=4, wish=32, over=1),
    Column("left", "DENIED IN", 9, drop=1, right=True),
    Column("where", "WHERE", 9, grow=1, most=20, drop=2),
)
ASKS: Final = frozenset({"permission", "question"})
"""Kinds that are answered in a dialog that shows what is asked."""
RINGS: Final = ASKS | {"approval", "late", "budget", "collision", "review"}
"""Kinds that ring; failures and silent instances do so by themselves."""
_SIGNS: Final = {
    "failed": "failed",
    "silent": "stale",
    "late": "stale",
    "budget": "stale",
    "collision": "stale",
}
_TONES: Final[dict[str, Tone]] = {"failed": "bad"}
_VERBS: Final = {
    "permission": "asks for permission",
    "question": "asks",
    "approval": "waits for your decision",
    "late": "is late",
    "budget": "has nearly spent its budget",
    "collision": "meets another subtask",
    "review": "waits for your review",
}
_URGENT_SECS: Final = 60.0


def key_of(item: InboxItem) -> str:
    """Its identity: the same while it waits."""
    return "/".join([item.thread, str(item.index), str(item.attempt), item.kind, item.question])


def find(world: World, key: str | None) -> InboxItem | None:
    return next((one for one in world.inbox or () if key_of(one) == key), None)


def place(item: InboxItem) -> str:
    """The subtask as people name it: `DOCS-11 [2]`."""
    name = plain(item.alias) or tail(item.thread)
    return name if item.index is None else f"{name} [{item.index}]"


@dataclass(frozen=True)
class Asked:
    """A question, as far as a dialog about it needs to know it beforehand."""

    question: str
    thread: str
    name: str
    """The task as commands name it."""
    index: int

    @classmethod
    def of(cls, item: InboxItem) -> Asked | None:
        """What an item asks; None when it is no question."""
        if item.kind not in ASKS or item.index is None:
            return None
        return cls(item.question, item.thread, plain(item.alias) or item.thread, item.index)

    @property
    def place(self) -> str:
        return f"{tail(self.name) if self.name == self.thread else self.name} [{self.index}]"


def asked_by(world: World, subject: Subject) -> Asked | None:
    """The oldest question of a subtask that waits, as far as is known."""
    found = (one for one in world.inbox or () if (one.thread, one.index) == (subject.thread, subject.index))
    asked = next((one for one in map(Asked.of, found) if one is not None), None)
    join = world.join_of(subject.thread) if subject.index is not None else None
    if asked is not None or join is None or subject.index is None:
        return asked
    asks = next((one.asks for one in join.subtasks if one.index == subject.index), None)
    name = plain(join.alias) or join.thread
    return Asked(asks.question, join.thread, name, subject.index) if asks is not None else None


def words(item: InboxItem) -> str:
    """What waits, in one line, for those who look elsewhere."""
    return f"{place(item)} {_VERBS.get(item.kind, item.kind)}: {first_line(item.what)}"


def subject(item: InboxItem) -> Subject:
    return Subject(thread=item.thread, index=item.index)


def inbox_rows(items: Sequence[InboxItem], at: Moment, glyphs: Glyphs) -> Rows:
    return Rows(items, [key_of(one) for one in items], lambda number: _row(items[number], at, glyphs))


def longest(items: Sequence[InboxItem]) -> dict[str, int]:
    """How much room the columns of foreign text could use."""
    return {
        "task": widest(map(place, items)),
        "what": widest(first_line(one.what) for one in items),
        "where": widest(map(_where, items)),
    }


def _where(item: InboxItem) -> str:
    return plain(item.instance_alias or "") or (tail(item.instance) if item.instance else NOTHING)


def _row(item: InboxItem, at: Moment, glyphs: Glyphs) -> Row:
    old = max(0.0, at.now - item.since)
    cells = {
        "kind": Cell(f"{glyphs.sign(_SIGNS.get(item.kind, 'asks'))} {item.kind}", _tone(item)),
        "since": Cell(long_duration(old), "plain", -item.since),
        "task": Cell(place(item), "strong"),
        "what": Cell(first_line(item.what)),
        "left": _left(item, at),
        "where": Cell(_where(item), "muted"),
    }
    fields = {key: cell.text for key, cell in cells.items()}
    return Row(key_of(item), cells, fields | {"what": plain(item.what), "thread": item.thread})


def _tone(item: InboxItem) -> Tone:
    return _TONES.get(item.kind, "warn")


def _left(item: InboxItem, at: Moment) -> Cell:
    if item.until is None:
        return Cell(NOTHING, "muted", float("inf"))
    left = item.until - at.now
    return Cell(duration(left) if left > 0 else "now", "warn" if left < _URGENT_SECS else "plain", item.until)


def facts(item: InboxItem, at: Moment, glyphs: Glyphs) -> list[tuple[str, Line]]:
    """Everything known about what waits, as names and values."""
    row = _row(item, at, glyphs)
    told = [
        ("waits", Line(row.cells["kind"].text, row.cells["kind"].tone)),
        ("what", Line(plain(item.what), most=6)),
        ("since", Line(full_time(item.since))),
    ]
    told += [("denied in", Line(row.cells["left"].text, row.cells["left"].tone))] if item.until else []
    return [*told, ("where", Line(_where(item))), ("command", Line(plain(item.command)))]


def grounds(status: FleetStatus) -> tuple[object, ...]:
    """Where something waits, as far as the fleet's stream tells it. Of spend and time only a limit that is
    passed is part of it.
    """
    fanouts = [
        (
            one.thread,
            not one.satisfiable,
            tuple(one.hangs),
            tuple(one.asking),
            tuple(one.questions),
            tuple(one.unreviewed),
            _near(one),
        )
        for one in status.fanouts
    ]
    running = [
        ((one.thread, one.index, one.attempt), one.hangs, work_words.is_late(one, status.at), _near(one))
        for one in status.dispatches
    ]
    met = [(one.repo, [(by.thread, by.index) for by in one.by], one.files) for one in status.collisions]
    return tuple(one for one in (*fanouts, *running, *met) if any(one[1:]))


def _near(one: DispatchOut | FanOutProgress) -> bool:
    return bool(work_words.near_budget(one.cost_usd, one.budget_usd))


def count(world: World, *, live: bool) -> str:
    """How much waits, for the footer of every screen: a question mark when that is not known at present, and
    nothing when nothing waits.
    """
    if world.inbox is None or world.inbox_trouble or not live:
        return "?"
    return str(len(world.inbox)) if world.inbox else ""


def alert(world: World, glyphs: Glyphs, key: str) -> str:
    """The same in the header, with the key that goes there; empty when nothing waits that is known."""
    waits = 0 if world.inbox is None or world.inbox_trouble else len(world.inbox)
    return f"{glyphs.sign('asks')} {waits} {'needs' if waits == 1 else 'need'} you ({key})" if waits else ""
