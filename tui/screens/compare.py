"""Two threads side by side."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import TYPE_CHECKING, Any, Final

from textual import on
from textual.widget import Widget

from syncropel.client import thread_calls
from tui import screens
from tui.connection.coalescing_poller import CoalescingPoller
from tui.model import compare
from tui.model.actions import COMPARE
from tui.model.feed import names_of, thread_name
from tui.screens.base import ConsoleScreen
from tui.widgets.bindings import bindings
from tui.widgets.lines import Lines, Span
from tui.widgets.table import Table
from tui.widgets.toned import clip

if TYPE_CHECKING:
    from syncropel.errors import SyncropelError
    from syncropel.wire.replay import ThreadDiff

MOST: Final = 20_000
"""Steps shown; the counts above them cover all."""


class CompareScreen(ConsoleScreen):
    """`d` on a thread, and `d` or enter on another."""

    name_ = COMPARE
    fields = ("kind", "step")
    BINDINGS = bindings("replay")

    def __init__(self, left: str, right: str) -> None:
        super().__init__()
        self.left, self.right = left, right
        self._diff: ThreadDiff | None = None
        self._trouble = ""

    @property
    def crumb(self) -> str:
        names = names_of(self.world)
        return f"{thread_name(self.left, names)} ⇄ {thread_name(self.right, names)}"

    def body(self) -> Sequence[Widget]:
        return (Lines(id="compare-state"), Table(compare.COMPARED, self.console.glyphs, id="compared"))

    def while_shown(self) -> Coroutine[Any, Any, None] | None:
        """Runs until it was read once."""
        if self._diff is not None:
            return None
        poller = CoalescingPoller(
            self._read, self._unread, sleep=self.session.outside.sleep, jitter=self.session.outside.jitter
        )
        poller.ask()
        return poller.run()

    async def _read(self) -> None:
        diff = await self.session.send(thread_calls.thread_diff(self.left, self.right))
        while diff.next_cursor is not None and len(diff.rows) < MOST:
            call = thread_calls.thread_diff(self.left, self.right, since=diff.next_cursor)
            page = await self.session.send(call)
            rows = [*diff.rows, *page.rows]
            diff = diff.model_copy(update={"rows": rows, "next_cursor": page.next_cursor})
        self._diff, self._trouble = diff, ""
        self.show()
        if diff.first_divergence is not None:
            self.query_one("#compared", Table).select(str(diff.first_divergence))

    def _unread(self, error: SyncropelError) -> None:
        hint = f" → {error.hint}" if error.hint else ""
        self._trouble = f"{error.message}{hint}"
        self.show()

    def fill(self, now: float) -> None:
        glyphs, width, diff = self.console.glyphs, self.size.width, self._diff
        lines = compare.summary(diff, glyphs) if diff else []
        if diff:
            facts = compare.different_facts(diff)
            widest = max((len(name) for name, _, _ in facts), default=0)
            for name, left, right in facts:
                lines.append((f"  {name:<{widest}}  {left} {glyphs.arrow} {right}", "muted"))
            if diff.next_cursor is not None:
                lines.append((f"the first {len(diff.rows)} of {diff.total_rows} steps", "muted"))
        room = max(4, self.body_height() // 2)
        self.query_one("#compare-state", Lines).show(
            [(Span(" " + clip(words, width - 2, glyphs.ellipsis), tone),) for words, tone in lines[:room]]
        )
        rows = compare.compared_rows(diff, glyphs) if diff else None
        empty = ("neither has a record",) if diff else self.unread("the steps", self._trouble)
        self.select(self.query_one("#compared", Table), rows, "STEPS", empty)

    def action_change(self, way: int) -> None:
        """Go to the next difference, or the previous one."""
        table = self.query_one("#compared", Table)
        if self._diff is None or table.chosen is None:
            return
        place = compare.next_difference(self._diff.rows, int(table.chosen), way)
        if place is None:
            self.notify("no further difference in that direction", timeout=3)
        else:
            table.select(str(place))

    def copied(self) -> str | None:
        chosen = self.query_one("#compared", Table).chosen
        if self._diff is None or chosen is None:
            return None
        row = self._diff.rows[int(chosen)]
        side = row.left or row.right
        return side.id if side else None

    @on(Table.Opened)
    def open_row(self, event: Table.Opened) -> None:
        """The replay of the left thread at this step; of the right one when only that has it."""
        if self._diff is None:
            return
        row = self._diff.rows[int(event.key)]
        if row.left is not None:
            self.app.push_screen(screens.ReplayScreen(self.left, row.left.position))
        elif row.right is not None:
            self.app.push_screen(screens.ReplayScreen(self.right, row.right.position))
