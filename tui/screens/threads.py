"""The Threads screen: every thread of the log, latest activity first."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from textual import on
from textual.widget import Widget

from syncropel.client import calls
from syncropel.client.attention import altered
from tui import screens
from tui.connection.coalescing_poller import CoalescingPoller
from tui.connection.peek import Peek
from tui.model.actions import THREADS
from tui.model.facts import Fact
from tui.model.feed import names_of, thread_name
from tui.model.log_state import thread_lines
from tui.model.peek import thread_facts
from tui.model.rows import longest
from tui.model.subject import Subject
from tui.model.threads import THREADS as COLUMNS
from tui.model.threads import ThreadList, thread_rows
from tui.screens.base import ConsoleScreen
from tui.widgets.bindings import bindings
from tui.widgets.detail_pane import DetailPane
from tui.widgets.lines import Lines, Span, Spans
from tui.widgets.split_pane import SplitPane
from tui.widgets.table import Table

if TYPE_CHECKING:
    from syncropel.errors import SyncropelError

PAGE: Final = 500
MOST: Final = 20_000
"""Threads listed; in a longer log, the latest."""
_EMPTY: Final = ("no thread yet", "a thread begins with its first record: spl task add GOAL")


class ThreadsScreen(ConsoleScreen):
    """`3`. With `against` it lets the operator pick the thread to compare that one with."""

    name_ = THREADS
    fields = ("thread", "status", "kind", "title")
    BINDINGS = bindings("threads")

    def __init__(self, against: str | None = None) -> None:
        super().__init__()
        self._against = against
        self._known = ThreadList()
        self._read_once = False
        self._ingested = -1
        self._trouble = ""
        self._poller: CoalescingPoller | None = None
        self._peek: Peek | None = None

    @property
    def crumb(self) -> str:
        return "compare with" if self._against else "Threads"

    def body(self) -> Sequence[Widget]:
        rows = Table(COLUMNS, self.console.glyphs, id="threads")
        return (Lines(id="threads-state"), SplitPane(rows, DetailPane()))

    # reading, only while it is in front

    def while_shown(self) -> Coroutine[Any, Any, None]:
        if self._poller is None:
            self._poller = CoalescingPoller(
                self._read, self._unread, sleep=self.session.outside.sleep, jitter=self.session.outside.jitter
            )
            self._poller.ask()
        return self._both(self._poller)

    async def _both(self, poller: CoalescingPoller) -> None:
        if self._peek is None:
            self._peek = Peek(self.session, self.look)
        self.look()
        await asyncio.gather(poller.run(), self._peek.run())

    async def _read(self) -> None:
        """Read newest first; further back only as far as something is new, and to the end the first time."""
        cursor: int | None = None
        while len(self._known.threads) < MOST or cursor is None:
            page = await self.session.send(calls.threads(since=cursor, limit=PAGE))
            met = self._known.complete and any(map(self._known.knows, page.data))
            self._known = self._known.with_page(page.data, last=page.next_cursor is None)
            self._read_once, self._trouble = True, ""
            self.show()
            if page.next_cursor is None or met or page.next_cursor == cursor:
                return
            cursor = page.next_cursor

    def _unread(self, error: SyncropelError) -> None:
        hint = f" → {error.hint}" if error.hint else ""
        self._trouble = f"{error.message}{hint}"
        self.show()

    # showing

    def fill(self, now: float) -> None:
        status, glyphs = self.world.status, self.console.glyphs
        if status is not None and status.ingested_total != self._ingested and self._poller is not None:
            self._ingested = status.ingested_total
            self._poller.ask()
        self._known = self._known.with_altered(altered(status))
        rows = thread_rows(self._known, names_of(self.world), self.world.moment(now), glyphs)
        self.query_one("#threads-state", Lines).show(self._state(now))
        table = self.query_one("#threads", Table)
        table.measure(self._known, partial(longest, rows, COLUMNS))
        if self._read_once:
            self.select(table, rows, "THREADS", _EMPTY)
        else:
            self.select(table, None, "THREADS", self.unread("the threads", self._trouble))
        self.about_below(table)

    def about(self, now: float) -> tuple[str, Sequence[Fact]]:
        """The thread in brief, and its last records once the cursor rests on it."""
        one, names = self._known.find(self.query_one("#threads", Table).chosen), names_of(self.world)
        if one is None or self._peek is None:
            return "", ()
        self._peek.look(one)
        glyphs = self.console.glyphs
        marked = thread_lines([one.id], self.world.status, glyphs)
        return thread_name(one.id, names), [*marked, *thread_facts(one, self._peek.page, names, glyphs)]

    def _state(self, now: float) -> list[Spans]:
        glyphs, lines = self.console.glyphs, list[Spans]()
        if self._against:
            name = thread_name(self._against, names_of(self.world))
            lines.append((Span(f" compare {name} with which thread? enter picks, esc goes back", "busy"),))
        if not self.world.link.at(now).is_live:
            return lines  # the banner reports it for all, or the table does
        if self._trouble and self._read_once:
            words = f" threads could not be read: {glyphs.text(self._trouble)}"
            lines.append((Span(words, "warn"),))
        elif self._read_once and not self._known.complete:
            known = len(self._known.threads)
            words = f" the latest {known}; filter and order look at these" if known >= MOST else " reading on"
            lines.append((Span(words, "muted"),))
        return lines

    # keys

    def subject(self) -> Subject:
        chosen = self.query_one("#threads", Table).chosen
        return Subject(thread=chosen) if self.world.task(chosen) is not None and chosen else Subject()

    def action_compare(self) -> None:
        """Pick a thread to compare the selected one with; while picking, compare."""
        if (chosen := self.query_one("#threads", Table).chosen) is not None:
            self._opened(chosen) if self._against else self.app.push_screen(ThreadsScreen(chosen))

    @on(Table.Opened)
    def open_row(self, event: Table.Opened) -> None:
        """Open the replay of the thread, or the comparison while picking."""
        self._opened(event.key)

    def _opened(self, thread: str) -> None:
        if self._against:
            self.app.switch_screen(screens.CompareScreen(self._against, thread))
        else:
            self.app.push_screen(screens.ReplayScreen(thread))
