"""Marks: `m`, `M` and `*` choose rows, and the keys that change the fleet then act on exactly these."""

from __future__ import annotations

from collections.abc import Sequence

from tui.model.marks import MARKED, Mark, Marks, Standings, Told, tell
from tui.model.rows import Rows
from tui.model.subject import Subject, subject_of
from tui.screens.control import Control
from tui.widgets.table import Table


class Marking(Control):
    """A screen whose tables have marks. Each table has its own, and the subtasks of each task, too."""

    def __init__(self) -> None:
        super().__init__()
        self._marks: dict[str, Marks] = {}

    @property
    def wants(self) -> str | None:
        """The task whose join this screen shows."""
        return None

    def focused_table(self) -> Table | None:
        focused = self.focused
        return focused if isinstance(focused, Table) else next(iter(self.query(Table)), None)

    def subject_at(self, table: Table, key: str) -> Subject:
        """What a row is about."""
        return subject_of(table.id or "", key, self.wants)

    def show(self) -> None:
        """Show the world as of now."""

    def is_sure(self, table: Table) -> bool:
        """Whether the rows shown are those of the present filter: not while some are still looked through."""
        return True

    # marks

    def marks_of(self, table: Table) -> Marks:
        """The marks of a table; those of subtasks belong to the task that is shown."""
        which = f"{table.id} {self.wants}" if table.id == "subtasks" else table.id or ""
        return self._marks.setdefault(which, Marks())

    def marked(self) -> Marks:
        """The marks of the table in focus."""
        table = self.focused_table()
        return self.marks_of(table) if table is not None else Marks()

    def tell_marks(self, table: Table, shown: Rows, rows: Rows, *, sure: bool) -> Told:
        """How the marks of a table stand among its rows."""
        marks = self.marks_of(table)
        if not marks:
            return Told({}, "")
        folded = {key: table.members(key) for key in shown.keys if table.stands_for_several(key)}
        seen = [one for key in shown.keys for one in folded.get(key, (key,))]
        every = [one for key in rows.keys for one in folded.get(key, (key,))] if shown is not rows else seen
        glyphs = self.console.glyphs
        told = tell(marks, self.world, seen, every, glyphs, sure=sure)
        sign = glyphs.sign("marked")
        whole = {key: sign for key, some in folded.items() if some and all(one in marks for one in some)}
        return Told({**told.signs, **whole}, told.words)

    def _as_marks(self, table: Table, keys: Sequence[str]) -> list[Mark]:
        standings, waits = Standings(self.world), table.id == "inbox"
        found = [one for key in keys for one in table.members(key)]
        return [standings.mark(one, self.subject_at(table, one), waits=waits) for one in found]

    def _markable(self) -> Table | None:
        """The table in focus, if its rows can be marked; otherwise say that they cannot."""
        table = self.focused_table()
        if table is None or table.id not in MARKED:
            self.notify("rows of this list are not marked: no key acts on several of them", timeout=4)
            return None
        return table

    # keys

    def action_mark(self) -> None:
        """Mark the row under the cursor, or not any more, and go to the next one."""
        if (table := self._markable()) is not None and table.row is not None:
            self.marks_of(table).turn(self._as_marks(table, [table.row.key]))
            table.action_move(1)
            self.show()

    def action_mark_range(self) -> None:
        """Mark all rows from the one that was marked last to the cursor, as they are shown."""
        if (table := self._markable()) is not None and table.row is not None and self._is_settled(table):
            marks = self.marks_of(table)
            marks.add(self._as_marks(table, marks.span(table.keys, table.row.key)))
            self.show()

    def action_mark_all(self) -> None:
        """Mark all rows that the filter shows; if they are marked already, none of them."""
        if (table := self._markable()) is not None and self._is_settled(table):
            self.marks_of(table).turn(self._as_marks(table, table.keys))
            self.show()

    def _is_settled(self, table: Table) -> bool:
        """Whether what is shown is what the filter means: marks set before would be those of another one."""
        self.show()
        if sure := self.is_sure(table):
            return sure
        self.notify("the rows are still looked through: nothing is marked yet, press it again", timeout=4)
        return False

    def drop_marks(self) -> bool:
        """Clear the marks of the table in focus, or else of this screen; return whether there were any."""
        some = self.marked()
        found = [some] if some else [one for one in self._marks.values() if one]
        for one in found:
            one.clear()
        return bool(found)
