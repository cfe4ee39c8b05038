"""The tree of a fan-out as a flat list: its subtasks, nested tasks beneath them, and folded groups."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tui.model.folding import Group, fold

if TYPE_CHECKING:
    from syncropel.wire import ChildOut, JoinStatus, TaskSummary

_PART: Final = "task "
_GROUP: Final = "+"


@dataclass(frozen=True)
class Branch:
    """A line of the tree. `of` is the join that it belongs to, `key` its identity among all lines.

    `indent` is its depth. `last`: no sibling follows it. `unfolded`: what it stands for is shown beneath it.
    """

    what: ChildOut | Group | TaskSummary
    of: JoinStatus
    key: str
    indent: int
    last: bool
    unfolded: bool = False


def lay(
    join: JoinStatus,
    unfolded: Collection[str] | None,
    nested: Mapping[str, JoinStatus],
    altered: frozenset[str] = frozenset(),
) -> Sequence[Branch]:
    """All lines, from top to bottom. `unfolded` are the keys of unfolded lines; None: no groups, and nothing
    nested.

    `nested` are the known joins of nested tasks, by thread. Nothing is shown inside itself. `altered` are the
    threads with altered records: no group hides their subtasks.
    """
    return tuple(_lay(join, unfolded, nested, altered, (), 0))


def _lay(
    join: JoinStatus,
    unfolded: Collection[str] | None,
    nested: Mapping[str, JoinStatus],
    altered: frozenset[str],
    above: tuple[str, ...],
    indent: int,
) -> Iterator[Branch]:
    head = f"{join.thread}/" if above else ""
    shown: Sequence[ChildOut | Group] = join.subtasks
    if unfolded is not None:
        opened = {one.removeprefix(head + _GROUP) for one in unfolded if one.startswith(head + _GROUP)}
        shown = fold(join.subtasks, opened, altered)

    def part(task: TaskSummary, deep: int, *, last: bool) -> Iterator[Branch]:
        key = _PART + task.thread
        wide = unfolded is not None and key in unfolded and task.thread not in (*above, join.thread)
        yield Branch(task, join, key, deep, last, wide)
        if wide and task.thread in nested:
            yield from _lay(nested[task.thread], unfolded, nested, altered, (*above, join.thread), deep + 1)

    for one in shown:
        last = one is shown[-1] and not join.parts
        if isinstance(one, Group):
            yield Branch(one, join, head + one.key, indent, last, not one.folded)
            continue
        yield Branch(one, join, f"{head}{one.index}", indent, last)
        for task in one.parts:
            yield from part(task, indent + 1, last=task is one.parts[-1])
    for task in join.parts:
        yield from part(task, indent, last=task is join.parts[-1])


def wanted(unfolded: Collection[str]) -> frozenset[str]:
    """The threads of nested tasks whose joins are needed."""
    return frozenset(one.removeprefix(_PART) for one in unfolded if one.startswith(_PART))


def can_unfold(key: str) -> bool:
    """Whether the line with this key stands for others: a group, or a nested task."""
    return is_group(key) or key.startswith(_PART)


def is_group(key: str) -> bool:
    return key.rpartition("/")[2].startswith(_GROUP)


def members(key: str, lines: Sequence[Branch]) -> list[str]:
    """The keys that the subtasks of a group have when they are lines of their own."""
    found = next((one for one in lines if one.key == key), None)
    if found is None or not isinstance(found.what, Group):
        return []
    head = key[: key.rindex(_GROUP)]
    return [f"{head}{one.index}" for one in found.what.children]


def place_of(key: str, shown: str) -> tuple[str, int | None]:
    """The task thread and subtask index that a line is about; None when it is not a subtask.

    `shown` is the task whose tree it is.
    """
    if key.startswith(_PART):
        return key.removeprefix(_PART), None
    thread, _, rest = key.rpartition("/")
    return thread or shown, None if rest.startswith(_GROUP) else int(rest)
