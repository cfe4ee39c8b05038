"""`,`: which columns a table shows, which one comes first, and by which it is sorted."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual.widget import Widget

from tui.dialogs.base import Dialog
from tui.model.arrangement import Sort
from tui.model.columns import NONE, Choice
from tui.model.glyphs import Tone
from tui.widgets.choice_list import ChoiceList
from tui.widgets.table import Table


class ColumnsDialog(Dialog):
    """What is chosen shows at once behind it, and is kept. `choose` takes a choice, `order` a sort order."""

    AUTO_FOCUS = "#columns"
    heading = "Columns"
    danger = False

    def __init__(
        self, table: Table, sort: Callable[[], Sort | None], choose: Callable[[Choice], None],
        order: Callable[[Sort | None], None], unsortable: frozenset[str],
    ) -> None:  # fmt: skip
        super().__init__()
        self._table, self._sort, self._choose, self._order = table, sort, choose, order
        self._unsortable = unsortable

    def title_words(self) -> str:
        return f"Columns of the {self._table.id}"

    def says(self, now: float) -> Sequence[tuple[str, Tone]]:
        return [("space: always, never, or as there is room · p: first · s: sort · 0: reset", "muted")]

    def fields(self) -> Sequence[Widget]:
        return (ChoiceList(id="columns"),)

    def show(self) -> None:
        if self.is_shown:
            table, sort = self._table, self._sort()
            shown, choice = set(table.shown_columns), table.fitting.choice
            lines = [
                (one.key, self._line(one.key, one.title, one.key in shown, choice, sort))
                for one in table.fitting.columns
            ]
            self.query_one(ChoiceList).show(lines)
        super().show()

    def _line(self, key: str, title: str, shown: bool, choice: Choice, sort: Sort | None) -> str:
        how = "always" if key in choice.always else "never" if key in choice.never else "as there is room"
        told = [how, *(["no room for it now"] if not shown and key not in choice.never else [])]
        told += ["first"] if key == choice.pinned else []
        if sort is not None and sort[0] == key:
            told.append(f"sorted {self.glyphs.down if sort[1] else self.glyphs.up}")
        return f"[{'x' if shown else ' '}] {title.ljust(18)} {' · '.join(told)}"

    def by_letter(self, letter: str) -> bool:
        key, choice = self.query_one(ChoiceList).picked, self._table.fitting.choice
        if letter == " ":
            self._choose(choice.turned(key))
        elif letter == "p":
            self._choose(choice.pin(key))
        elif letter == "0":
            self._choose(NONE)
            self._order(None)
        elif letter == "s" and key not in self._unsortable:
            now = self._sort()
            turns = {(key, False): (key, True), (key, True): None}
            self._order(turns.get(now, (key, False)) if now is not None else (key, False))
        else:
            return super().by_letter(letter)
        self.show()
        return True
