"""The table of a fan-out's subtasks: it remembers which groups and nested tasks are unfolded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from textual import events
from textual.message import Message

from tui.model import branches, tree
from tui.model.glyphs import Glyphs
from tui.widgets.table import Table

if TYPE_CHECKING:
    from syncropel.wire import JoinStatus

_NOTHING: Final[frozenset[str]] = frozenset()


class SubtaskTable(Table):
    """A `Table` in which opening a group of subtasks unfolds it, or folds it again."""

    class Folded(Message):
        """A group or a nested task was unfolded or folded."""

    def __init__(self, glyphs: Glyphs, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(tree.SUBTASKS, glyphs, id=id)
        self._folds: dict[str, frozenset[str]] = {}
        self._of = ""
        self._laid: tuple[JoinStatus, Mapping[str, JoinStatus], frozenset[str], frozenset[str]] | None = None

    @property
    def unfolded(self) -> frozenset[str]:
        """The keys of the unfolded lines of the tree that is shown."""
        return self.unfolded_of(self._of)

    def unfolded_of(self, thread: str) -> frozenset[str]:
        """The keys of the unfolded lines of this task's tree; each tree has its own."""
        return self._folds.get(thread, _NOTHING)

    def belong(
        self, join: JoinStatus, nested: Mapping[str, JoinStatus], altered: frozenset[str] = _NOTHING
    ) -> None:
        """Show this tree from now on, with columns that fit it. `altered`: threads with altered records."""
        self._of = join.thread
        unfolded, glyphs = self.unfolded, self._glyphs
        old = self._laid
        same = old is not None and old[0] is join and old[1] is nested and old[2:] == (unfolded, altered)
        if not same:
            self._laid = (join, nested, unfolded, altered)
        lay = partial(branches.lay, join, unfolded, nested, altered)
        self.measure(self._laid, lambda: tree.longest(join, lay(), glyphs))

    def toggle(self) -> bool:
        """Unfold the selected line, or fold it; return whether it can be unfolded."""
        key = self.chosen or ""
        if not branches.can_unfold(key):
            return False
        self._folds[self._of] = self.unfolded ^ {key}
        self.post_message(self.Folded())
        return True

    def stands_for_several(self, key: str) -> bool:
        return branches.is_group(key)

    def members(self, key: str) -> Sequence[str]:
        if self._laid is None or not self.stands_for_several(key):
            return (key,)
        join, nested, unfolded, altered = self._laid
        return branches.members(key, branches.lay(join, unfolded, nested, altered))

    def action_open(self) -> None:
        if not (branches.is_group(self.chosen or "") and self.toggle()):
            super().action_open()

    def on_click(self, event: events.Click) -> None:
        """A click on the sign of a foldable line toggles it."""
        key = self.key_at(event.y)
        if (
            key is not None
            and event.x < self.indent + self.column_width("index")
            and branches.can_unfold(key)
        ):
            event.prevent_default()
            self.select(key)
            self.toggle()
