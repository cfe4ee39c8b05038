"""The logs of instances, merged: followed until the operator looks back, and filtered like every list."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.widget import Widget

from tui import screens
from tui.connection.log_reader import LogReader
from tui.model.actions import FOLLOW, LOGS
from tui.model.facts import Fact
from tui.model.feed import FeedLine, names_of
from tui.model.feed_facts import short_facts
from tui.model.glyphs import Tone
from tui.model.link import word
from tui.model.logs import LOGS as COLUMNS
from tui.model.logs import Merged, log_row
from tui.model.rows import Row, Rows
from tui.model.subject import Subject, short_label
from tui.model.text import plain
from tui.screens.base import ConsoleScreen
from tui.widgets.bindings import bindings
from tui.widgets.detail_pane import DetailPane
from tui.widgets.lines import Lines, Span, Spans
from tui.widgets.split_pane import SplitPane
from tui.widgets.table import Table

if TYPE_CHECKING:
    from syncropel.wire import LogLine

_GONE = frozenset({"archived", "left"})


class LogsScreen(ConsoleScreen):
    """`:logs`, or `l` on an instance: the log of `did`, or of all instances that are not gone."""

    name_ = LOGS
    fields: ClassVar[tuple[str, ...]] = (
        "instance", "level", "task", "thread", "what", "target", "actor", "id",
    )  # fmt: skip
    BINDINGS = bindings("logs")

    def __init__(self, did: str = "") -> None:
        super().__init__()
        self.did = did
        self._merged = Merged()
        self._rows: dict[str, Row] = {}
        self._names: dict[str, str] = {}
        self._follows, self._due = True, False
        self._about: tuple[FeedLine | None, Sequence[Fact]] = (None, ())
        self._reader: LogReader | None = None

    @property
    def crumb(self) -> str:
        return f"{short_label(self.world, Subject(did=self.did))} log" if self.did else "Logs"

    def body(self) -> Sequence[Widget]:
        return (
            Lines(id="logs-state"),
            SplitPane(Table(COLUMNS, self.console.glyphs, id="logs"), DetailPane()),
        )

    @property
    def reader(self) -> LogReader:
        if self._reader is None:
            self._reader = LogReader(self.session, self._wanted, self._deliver, self.session.outside.sleep)
        return self._reader

    def while_shown(self) -> Coroutine[Any, Any, None]:
        return self.reader.run()

    def _wanted(self) -> Sequence[str]:
        if self.did:
            return (self.did,)
        status = self.world.status
        return [one.did for one in status.instances if one.status not in _GONE] if status else ()

    def _deliver(self, did: str, lines: Sequence[LogLine]) -> None:
        if lines:
            self._merged.take(did, list(lines))
        if self.is_mounted and not self._due:
            self._due = True
            self.call_next(self._show_news)

    def _show_news(self) -> None:
        self._due = False
        self.show()

    # showing

    def fill(self, now: float) -> None:
        table, lines, names = self.query_one("#logs", Table), self._merged.lines, names_of(self.world)
        if names != self._names or len(self._rows) > 2 * len(lines) + 100:
            self._rows.clear()
            self._names = names
        known = any(one.was_read for one in self.reader.read.values())
        rows = Rows(lines, [line.key for _, line in lines], lambda place: self._row(*lines[place]))
        why = " · ".join(dict.fromkeys(one.trouble for one in self.reader.read.values() if one.trouble))
        empty = ("no line yet",) if known else self.unread("the log", why)
        self.select(table, rows if known else None, "LOG", empty)
        self.query_one("#logs-state", Lines).show(self._state(now))
        if self._follows and table.last is not None:
            table.select(table.last)

    def _row(self, did: str, line: FeedLine) -> Row:
        if line.key not in self._rows:
            self._rows[line.key] = log_row(did, line, self._names)
        return self._rows[line.key]

    def _state(self, now: float) -> list[Spans]:
        """Following or paused, of how many instances, and which cannot be read."""
        glyphs, read, link = self.console.glyphs, self.reader.read, self.world.link.at(now)
        well = [did for did, one in read.items() if one.was_read and not one.trouble]
        key = self.console.keymap.first(FOLLOW)
        paused = f"{glyphs.sign('deferred')} paused: {key} follows"
        how = f"{glyphs.sign('live')} following" if self._follows else paused
        of = "1 instance" if len(well) == 1 else f"{len(well)} instances"
        told = f"  {of} · task:NAME, level:ERROR, instance:NAME filter"
        if self._merged.dropped:
            told += f" · {self._merged.dropped:,} older not kept"
        tone: Tone = "good" if self._follows else "warn"
        if self._follows and not (link.is_live and well):
            away = word(link, glyphs) if not link.is_live else "nothing is read at present"
            how, tone = f"{glyphs.sign('unknown')} not following: {away}", "warn"
        lines: list[Spans] = [(Span(f" {glyphs.text(how)}", tone), Span(told, "muted"))]
        for did, one in read.items():
            name = short_label(self.world, Subject(did=did))
            missed = f"{one.missed:,} lines missed: see its log file" if one.missed else ""
            told = plain(one.trouble) if one.trouble and (one.was_read or len(read) > 1) else missed
            if told:
                lines.append((Span(f" {glyphs.text(f'{name}: {told}')}", "warn"),))
        return lines

    def about(self, now: float) -> tuple[str, Sequence[Fact]]:
        line = self._chosen()
        if line is None:
            return "", ()
        if line is not self._about[0]:
            self._about = (line, short_facts(line))
        return line.name, self._about[1]

    # keys

    def _chosen(self) -> FeedLine | None:
        key = self.query_one("#logs", Table).chosen
        return next((line for _, line in self._merged.lines if line.key == key), None)

    @on(Table.Chosen)
    def _moved(self, event: Table.Chosen) -> None:
        """Selecting a line other than the last one pauses."""
        if event.table.chosen != event.table.last and self._follows:
            self._follows = False
            self.show()

    def action_follow(self) -> None:
        """Show the newest line and follow, or pause."""
        self._follows = not self._follows
        self.show()

    def action_replay(self) -> None:
        """Replay the thread of the selected line."""
        line = self._chosen()
        if line is None or not line.thread:
            self.notify("this line is about no thread", timeout=3)
        else:
            self.app.push_screen(screens.ReplayScreen(line.thread))

    def subject(self) -> Subject:
        return Subject(did=self.did)

    def copied(self) -> str | None:
        line = self._chosen()
        return line.copied if line is not None else None

    @on(Table.Opened)
    def open_row(self, event: Table.Opened) -> None:
        if (line := self._chosen()) is not None:
            self.app.push_screen(screens.FeedLineScreen(line))
