"""The table of a fan-out's subtasks: it remembers which groups the operator has unfolded."""

from __future__ import annotations

from textual.message import Message

from tui.model import folding, tree
from tui.model.glyphs import Glyphs
from tui.widgets.table import Table


class SubtaskTable(Table):
    """As `Table`; to open a group of subtasks shows them one by one, or folds them away again."""

    class Folded(Message):
        """A group was unfolded or folded."""

    def __init__(self, glyphs: Glyphs, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(tree.SUBTASKS, glyphs, id=id)
        self.unfolded: frozenset[str] = frozenset()
        self._of = ""

    def belong(self, thread: str) -> None:
        """Show the subtasks of this task from now on; another one's groups are folded."""
        if thread != self._of:
            self._of, self.unfolded = thread, frozenset()

    def action_open(self) -> None:
        if state := folding.group_of(self.chosen or ""):
            self.unfolded ^= {state}
            self.post_message(self.Folded())
        else:
            super().action_open()
