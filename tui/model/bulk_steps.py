"""How far each item of a list has got, as values, and their words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from tui.model.glyphs import Glyphs, Tone
from tui.model.rows import Cell, Column, Row, Rows


class Step(Enum):
    """How far one item has got. UNSEEN: the daemon took it, and what it should bring about was not seen."""

    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    DONE = "done"
    UNSEEN = "not seen yet"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    LEFT_OUT = "left out"
    NOT_REACHED = "not reached"


@dataclass(frozen=True)
class Progress:
    """How far an item has got, and what is to be said of it."""

    step: Step = Step.WAITING
    words: str = ""


@dataclass(frozen=True)
class Listed:
    """One line of the list: what it is about, how that stands, and its text."""

    key: str
    label: str
    now: str
    what: str
    why_not: str = ""


LIST: Final = (
    Column("step", "STATE", 14),
    Column("label", "WHAT", 12, grow=2, most=40, wish=20),
    Column("now", "IS", 10, grow=1, most=26, drop=1),
    Column("words", "IN WORDS", 12, grow=3),
)
_LOOKS: Final[dict[Step, tuple[str, Tone]]] = {
    Step.WAITING: ("pending", "plain"),
    Step.SENDING: ("in_progress", "busy"),
    Step.SENT: ("in_progress", "busy"),
    Step.DONE: ("done", "good"),
    Step.UNSEEN: ("unknown", "warn"),
    Step.REFUSED: ("failed", "bad"),
    Step.UNKNOWN: ("unknown", "warn"),
    Step.LEFT_OUT: ("cancelled", "muted"),
    Step.NOT_REACHED: ("blocked", "warn"),
}
_WORST_FIRST: Final = (
    Step.REFUSED, Step.UNKNOWN, Step.UNSEEN, Step.NOT_REACHED, Step.SENDING, Step.SENT, Step.WAITING,
    Step.DONE, Step.LEFT_OUT,
)  # fmt: skip
_OUTCOMES: Final = (
    Step.DONE, Step.REFUSED, Step.UNKNOWN, Step.UNSEEN, Step.NOT_REACHED, Step.LEFT_OUT,
)  # fmt: skip


def list_rows(
    items: Sequence[Listed], progress: Mapping[str, Progress] | None, glyphs: Glyphs, *, over: bool = False
) -> Rows:
    """A row for each item. Before the run those left out come last and say why; when it is `over`, the worst
    come first.
    """
    if progress is None:
        items = sorted(items, key=lambda one: bool(one.why_not))
    elif over:
        items = sorted(items, key=lambda one: _WORST_FIRST.index(progress.get(one.key, Progress()).step))
    keys, shown = [one.key for one in items], tuple(items)
    return Rows(shown, keys, lambda place: _row(shown[place], progress, glyphs))


def _row(one: Listed, progress: Mapping[str, Progress] | None, glyphs: Glyphs) -> Row:
    before = Progress(Step.LEFT_OUT if one.why_not else Step.WAITING, one.why_not)
    here = before if progress is None else progress.get(one.key, before)
    sign, tone = _LOOKS[here.step]
    word = "on the list" if progress is None and here.step is Step.WAITING else here.step.value
    cells = {
        "step": Cell(f"{glyphs.sign(sign)} {word}", tone),
        "label": Cell(one.label, "muted" if here.step is Step.LEFT_OUT else "strong"),
        "now": Cell(one.now),
        "words": Cell(glyphs.text(here.words or one.what), "plain" if here.words else "muted"),
    }
    return Row(one.key, cells)


def left_out(items: Sequence[Listed]) -> list[tuple[str, Tone]]:
    """How many are left out, and why most of them are; the list says it of each."""
    out = Counter(one.why_not for one in items if one.why_not)
    if not out:
        return []
    (why, count), *others = out.most_common()
    more = f", and {len(others)} other {'reason' if len(others) == 1 else 'reasons'}" if others else ""
    return [(f"{sum(out.values()):,} of {len(items):,} left out: {count:,} × {why}{more}", "warn")]


def going_lines(progress: Mapping[str, Progress], glyphs: Glyphs, why: str) -> list[tuple[str, Tone]]:
    """How far a run has got. `why`: it was told to stop."""
    counts = Counter(one.step for one in progress.values())
    left_out = counts[Step.LEFT_OUT]
    total, waiting = len(progress) - left_out, counts[Step.WAITING] + counts[Step.SENDING]
    parts = [f"{counts[step]:,} {step.value}" for step in (Step.REFUSED, Step.UNKNOWN) if counts[step]]
    head = f"{glyphs.sign('in_progress')} {total - waiting:,} of {total:,} sent"
    if not waiting:
        head = f"{glyphs.sign('in_progress')} reading back what became of them: {counts[Step.SENT]:,} to see"
    lines: list[tuple[str, Tone]] = [(" · ".join([head, *parts]), "busy")]
    return [*lines, (f"  no more is sent: {why}", "warn")] if why else lines


def over_lines(progress: Mapping[str, Progress], past: str, glyphs: Glyphs) -> list[tuple[str, Tone]]:
    """What became of all of them. `past` is what was done, such as `cancelled`."""
    counts = Counter(one.step for one in progress.values())
    lines: list[tuple[str, Tone]] = []
    for step in _OUTCOMES:
        if counts[step]:
            sign, tone = _LOOKS[step]
            word = past if step is Step.DONE else step.value
            lines.append((f"{glyphs.sign(sign)} {counts[step]:,} {word}", tone))
    return lines


def summary(progress: Mapping[str, Progress], past: str) -> str:
    """The same in one line, for who has closed the dialog."""
    counts = Counter(one.step for one in progress.values())
    return ", ".join(
        f"{counts[step]:,} {past if step is Step.DONE else step.value}" for step in _OUTCOMES if counts[step]
    )


def all_done(progress: Mapping[str, Progress]) -> bool:
    """Whether nothing but what was left out is not done."""
    return all(one.step in (Step.DONE, Step.LEFT_OUT) for one in progress.values())
