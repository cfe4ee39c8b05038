"""Marked rows of one table: each by its identity, with the state that it had when it was marked.

Keys act on what is marked, so a mark never moves to another row: it may be hidden by the filter, its row may
be gone, and what it stands for may have changed since. Each of these is told.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final

from tui.model import freezes, inbox
from tui.model.glyphs import Glyphs, word
from tui.model.subject import Subject, short_label
from tui.model.subject_actions import child_of

if TYPE_CHECKING:
    from syncropel.wire import InboxItem
    from tui.model.world import World

MARKED: Final = frozenset(
    {"tasks", "subtasks", "instances", "dispatches", "fanouts", "inbox", "namespaces"},
)
"""The tables whose rows can be marked: there are keys that act on several of them."""


@dataclass(frozen=True)
class Mark:
    """A marked row. `was` is its state then, in words; `of` is the row when the mark stands for part of one.

    `waits`: it is an item of the inbox, which is gone once it waits no more.
    """

    key: str
    subject: Subject
    label: str = ""
    was: str = ""
    of: str = ""
    waits: bool = False

    @property
    def row(self) -> str:
        """The row that was marked."""
        return self.of or self.key


def attempted(state: str, attempt: int | None) -> str:
    """The state of a subtask and which attempt that is: another attempt is another state."""
    return f"{word(state)}, attempt {attempt}" if attempt else word(state)


class Standings:
    """How marked rows stand in a world. What a thousand of them ask for is indexed once."""

    def __init__(self, world: World) -> None:
        self.world = world

    @cached_property
    def waiting(self) -> Mapping[str, InboxItem]:
        """The items of the inbox, by key."""
        return {inbox.key_of(one): one for one in self.world.inbox or ()}

    @cached_property
    def _instances(self) -> Mapping[str, str]:
        return {one.did: one.status for one in self.world.status.instances} if self.world.status else {}

    @cached_property
    def _running(self) -> Mapping[tuple[str, int], int]:
        flying = self.world.status.dispatches if self.world.status else ()
        return {(one.thread, one.index): one.attempt for one in flying}

    def mark(self, key: str, subject: Subject, *, waits: bool = False) -> Mark:
        """Mark a row as it stands now."""
        marked = Mark(key, subject, short_label(self.world, subject), waits=waits)
        return replace(marked, was=self.of(marked) or "")

    def of(self, mark: Mark) -> str | None:
        """How what is marked stands, in words: empty when it is gone, None while that is not known."""
        world, subject = self.world, mark.subject
        if mark.waits:
            return None if world.inbox is None else self._waits(mark.key)
        if world.status is None:
            return None
        if subject.did:
            return self._instances.get(subject.did, "")
        if subject.namespace:
            frozen = freezes.frozen_by(world, subject.namespace)
            return f"frozen {frozen}" if frozen else "not frozen"
        if subject.index is not None:
            return self._subtask(subject, subject.index)
        if (task := world.task(subject.thread)) is not None:
            return word(task.status)
        if any(one.thread == subject.thread for one in world.status.fanouts):
            return word("in_progress")
        return "" if world.tasks is not None and not world.more_tasks else None

    def _waits(self, key: str) -> str:
        item = self.waiting.get(key)
        return f"{item.kind}, attempt {item.attempt}" if item is not None else ""

    def _subtask(self, subject: Subject, index: int) -> str | None:
        if (child := child_of(self.world, subject)) is not None:
            return attempted(child.state, child.attempt)
        if attempt := self._running.get((subject.thread, index)):
            return attempted("in_progress", attempt)
        return "" if self.world.join_of(subject.thread) is not None else None


class Marks:
    """The marks of one table, in the order in which they were set."""

    def __init__(self) -> None:
        self._marks: dict[str, Mark] = {}
        self._anchor = ""

    def __len__(self) -> int:
        return len(self._marks)

    def __contains__(self, key: str) -> bool:
        return key in self._marks

    @property
    def all(self) -> list[Mark]:
        return list(self._marks.values())

    def turn(self, some: Sequence[Mark]) -> None:
        """Mark all of these; if all are marked already, none of them."""
        if all(one.key in self._marks for one in some):
            self.drop(one.key for one in some)
        else:
            self.add(some)
        self._anchor = some[-1].key if some else self._anchor

    def add(self, some: Iterable[Mark]) -> None:
        """Mark these. One that is marked already keeps the state that it was marked in."""
        for one in some:
            self._marks.setdefault(one.key, one)

    def drop(self, keys: Iterable[str]) -> None:
        for key in list(keys):
            self._marks.pop(key, None)

    def clear(self) -> None:
        self._marks, self._anchor = {}, ""

    def span(self, keys: Sequence[str], to: str) -> Sequence[str]:
        """The rows from the one marked last to this one, as they are shown; without one, only this one."""
        if to not in keys:
            return ()
        here = keys.index(to)
        begins = keys.index(self._anchor) if self._anchor in keys else here
        return keys[min(begins, here) : max(begins, here) + 1]


@dataclass(frozen=True)
class Told:
    """How marks stand among the rows: the sign of each shown one, and words for the title."""

    signs: Mapping[str, str]
    words: str


def tell(
    marks: Marks, world: World, shown: Collection[str], rows: Collection[str], glyphs: Glyphs, *, sure: bool
) -> Told:
    """`shown` are the keys that pass the filter, `rows` all keys; `sure`: they are known and up to date."""
    there, every, standings = set(shown), set(rows), Standings(world)
    hidden = gone = changed = 0
    signs: dict[str, str] = {}
    for one in marks.all:
        now = standings.of(one)
        is_gone = sure and one.key not in every
        is_changed = now is not None and now != one.was
        gone += is_gone
        changed += is_changed and not is_gone
        hidden += sure and not is_gone and one.key not in there
        if one.key in there:
            signs[one.key] = glyphs.sign("changed" if is_changed else "marked")
    parts = [f"{len(marks)} marked"] if len(marks) else []
    for count, words in ((hidden, "hidden by the filter"), (changed, "changed since"), (gone, "gone")):
        parts += [f"{count} {words}"] if count else []
    return Told(signs, ", ".join(parts))
