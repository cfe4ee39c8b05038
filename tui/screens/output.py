"""A subtask's output on the whole screen: followed, searched, or read from its start."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import Any, Final

from textual import on
from textual.widget import Widget
from textual.widgets import Input

from tui.connection.output_follower import OutputFollower
from tui.model import output
from tui.model.actions import FOLLOW, OUTPUT
from tui.model.filters import Filter
from tui.model.text import plain
from tui.screens.of_subtask import OfSubtask
from tui.widgets.bindings import bindings
from tui.widgets.filter_bar import FilterBar
from tui.widgets.lines import Lines, Span
from tui.widgets.output_view import OutputView

_NOTHING_YET: Final = ("it has not written anything yet",)
_NOTHING: Final = ("it wrote nothing",)
_READING: Final = ("reading …",)


class OutputScreen(OfSubtask):
    """`l` on a subtask."""

    AUTO_FOCUS = "OutputView"
    name_ = OUTPUT
    BINDINGS = bindings("output")

    def __init__(self, thread: str, index: int) -> None:
        super().__init__(thread, index)
        self._follower: OutputFollower | None = None
        self._begun = 0
        self._due = False

    @property
    def follower(self) -> OutputFollower:
        if self._follower is None:
            outside = self.session.outside
            self._follower = OutputFollower(
                self.session, self.thread, self.index, self._news, outside.sleep, jitter=outside.jitter
            )
        return self._follower

    @property
    def view(self) -> OutputView:
        return self.query_one(OutputView)

    def body(self) -> Sequence[Widget]:
        return (Lines(id="about"), OutputView(id="output"))

    def while_shown(self) -> Coroutine[Any, Any, None]:
        return self.follower.run()

    def _news(self) -> None:
        # Many pieces may arrive before the next one is drawn.
        if self.is_mounted and not self._due:
            self._due = True
            self.call_next(self._show_news)

    def _show_news(self) -> None:
        self._due = False
        self.show()

    @on(OutputView.Moved)
    def _moved(self) -> None:
        self.show()

    def fill(self, now: float) -> None:
        follower, view = self.follower, self.view
        join = self.world.join_of(self.thread)
        child = next((one for one in join.subtasks if one.index == self.index), None) if join else None
        if child is not None:
            follower.keep_up(child.attempt)
        text, page, trouble = self.console.glyphs.text, follower.page, follower.trouble
        told = [(Span(f" {text(output.headline(page, self._how()))}", "muted"),)] if page is not None else []
        if page is not None and trouble:
            told.append((Span(f" {text(f'not known what comes: {plain(trouble)}')}", "warn"),))
        self.query_one("#about", Lines).show(told)
        anew, self._begun = self._begun != follower.begun, follower.begun
        view.show(follower.ring, self._empty(), anew=anew)

    def _how(self) -> str:
        """The viewing mode, and the keys that change it."""
        follower, first = self.follower, self.console.keymap.first(FOLLOW)
        if follower.from_start:
            begin = f"the first {len(follower.ring):,} lines" if follower.is_cut else "from the start"
            return f"{begin} · {first}: the end"
        if follower.page is not None and follower.page.ended:
            return "ended"
        return "followed" if self.view.follows else f"held: {first} follows again"

    def _empty(self) -> Sequence[str]:
        page, trouble = self.follower.page, self.follower.trouble
        if page is None:
            return (f"not known: {plain(trouble)}",) if trouble else _READING
        return _NOTHING if page.ended else _NOTHING_YET

    # keys

    def action_follow(self) -> None:
        """Follow, or pause; from the start back to the end."""
        if self.follower.from_start:
            self.view.follows = True
            self.follower.begin()
        else:
            self.view.follows = not self.view.follows
        self.show()

    def action_from_start(self) -> None:
        self.view.follows = False
        self.follower.begin(from_start=True)
        self.show()

    def action_wrap(self) -> None:
        self.view.wrap(self.follower.ring, wraps=not self.view.wraps)

    def action_find(self) -> None:
        self.action_filter()

    def filter_of(self, table: str) -> Filter:
        """The typed text is searched for, and hides nothing."""
        return Filter()

    @on(Input.Submitted, "#filter")
    def find_first(self) -> None:
        self.view.focus()
        self.action_again(-1 if self.view.follows else 1)

    def action_again(self, way: int) -> None:
        """Go to the next matching line, or the previous one."""
        words = self.query_one(FilterBar).value
        if not words:
            self.notify("there is no search yet: / starts one", timeout=3)
            return
        ring, view = self.follower.ring, self.view
        first = view.top_line - way if view.found is None else view.found
        place = ring.find(words, first - ring.first, way) if len(ring) else None
        if place is None:
            self.notify(f"no line here has “{words}”", timeout=3)
        else:
            view.go_to_line(ring.first + place)
        self.show()

    def copied(self) -> str | None:
        page = self.follower.page
        return page.child_thread if page is not None and page.child_thread else self.thread
