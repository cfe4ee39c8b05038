"""The replay of a thread: its records, the selected one in full, and the state before and after it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

from textual import on
from textual.binding import BindingType
from textual.containers import Container, Vertical
from textual.widget import Widget
from textual.widgets import Input
from textual.worker import Worker

from syncropel.errors import SyncropelError
from tui import screens
from tui.connection.finding import find
from tui.connection.replay_reader import ReplayReader
from tui.model import actions, replay, unread
from tui.model.actions import REPLAY
from tui.model.feed import names_of, thread_name
from tui.model.filters import Filter
from tui.model.frame_facts import frame_lines
from tui.model.moment import Moment
from tui.model.subject import Subject
from tui.model.text import count
from tui.screens import join_part
from tui.screens.base import ConsoleScreen
from tui.widgets import pager
from tui.widgets.bindings import bindings
from tui.widgets.lines import Lines, Span, Spans
from tui.widgets.pane import Pane
from tui.widgets.table import Table

if TYPE_CHECKING:
    from syncropel.wire.replay import ReplayFrame

WIDE: Final = 110
"""From this width on the record is beside the list, otherwise below it."""
_NO_RECORDS: Final = ("this thread has no record",)
_NO_JOIN: Final = ("nothing was fanned out at this record",)


class RecordTable(Table):
    """The records; left and right step, since there is nothing to scroll sideways."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("replay")


