"""The Feed screen: records and log lines as they arrive, followed until the operator scrolls back."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine, Sequence
from typing import Any, Final

from textual import events, on
from textual.message import Message
from textual.widget import Widget

from tui import screens
from tui.connection.stream_follower import Log, Notes, Records, StreamFollower
from tui.model import feed
from tui.model.actions import FEED
from tui.model.facts import Fact
from tui.model.feed import CAP, Feed, FeedLine
from tui.model.feed_facts import short_facts
from tui.model.link import word
from tui.model.rows import Row, Rows
from tui.model.text import age
from tui.screens.base import ConsoleScreen
from tui.widgets.bindings import bindings
from tui.widgets.detail_pane import DetailPane
from tui.widgets.lines import Lines, Span, Spans
from tui.widgets.split_pane import SplitPane
from tui.widgets.table import Table

GAP_SECS: Final = 0.25
"""News is drawn at most this often; lines that arrive in between are drawn together."""
_EMPTY: Final = ("no record and no log line yet", "write one: spl task add GOAL")
_SHOWN: Final[dict[feed.Source, str]] = {
    "both": "records and log", "records": "records only", "log": "log only",
}  # fmt: skip
_READ: Final[dict[feed.Source, str]] = {
    "both": "records and log lines", "records": "the records", "log": "the log",
}  # fmt: skip


class FeedTable(Table):
    """A table that reports scrolling back with the wheel, and a jump to the end."""

    class ScrolledBack(Message):
        """The wheel was turned upwards, which does not move the selection."""

    class Newest(Message):
        """The end is wanted."""

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self.post_message(self.ScrolledBack())

    def action_jump(self, to: int) -> None:
        super().action_jump(to)
        if to < 0:
            self.post_message(self.Newest())


class FeedScreen(ConsoleScreen):
    """`4`"""

    name_ = FEED
    fields = ("source", "act", "level", "thread", "actor", "topic", "what", "target", "body", "id")
    BINDINGS = bindings("feed")

    def __init__(self) -> None:
        super().__init__()
        self.source: feed.Source = "both"
        self._feed = Feed()
        self._held: Feed | None = None
        """What is shown while paused."""
        self._arrived: deque[FeedLine] = deque(maxlen=CAP)
        self._lost = 0
        self._news = asyncio.Event()
        self._rows: dict[str, Row] = {}
        self._names: dict[str, str] = {}
        self._made_from: tuple[Feed, feed.Source] | None = None
        self._seen: tuple[FeedLine, ...] = ()
        self._tails: list[StreamFollower] = []
        self._about: tuple[FeedLine | None, Sequence[Fact]] = (None, ())

    def body(self) -> Sequence[Widget]:
        return (
            Lines(id="feed-state"),
            SplitPane(FeedTable(feed.FEED, self.console.glyphs, id="feed"), DetailPane()),
        )

    # the streams, only while this screen is in front

    def while_shown(self) -> Coroutine[Any, Any, None]:
        return self._following()

    async def _following(self) -> None:
        if not self._tails:
            self._tails = self._made_tails()
        await asyncio.gather(*(tail.run() for tail in self._tails), self._drawing())

    def _made_tails(self) -> list[StreamFollower]:
        session, note = self.session, Notes(self._daemon_time)
        outside = session.outside
        sources = (Records(session, note), Log(session, note))
        return [
            StreamFollower(session, source, note, self._deliver, outside.sleep, outside.jitter)
            for source in sources
        ]

    def _deliver(self, lines: Sequence[FeedLine]) -> None:
        """Lines that arrived, or none when only a stream's trouble has changed."""
        self._lost += max(0, len(self._arrived) + len(lines) - CAP)
        self._arrived.extend(lines)
        self._news.set()

    async def _drawing(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            self.show()
            await self.session.outside.sleep(GAP_SECS)

    def _take(self) -> None:
        fresh, lost = list(self._arrived), self._lost
        wanted = self.console.announcer.kinds
        fresh += [feed.of_notice(one) for one in self.session.notices if one.kind in wanted]
        self._arrived.clear()
        self._lost = 0
        self._feed = self._feed.took(fresh, lost)

    def _daemon_time(self) -> float:
        newest = self._feed.lines[-1].at if self._feed.lines else 0.0
        return max(newest, self.world.moment(self.console.clock()).now)

    # showing

    @property
    def following(self) -> bool:
        return self._held is None

    def fill(self, now: float) -> None:
        self._take()
        shown = self._held or self._feed
        table = self.query_one("#feed", Table)
        rows = self._rows_of(shown)
        unread = not rows and self._awaits()
        self.query_one("#feed-state", Lines).show(self._state(now, unread))
        if unread:
            why = " · ".join(one.trouble for one in self._wanted() if one.trouble)
            self.select(table, None, "FEED", self.unread(_READ[self.source], why))
        else:
            self.select(table, rows, "FEED", _EMPTY)
        if self.following and table.last is not None:
            table.select(table.last)

    def _wanted(self) -> list[StreamFollower]:
        return [one for one in self._tails if self.source in ("both", one.name)]

    def _awaits(self) -> bool:
        """Whether a selected stream has never been read."""
        wanted = self._wanted()
        return not wanted or not all(one.was_read for one in wanted)

    def about(self, now: float) -> tuple[str, Sequence[Fact]]:
        """The selected line in full; it never changes, so it is formatted once."""
        line = self._chosen()
        if line is None:
            return "", ()
        if line is not self._about[0]:
            self._about = (line, short_facts(line))
        return line.name, self._about[1]

    def _rows_of(self, shown: Feed) -> Rows:
        """The rows to show; made from the same object as long as nothing has changed."""
        names = feed.names_of(self.world)
        renamed = names != self._names
        self._names = names
        if renamed or len(self._rows) > 2 * CAP:
            self._rows.clear()
        made = self._made_from
        if renamed or made is None or made[0] is not shown or made[1] != self.source:
            self._made_from = (shown, self.source)
            self._seen = tuple([one for one in shown.lines if one.of(self.source)])
        lines = self._seen
        return Rows(lines, [one.key for one in lines], lambda place: self._row(lines[place]))

    def _row(self, line: FeedLine) -> Row:
        if line.key not in self._rows:
            self._rows[line.key] = feed.feed_row(line, self._names)
        return self._rows[line.key]

    def _state(self, now: float, unread: bool) -> list[Spans]:
        """Following or paused, what is shown, the age of the newest line, and which stream is in trouble."""
        glyphs, link = self.console.glyphs, self.world.link.at(now)
        if self.session.fleet.offline:
            state = Span(f" {glyphs.sign('archived')} nothing more comes", "cold")
        elif self._held is None and not link.is_live:
            state = Span(f" {glyphs.sign('unknown')} not following: {word(link, glyphs)}", "warn")
        elif self._held is None and not any(one.is_open for one in self._wanted()):
            state = Span(f" {glyphs.sign('unknown')} not following at present", "warn")
        elif self._held is None:
            state = Span(f" {glyphs.sign('live')} following", "good")
        else:
            fresh = self._feed.taken - self._held.taken
            state = Span(f" {glyphs.sign('deferred')} paused · {fresh} new · f follows", "warn")
        facts = [_SHOWN[self.source]]
        if self._feed.lines:
            old = self.world.moment(now).now - self._feed.lines[-1].at
            facts.append(f"newest {age(old)} ago")
        if self.source != "log" and self._feed.earlier:
            facts.append(f"{self._feed.earlier:,} earlier records in the log")
        elif self._feed.dropped:
            facts.append(f"{self._feed.dropped:,} older not kept")
        lines: list[Spans] = [(state, Span("  " + " · ".join(facts), "muted"))]
        if link.is_live and not unread:  # otherwise the banner reports it for all, or the table does
            lines += [(Span(f" {glyphs.text(one.trouble)}", "warn"),) for one in self._tails if one.trouble]
        return lines

    # keys

    @on(Table.Chosen)
    def _moved(self, event: Table.Chosen) -> None:
        """Selecting a line other than the last one pauses. The event may be older than what is shown."""
        if event.table.chosen != event.table.last:
            self._pause()

    @on(FeedTable.ScrolledBack)
    def _pause(self) -> None:
        if self._held is None and self._feed.lines:
            self._held = self._feed
            self.show()

    @on(FeedTable.Newest)
    def _follow(self) -> None:
        self._held = None
        self.show()

    def action_follow(self) -> None:
        """Show the newest line and follow, or pause."""
        if self.following:
            self._pause()
        else:
            self._follow()

    def action_source(self) -> None:
        """Records and log, records only, log only."""
        place = feed.SOURCES.index(self.source)
        self.source = feed.SOURCES[(place + 1) % len(feed.SOURCES)]
        self.show()

    def action_owner(self) -> None:
        """The thread of a line is above it."""
        self.action_replay()

    def action_replay(self) -> None:
        """Replay the thread of the selected line."""
        line = self._chosen()
        if line is None or not line.thread:
            self.notify("this line is about no thread", timeout=3)
        else:
            self.app.push_screen(screens.ReplayScreen(line.thread))

    def _chosen(self) -> FeedLine | None:
        key = self.query_one("#feed", Table).chosen
        return next((one for one in self._seen if one.key == key), None)

    def copied(self) -> str | None:
        line = self._chosen()
        return line.copied if line is not None else None

    @on(Table.Opened)
    def open_row(self, event: Table.Opened) -> None:
        """Open the record or the log line in full."""
        if (line := self._chosen()) is not None:
            self._pause()
            self.app.push_screen(screens.FeedLineScreen(line))
