"""The base of dialogs about many marked rows: the exact list, one blast radius, and what became of each.

The list is fixed when the dialog opens. What changes afterwards leaves it, and nothing joins it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input

from tui.connection.bulk_run import BulkRun, Seen
from tui.dialogs.considered import ConsideredDialog
from tui.model import bulk, bulk_steps
from tui.model.bulk_steps import LIST, Listed, Progress, Step
from tui.model.glyphs import Tone
from tui.model.marks import Marks
from tui.model.request_state import Stage, hindrance
from tui.model.rows import longest
from tui.widgets.field import Field, entry
from tui.widgets.lines import Lines
from tui.widgets.table import HEAD, Table

TYPED_FROM: Final = 10
"""From so many on, a dangerous action on them is confirmed by their number."""
_STOPPED: Final = "you stopped it"
_LEAST_ROWS, _AROUND = 3, 17  # rows of the list, and the lines that the rest of the dialog needs


class BulkDialog(ConsideredDialog):
    """A subclass lists its items in `listed`, and is the `Bulk` of its run."""

    past = "done"
    """What was done to each, as a word."""

    def __init__(self, marks: Marks) -> None:
        super().__init__()
        self._of = marks
        self._run: BulkRun | None = None
        self._confirmed: frozenset[str] = frozenset()
        """What was on the list when it was confirmed."""
        self._due = False

    # what a subclass has

    def listed(self) -> Sequence[Listed]:
        """Every item, with those that are left out."""
        raise NotImplementedError

    def radius(self, now: float) -> Sequence[tuple[str, Tone]]:
        """What acting on all of them would affect, taken together."""
        return ()

    def own_fields(self) -> Sequence[Widget]:
        return ()

    def mistake(self) -> str:
        """Why it cannot be done as filled in, besides what the list says."""
        return ""

    def commands(self) -> str:
        """The equivalent command lines, as long as they are."""
        return ""

    def judge(self, key: str) -> str:
        """Why this item is not sent, as things stand now; empty when it is."""
        raise NotImplementedError

    async def prepare(self) -> None:
        """Read what the items are judged by, before the first is sent. Raises SyncropelError."""

    async def send(self, key: str) -> None:
        """Send the request about one item. Raises SyncropelError."""
        raise NotImplementedError

    async def read_back(self, keys: Sequence[str]) -> Mapping[str, Seen]:
        """How these items stand now. Raises SyncropelError."""
        raise NotImplementedError

    def rows_of(self, key: str) -> Sequence[str]:
        """The marked rows that an item comes from."""
        return (key,)

    # content

    @property
    def included(self) -> list[Listed]:
        return [one for one in self.listed() if not one.why_not]

    @property
    def is_typed(self) -> bool:
        """Whether it is confirmed by the number of its items."""
        return self.danger and len(self.included) >= TYPED_FROM

    def fields(self) -> Sequence[Widget]:
        typed = Field("type to confirm", "#", entry("typed"))
        return (Table(LIST, self.glyphs, id="list"), Lines(id="of-one"), *self.own_fields(), typed)

    def says(self, now: float) -> Sequence[tuple[str, Tone]]:
        if self._run is not None:
            return ()
        return [*self.radius(now), *bulk_steps.left_out(self.listed())]

    def missing(self) -> str:
        return "typed" if self._untyped() else ""

    def _untyped(self) -> bool:
        return self.is_typed and self.query_one("#typed", Input).value.strip() != str(len(self.included))

    def objection(self) -> str:
        if not self.listed():
            return "nothing is marked"
        if not self.included:
            return "all that is marked is left out"
        if why_not := self.mistake():
            return why_not
        if self._untyped():
            return f"type {len(self.included)} to confirm (#)"
        return "it is not drawn yet" if self.drawn is None else ""

    def command(self) -> str:
        return self.commands() if self._run is None else ""

    def command_shown(self) -> str:
        return bulk.short(self.command())

    # showing

    def on_mount(self) -> None:
        super().on_mount()
        self.drawn_anew()

    def show(self) -> None:
        if not self.is_shown:
            return
        self._show_list()
        if self._run is None:
            self.query_one("#dialog").border_title = Content(self.glyphs.text(self.title_words()))
        self.query_one("#field-typed").display = self.is_typed and self._run is None
        self.query_one("#typed", Input).placeholder = str(len(self.included))
        super().show()
        self.query_one("#fields").display = True  # the list stays, with what became of each
        for field in self.query(Field):
            field.display = field.display and self._run is None

    def _show_list(self) -> None:
        table, items, run = self.query_one("#list", Table), self.listed(), self._run
        over = run is not None and run.is_over
        rows = bulk_steps.list_rows(items, run.progress if run is not None else None, self.glyphs, over=over)
        room = max(_LEAST_ROWS, self.size.height - _AROUND)
        table.take(min(room, max(1, len(items))) + HEAD)
        number = len([one for one in items if not one.why_not])
        title = f"THE LIST {number:,}" + (f" of {len(items):,}" if number < len(items) else "")
        table.measure(rows.source, partial(longest, rows, LIST))
        table.head("now", "IS" if run is None else "WAS")
        table.show(rows, title=title, empty=("nothing",))
        row = table.row if table.has_focus else None
        told = ["step", "now", "words"] if row is not None else []
        words = " · ".join(text for one in told if row is not None and (text := row.cells[one].text))
        self.query_one("#of-one", Lines).show(self._spans([(words, "muted")] if words else []))

    def on_table_chosen(self) -> None:
        self.show()

    def on_descendant_focus(self) -> None:
        self.show()

    def on_descendant_blur(self) -> None:
        self.show()

    def told(self, now: float) -> Sequence[tuple[str, Tone]]:
        if (run := self._run) is None or self.outcome.stage in (Stage.REFUSED, Stage.UNKNOWN):
            return super().told(now)
        if run.is_over:
            return [*bulk_steps.over_lines(run.progress, self.past, self.glyphs), *self.follows(now)]
        return bulk_steps.going_lines(run.progress, self.glyphs, run.stop_asked)

    def ask_again(self) -> None:
        """The daemon is back: what was not known can be read."""
        if self._run is not None and self._run.is_over:
            self.run_worker(self._run.look_again(), name="look again", exclusive=True, exit_on_error=False)
        elif self._run is None:
            self.read_again()

    def read_again(self) -> None:
        """Read again what the list is judged by."""

    def _changed(self) -> None:
        """Show how far it has got, once for all that changes in this turn."""
        self._of.drop(self._finished())
        if not self._due and self.is_current:
            self._due = True
            self.call_later(self._show_due)

    def _show_due(self) -> None:
        self._due = False
        self.show()

    def _tell_behind(self) -> None:
        done = self.outcome.stage is Stage.DONE and bulk_steps.all_done(self.progress)
        words = self.glyphs.text(self.outcome.message)
        self.app.notify(words, title=self.title_words(), severity="information" if done else "error")

    def _finished(self) -> list[str]:
        """The marked rows of which everything is done: they are not marked any more."""
        if (run := self._run) is None or not run.is_over:
            return []
        rows: dict[str, bool] = {}
        for key, one in run.progress.items():
            for row in self.rows_of(key):
                rows[row] = rows.get(row, True) and one.step is Step.DONE
        return [row for row, done in rows.items() if done]

    # acting

    def do(self) -> None:
        if self.outcome.may_ask and self.is_hasty():
            return
        self._confirmed = frozenset(one.key for one in self.included)
        super().do()

    def left_out(self, key: str) -> str:
        """Why this item is not sent: what was left out when the list was confirmed stays so."""
        return self.judge(key) or ("" if key in self._confirmed else "it was left out when you confirmed")

    def stopped(self) -> str:
        """Why nothing more can be sent: the console was locked, or the daemon went away, meanwhile."""
        link = self.world.link.at(self.console.clock())
        return hindrance(self.session.closed, link, self.glyphs, freezes=self.freezes)

    async def act(self) -> str:
        await self.prepare()
        keys = [one.key for one in self.listed()]
        self._run = run = BulkRun(keys, self, self._changed, self.session.outside.sleep)
        await run.run()
        return bulk_steps.summary(run.progress, self.past)

    @property
    def progress(self) -> Mapping[str, Progress]:
        """How far each item has got."""
        return self._run.progress if self._run is not None else {}

    @property
    def is_going_on(self) -> bool:
        return self._run is not None and not self._run.is_over and not self._run.stop_asked

    def way_out(self) -> str:
        return "Stop here" if self.is_going_on else super().way_out()

    def action_leave(self) -> None:
        """While it goes on, stop it; otherwise close."""
        if self._run is not None and self.is_going_on:
            self._run.stop(_STOPPED)
            self.show()
        else:
            super().action_leave()