class ReplayScreen(ConsoleScreen):
    """`enter` on a thread, `t` on a task: opens at the end, or at `position`."""

    name_ = REPLAY
    fields = ("act", "actor", "topic", "what", "body", "status", "id")
    BINDINGS = bindings("replay")

    def __init__(self, thread: str, position: int | None = None) -> None:
        super().__init__()
        self.thread, self._first = thread, position
        self.speed = 0
        self.view = "record"
        self._reader: ReplayReader | None = None
        self._ingested = -1
        self._keys: tuple[str, ...] = ()
        self._going = asyncio.Event()
        self._drawn: tuple[object, ...] = ()
        self._finding: Worker[None] | None = None
        self._looked_at = 0

    @property
    def crumb(self) -> str:
        return thread_name(self.thread, names_of(self.world))

    @property
    def wants(self) -> str | None:
        return self.thread

    @property
    def reader(self) -> ReplayReader:
        if self._reader is None:
            sleep = self.session.outside.sleep
            self._reader = ReplayReader(self.session, self.thread, self._news, sleep, self._first)
        return self._reader

    def body(self) -> Sequence[Widget]:
        return (
            Lines(id="scrub"),
            Container(
                RecordTable(replay.FRAMES, self.console.glyphs, id="records"),
                Pane(Lines(id="record"), id="frame"),
                Vertical(*join_part.widgets(self), id="then"),
                id="replay",
            ),
        )

    def on_mount(self) -> None:
        self.run_worker(self._playing(), name="play", exit_on_error=False)

    def while_shown(self) -> Coroutine[Any, Any, None]:
        return self.reader.run()

    def on_screen_suspend(self) -> None:
        self._rest()

    def on_unmount(self) -> None:
        self.reader.let_go()

    def _news(self) -> None:
        if self.is_mounted:
            self.call_next(self.show)

    # showing

    def fill(self, now: float) -> None:
        status, reader = self.world.status, self.reader
        if status is not None and status.ingested_total != self._ingested:
            if self._ingested >= 0:
                reader.look()
            self._ingested = status.ingested_total
        wide = self.size.width >= WIDE
        self.query_one("#replay").set_class(wide, "wide")
        self.query_one("#frame").display = self.view == "record"
        self.query_one("#then").display = self.view == "join"
        self.query_one("#scrub", Lines).show(self._scrub())
        self._fill_table()
        if self.view == "join":
            self._fill_join()
        else:
            self._fill_record()

    def _scrub(self) -> list[Spans]:
        glyphs, reader = self.console.glyphs, self.reader
        total, frame = reader.frames.total, reader.frames.at(reader.position)
        if reader.summary is None:
            return []  # the table shows the reason
        head: list[Span] = [Span(" ")]
        for text, tone in replay.headline(frame, reader.position, total, self.speed, glyphs):
            head += [Span(text, tone), Span("  ")]
        marks = replay.bar(reader.position, total, reader.turns, self.size.width - 2, glyphs)
        lines: list[Spans] = [tuple(head)]
        if marks:
            lines.append((Span(" "), *(Span(text, tone) for text, tone in marks)))
        if reader.trouble:
            lines.append((Span(f" {glyphs.text(reader.trouble)}", "warn"),))
        return lines

    def _fill_table(self) -> None:
        reader, table = self.reader, self.query_one("#records", Table)
        if len(self._keys) != reader.frames.total:
            self._keys = tuple(map(str, range(1, reader.frames.total + 1)))
        rows = replay.frame_rows(reader.frames, self._keys, names_of(self.world), self.console.glyphs)
        known = reader.frames.total if reader.summary is not None else None
        table.measure(self._keys, lambda: {"position": len(str(reader.frames.total))})
        empty = _NO_RECORDS if known is not None else self.unread("the records", reader.trouble)
        title = f"RECORDS {unread.count(known)}"
        if self._looked_at:
            title = f"{title} · looking for “{self.filter.text}” at {count(self._looked_at)}"
        table.show(rows, title=title, empty=empty, found=self.filter)
        table.select(str(reader.position))

    def _fill_record(self) -> None:
        pane, glyphs = self.query_one("#frame"), self.console.glyphs
        frame, width = self.reader.frames.at(self.reader.position), pane.size.width - 4
        names = names_of(self.world)
        drawn = (frame, width, tuple(names.items()))
        if drawn == self._drawn or width < 1:
            return
        moved = not self._drawn or self._drawn[0] is not frame
        self._drawn = drawn
        lines = frame_lines(frame, names, width, glyphs) if frame else []
        self.query_one("#record", Lines).show(
            [(Span(f" {name}", "muted"), Span(glyphs.text(text), tone)) for name, text, tone in lines]
        )
        if moved:
            pane.scroll_home(animate=False)

    def on_pane_resized(self) -> None:
        """A new width may move the record: beside the list, or below it."""
        self._fill_record()

    def _fill_join(self) -> None:
        """The join as it was then: the time is that of the record, and nothing advances."""
        moment, frame = self.reader.moment, self.reader.frames.at(self.reader.position)
        here = moment is not None and moment.position == self.reader.position
        at = frame.record.received_at if frame else 0.0
        join = moment.join if moment is not None and here else None
        empty = _NO_JOIN if here else self.unread("the join", self.reader.trouble)
        join_part.show(self, join, Moment(at, at), empty, read=here)

    # movement

    def _seek(self, position: int) -> None:
        if self.reader.seek(position):
            self.show()

    @on(Table.Chosen)
    def _moved(self, event: Table.Chosen) -> None:
        """The event may be older than what is shown: the current selection counts."""
        table = event.table
        if table.id == "records" and table.chosen and int(table.chosen) != self.reader.position:
            self._rest()
            self._seek(int(table.chosen))

    def action_step(self, by: int) -> None:
        self._rest()
        self._seek(self.reader.position + by)

    def action_change(self, way: int) -> None:
        """Go to the next record that changes the status, or the previous one."""
        self._rest()
        place = self.reader.turns.next(self.reader.position, way)
        if place is None:
            self.notify("no further change of status in that direction", timeout=3)
        else:
            self._seek(place)

    # searching

    def filter_of(self, table: str) -> Filter:
        """The typed text is searched for among the records, and hides nothing."""
        return Filter()

    def action_find(self) -> None:
        self.action_filter()

    @on(Input.Submitted, "#filter")
    def find_first(self) -> None:
        """Search forward from here; backward when there is nothing more ahead."""
        if self.filter:
            self.action_again(1 if self.reader.position < self.reader.frames.total else -1)

    def action_again(self, way: int) -> None:
        """Go to the next matching record, or the previous one."""
        if not self.filter:
            key = self.console.keymap.shown(actions.FIND)
            self.notify(f"there is no search yet: {key} starts one", timeout=4)
            return
        self._rest()
        self._finding = self.run_worker(self._find(way), name="find", exit_on_error=False)

    async def _find(self, way: int) -> None:
        wanted, names, reader = self.filter, names_of(self.world), self.reader
        try:
            place = await find(
                self.session,
                self.thread,
                start=reader.position,
                total=reader.frames.total,
                way=way,
                passes=lambda frame: wanted.passes(replay.sought(frame, names, self.console.glyphs)),
                on_page=self._looks_at,
            )
        except SyncropelError as error:
            self.notify(f"cannot be looked for: {error.message}", severity="warning")
        else:
            where = "after" if way > 0 else "before"
            if place is None:
                words = f"no record {where} this one has “{wanted.text}”"
                self.notify(self.console.glyphs.text(words), timeout=4)
            else:
                reader.seek(place)
        finally:
            self._looks_at(0)

    def _looks_at(self, position: int) -> None:
        """How far the search has got; 0 when it is over."""
        self._looked_at = position
        self.show()

    # playing

    def _rest(self) -> None:
        if self._finding is not None:
            self._finding.cancel()
        self.speed = 0
        self._going.clear()

    def action_play(self) -> None:
        """×1, ×4, ×16 records per second, then paused; at the end it starts over."""
        reader = self.reader
        if not self.speed and reader.position == reader.frames.total:
            reader.seek(1)
        self.speed = replay.faster(self.speed)
        self._going.set() if self.speed else self._going.clear()
        self.show()

    async def _playing(self) -> None:
        while True:
            await self._going.wait()
            await self.session.outside.sleep(1 / max(1, self.speed))
            if not self.speed:
                continue
            if not self.reader.seek(self.reader.position + 1):
                self._rest()
            self.show()

    # keys

    def frame(self) -> ReplayFrame | None:
        """The frame at the current position."""
        return self.reader.frames.at(self.reader.position)

    def subject(self) -> Subject:
        return Subject(thread=self.thread) if self.world.task(self.thread) is not None else Subject()

    def action_view(self) -> None:
        """Switch between the record in full and the join as of it."""
        self.view = "join" if self.view == "record" else "record"
        self.reader.see_state(self.view == "join")
        self.show()
        self.call_after_refresh(self.show)

    def action_next(self) -> None:
        """Move between the records and the pane beside them."""
        beside = self.query_one("#frame" if self.view == "record" else f"#{join_part.SUBTASKS}")
        table = self.query_one("#records", Table)
        (beside if self.focused is table else table).focus()

    def action_compare(self) -> None:
        self.app.push_screen(screens.ThreadsScreen(self.thread))

    def action_pager(self) -> None:
        if (frame := self.frame()) is None:
            return
        text = json.dumps(frame.record.model_dump(), ensure_ascii=False, indent=2) + "\n"
        if trouble := pager.page(text, f"{frame.record.id}.json", self.app.suspend):
            self.notify(trouble, severity="warning", timeout=5)

    def copied(self) -> str | None:
        frame = self.frame()
        return frame.record.id if frame else None
