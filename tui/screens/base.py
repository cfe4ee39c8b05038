"""What all screens have in common: header, trouble, banner, tables, filter, footer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import Screen
from textual.widgets import Input

from tui.actions import actions_of
from tui.model.filtering import parse
from tui.model.fleet import banner_lines
from tui.model.frame import footer_line, header_line
from tui.model.link import trouble_lines
from tui.model.state import State
from tui.widgets.lines import Lines
from tui.widgets.section import Section
from tui.widgets.table import Table

if TYPE_CHECKING:
    from tui.app import ConsoleApp

BANNER_ROWS = 3


def bindings(screen: str) -> list[BindingType]:
    """The bindings of a screen, from the action table; tables bind how they move by themselves."""
    own = (action for action in actions_of(screen) if action.where in (screen, "table"))
    return [
        Binding(",".join(action.keys), action.run, action.description, show=False)
        for action in own
        if action.run.partition("(")[0] not in ("move", "page", "edge")
    ]


class ConsoleScreen(Screen[None]):
    """A screen shows a `State` (`apply`) and passing time (`tick`). It asks nobody for anything."""

    NAME: ClassVar[str] = ""
    AUTO_FOCUS = "Table"

    def __init__(self) -> None:
        super().__init__()
        self._filtering: list[Section[Any]] = []

    @property
    def console_app(self) -> ConsoleApp:
        return cast("ConsoleApp", self.app)

    # What each screen has of its own

    def sections(self) -> list[Section[Any]]:
        """The tables, from top to bottom."""
        raise NotImplementedError

    def compose_body(self) -> ComposeResult:
        raise NotImplementedError

    def show_body(self, state: State, now: float) -> None:
        raise NotImplementedError

    def crumb(self) -> str:
        """Where in the screen we are."""
        return ""

    def share_rows(self) -> None:
        """Share the height of the body among its parts."""

    # The frame

    def compose(self) -> ComposeResult:
        yield Lines("header")
        yield Lines("trouble")
        yield Lines("banner")
        with Vertical(id="body"):
            yield from self.compose_body()
        yield Input(id="filter", placeholder="text  !not  field:value", compact=True, select_on_focus=False)
        yield Lines("footer")

    def on_mount(self) -> None:
        glyphs = self.console_app.glyphs
        for lines in self.query(Lines):
            lines.glyphs = glyphs
        for section in self.sections():
            section.dress(glyphs)
        self.query_one("#filter").display = False
        field = self.query_one("#filter", Input)
        field.cursor_blink = self.console_app.cursor_blink

    def on_screen_resume(self) -> None:
        self.apply(self.console_app.state)

    def on_resize(self) -> None:
        self.apply(self.console_app.state)

    def apply(self, state: State) -> None:
        """Show a state."""
        if not self.is_mounted:
            return
        self._show_frame(state)
        self.show_body(state, self.console_app.now())
        self.share_rows()

    def tick(self, state: State) -> None:
        """Show that time passed."""
        self._show_frame(state)
        now = self.console_app.now()
        for section in self.sections():
            section.table.tick(now)

    def _show_frame(self, state: State) -> None:
        app, width = self.console_app, self.app.size.width
        glyphs, status = app.glyphs, state.fleet.status
        header = header_line(
            width=width,
            screen=self.NAME,
            crumb=self.crumb(),
            link=state.link,
            where=app.where,
            read_only=app.read_only,
            glyphs=glyphs,
        )
        self.query_one("#header", Lines).show((header,))
        # Before the first snapshot the body says what is wrong, and what to type.
        trouble = trouble_lines(state.link, width, glyphs) if status is not None else ()
        self.query_one("#trouble", Lines).show(trouble)
        self.query_one("#banner", Lines).show(banner_lines(status, app.now(), glyphs, BANNER_ROWS))
        self.show_footer()
        dimmed = status is not None and not state.link.live
        for section in self.sections():
            section.set_dimmed(dimmed)

    def show_footer(self) -> None:
        words = self.console_app.words
        state = self.console_app.state
        line = words or footer_line(
            self.NAME, self.app.size.width, live=state.link.live, empty=state.fleet.status is None
        )
        self.query_one("#footer", Lines).show((line,))

    @property
    def body_rows(self) -> int:
        """Rows between banner and footer."""
        around = [self.query_one(f"#{name}", Lines) for name in ("header", "trouble", "banner", "footer")]
        taken = sum(max(1, lines.virtual_size.height) for lines in around if lines.display)
        return max(0, self.app.size.height - taken - int(self.query_one("#filter").display))

    # Tables

    def tables(self) -> list[Table[Any]]:
        """The tables that can be seen and have rows."""
        return [
            section.table
            for section in self.sections()
            if section.display and section.table.display and section.table.count
        ]

    @property
    def table(self) -> Table[Any] | None:
        """The table that has the keys, or the first that could."""
        focused = self.focused
        if isinstance(focused, Table):
            return focused
        return next(iter(self.tables()), None)

    def action_focus_table(self, step: int) -> None:
        tables = self.tables()
        if tables:
            place = tables.index(self.table) if self.table in tables else -step
            tables[(place + step) % len(tables)].focus()

    def action_sort(self) -> None:
        if (table := self.table) is not None:
            table.sort_next()
            self.apply(self.console_app.state)
            self.console_app.say(f"sorted by {table.sorted_by.lower() or 'the daemon'}")

    def action_copy(self) -> None:
        if (table := self.table) is not None and table.current is not None:
            name = self.copied(table)
            self.console_app.copy_to_clipboard(name)
            self.console_app.say(f"copied {name}")

    def copied(self, table: Table[Any]) -> str:
        """The id behind the chosen row."""
        return table.chosen

    # Filter

    def action_filter(self) -> None:
        if (table := self.table) is None and not any(one.table.filtered for one in self.sections()):
            return
        if table is not None:
            self._filtering = [one for one in self.sections() if one.table in self.filtered_with(table)]
        field = self.query_one("#filter", Input)
        field.display = True
        field.focus()
        self.share_rows()

    @on(Input.Changed, "#filter")
    def _filter_changed(self, event: Input.Changed) -> None:
        self._set_filter(event.value)

    def _set_filter(self, source: str) -> None:
        for section in self._filtering:
            fields = frozenset(column.key for column in section.table.spec.columns)
            section.table.set_filter(parse(source, fields))
        self.apply(self.console_app.state)

    @on(Input.Submitted, "#filter")
    def _filter_done(self) -> None:
        self._close_filter()

    def _close_filter(self) -> None:
        self.query_one("#filter").display = False
        tables = self.tables()
        again = [section.table for section in self._filtering if section.table in tables]
        self.set_focus(next(iter([*again, *tables]), None))
        self.share_rows()

    def filtered_with(self, table: Table[Any]) -> list[Table[Any]]:
        """The tables that `/` filters when this one has the keys."""
        return [table]

    def leave_filter(self) -> bool:
        """Clear and close the filter; False when there was none."""
        field = self.query_one("#filter", Input)
        was = bool(field.value) or bool(field.display)
        if was:
            with field.prevent(Input.Changed):
                field.value = ""
            self._set_filter("")
            self._close_filter()
        return was

    def action_back(self) -> None:
        if not self.leave_filter():
            self.leave()

    def leave(self) -> None:
        """Go back from where `enter` went."""

    @on(Table.Entered)
    async def _entered(self) -> None:
        await self.action_enter()

    async def action_enter(self) -> None:
        """Go in."""
