"""A record or a log line on the whole screen."""

from __future__ import annotations

from tui.model.feed import FeedLine
from tui.model.feed_facts import facts_of, laid_out
from tui.screens.detail import DetailScreen
from tui.widgets.lines import Lines, Span


class FeedLineScreen(DetailScreen):
    """`enter` on a line of the feed. A record never changes, so it is laid out once per width."""

    def __init__(self, line: FeedLine) -> None:
        super().__init__()
        self.line = line
        self._facts = facts_of(line)
        self._width = 0

    @property
    def crumb(self) -> str:
        return self.line.name

    def fill(self, now: float) -> None:
        width = self.size.width - 4
        if width != self._width:
            self._width = width
            self.query_one("#facts", Lines).show(
                [(Span(f" {name}", "muted"), Span(text)) for name, text in laid_out(self._facts, width)]
            )

    def copied(self) -> str | None:
        return self.line.copied
