"""Two threads side by side: which of their records stand for the same step, and where they diverge.

Two runs of the same work have no record in common: ids, clocks, and times differ. So records are matched by
their subject: act, topic, subtask, attempt, and occurrence.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from syncropel.record.model import Record, StoredRecord

Kind = Literal["same", "differs", "left", "right"]

_INCIDENTAL: Final = frozenset(
    {
        "alias",
        "at",
        "child_intend",
        "child_thread",
        "fulfills",
        "output",
        "parent_intend",
        "parent_thread",
        "report_clock",
        "wall_time_secs",
    }
)
"""Members of a body that differ between any two runs, without saying what they did."""

_TELLING: Final = ("fulfills", "verdict", "subtasks", "task")
"""Members of a body that tell what a record without a topic is about."""

Step = tuple[str, str, int, int, int]
"""Act, topic, subtask (-1: none), attempt (0: none), and the occurrence of these, from 0."""


@dataclass(frozen=True, slots=True)
class Row:
    """A step, with the positions (from 1) of its records; None where a side lacks it."""

    kind: Kind
    step: str
    left: int | None = None
    right: int | None = None
    differences: tuple[str, ...] = ()


def compare(left: Sequence[StoredRecord], right: Sequence[StoredRecord]) -> list[Row]:
    """Every step of both, in the order of the left; steps only in the right follow their predecessor there.

    Both inputs are in display order.
    """
    lefts, rights = _steps(left), _steps(right)
    position_left = {step: at for at, step in enumerate(lefts, start=1)}
    position_right = {step: at for at, step in enumerate(rights, start=1)}
    leading, following = _only_right(rights, position_left)
    rows = [_lone("right", step, right=at) for step, at in leading]
    for at, step in enumerate(lefts, start=1):
        other = position_right.get(step)
        if other is None:
            rows.append(_lone("left", step, left=at))
        else:
            found = differences(left[at - 1].record, right[other - 1].record)
            rows.append(Row("differs" if found else "same", told(step), at, other, found))
        rows += [_lone("right", extra, right=place) for extra, place in following.get(step, ())]
    return rows


def differences(left: Record, right: Record) -> tuple[str, ...]:
    """What differs between two records of the same step, apart from ids, times, and clocks."""
    if left.id == right.id:
        return ()
    found = [name for name in ("actor", "data_type") if getattr(left, name) != getattr(right, name)]
    names = sorted((left.body.keys() | right.body.keys()) - _INCIDENTAL)
    missing = object()
    return (
        *found,
        *(name for name in names if not _equal(left.body.get(name, missing), right.body.get(name, missing))),
    )


def told(step: Step) -> str:
    """The step in words."""
    act, topic, index, attempt, again = step
    parts = [topic or act]
    if index >= 0:
        parts.append(f"[{index}]")
    if attempt > 1:
        parts.append(f"attempt {attempt}")
    if again:
        parts.append(f"#{again + 1}")
    return " ".join(parts)


def _equal(left: Any, right: Any) -> bool:
    return type(left) is type(right) and bool(left == right)


def _steps(records: Iterable[StoredRecord]) -> list[Step]:
    seen: dict[tuple[str, str, int, int], int] = {}
    steps = []
    for stored in records:
        base = _base(stored.record)
        again = seen.get(base, 0)
        seen[base] = again + 1
        steps.append((*base, again))
    return steps


def _base(record: Record) -> tuple[str, str, int, int]:
    body = record.body
    index, attempt = body.get("index"), body.get("attempt")
    topic = record.topic or next(
        (name for name in ("fulfills", "verdict", "subtasks", "task") if name in body), ""
    )
    return (
        record.act,
        topic,
        index if type(index) is int and index >= 0 else -1,
        attempt if type(attempt) is int else 0,
    )


def _only_right(
    rights: Sequence[Step], known: dict[Step, int]
) -> tuple[list[tuple[Step, int]], dict[Step, list[tuple[Step, int]]]]:
    """Steps only in the right: those before any common step, and those after each common step."""
    leading: list[tuple[Step, int]] = []
    following: dict[Step, list[tuple[Step, int]]] = {}
    last: Step | None = None
    for at, step in enumerate(rights, start=1):
        if step in known:
            last = step
        elif last is None:
            leading.append((step, at))
        else:
            following.setdefault(last, []).append((step, at))
    return leading, following


def _lone(kind: Kind, step: Step, left: int | None = None, right: int | None = None) -> Row:
    return Row(kind, told(step), left, right)
