"""Two threads side by side: what they share, where they diverge, and how they ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from tui.model.frame_facts import fact_name, fact_text
from tui.model.glyphs import Glyphs, Tone, word
from tui.model.rows import Cell, Column, Row, Rows
from tui.model.text import NOTHING, money, plain, tail, wall

if TYPE_CHECKING:
    from syncropel.wire.replay import ComparedRecord, ComparedRow, ComparedSide, ThreadDiff

COMPARED: Final = (
    Column("kind", "", 9),
    Column("step", "STEP", 22, grow=3, most=50),
    Column("left", "LEFT", 16, grow=1, most=26),
    Column("right", "RIGHT", 16, grow=1, most=26),
    Column("differences", "DIFFERENCES", 18, grow=3, drop=1),
)
_KINDS: Final[dict[str, tuple[str, str, Tone]]] = {
    "same": ("accept", "same", "muted"),
    "differs": ("failed", "differs", "warn"),
    "left": ("open", "left", "busy"),
    "right": ("open", "right", "busy"),
}


def compared_rows(diff: ThreadDiff, glyphs: Glyphs) -> Rows:
    """A row per step, keyed by its position in the comparison."""
    keys = [str(place) for place in range(len(diff.rows))]
    return Rows(diff, keys, lambda place: _row(place, diff, glyphs))


def _row(place: int, diff: ThreadDiff, glyphs: Glyphs) -> Row:
    one = diff.rows[place]
    sign, name, tone = _KINDS.get(one.kind, ("unknown", one.kind, "warn"))
    first = place == diff.first_divergence
    cells = {
        "kind": Cell(f"{glyphs.sign(sign)} {name}", tone),
        "step": Cell(plain(one.step), "strong" if first else "plain"),
        "left": _side(one.left, glyphs),
        "right": _side(one.right, glyphs),
        "differences": Cell(plain(", ".join(one.differences)), tone),
    }
    return Row(str(place), cells, {"kind": one.kind, "step": one.step})


def _side(one: ComparedRecord | None, glyphs: Glyphs) -> Cell:
    if one is None:
        return Cell(NOTHING, "muted")
    return Cell(f"#{one.position} {glyphs.sign(one.status_after)} {word(one.status_after)}")


def summary(diff: ThreadDiff, glyphs: Glyphs) -> list[tuple[str, Tone]]:
    """How the two threads ended, how many steps they share, and where they diverge."""
    lines: list[tuple[str, Tone]] = [
        (f"left   {_ended(diff.left, glyphs)}", "plain"),
        (f"right  {_ended(diff.right, glyphs)}", "plain"),
    ]
    only = f"{diff.left_only} left only · {diff.right_only} right only"
    counts = f"{diff.same} same · {diff.differs} differ · {only}"
    if diff.first_divergence is None:
        return [*lines, (f"{glyphs.sign('accept')} no difference: {counts}", "good")]
    place = diff.first_divergence
    step = plain(diff.rows[place].step) if place < len(diff.rows) else f"step {place + 1}"
    return [*lines, (f"{glyphs.sign('failed')} they diverge at “{step}”: {counts}", "warn")]


def _ended(side: ComparedSide, glyphs: Glyphs) -> str:
    cost = NOTHING if side.cost_usd is None else money(side.cost_usd)
    status = f"{glyphs.sign(side.status)} {word(side.status)}"
    name = plain(side.thread.title).partition("\n")[0] or tail(side.thread.id)
    return f"{status}  {side.records} records  {wall(side.wall_secs)}  {cost}  {tail(side.thread.id)}  {name}"


def next_difference(rows: Sequence[ComparedRow], place: int, way: int) -> int | None:
    """The nearest row that differs between the two sides."""
    places = range(place + 1, len(rows)) if way > 0 else range(place - 1, -1, -1)
    return next((one for one in places if rows[one].kind != "same"), None)


def different_facts(diff: ThreadDiff) -> list[tuple[str, str, str]]:
    """Names and both values of the facts in which the two states visibly differ: a fact that is empty on one
    side and missing on the other counts as equal.
    """
    found = [
        (fact_name(one.name), fact_text(one.name, one.left), fact_text(one.name, one.right))
        for one in diff.facts
        if not one.same
    ]
    return [(name, left, right) for name, left, right in found if left != right]
