"""A screen of subtasks, which shows the last lines of the output of the one under the cursor."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import Any

from tui.connection.glance import Glance, place_of
from tui.model.facts import Fact, facts_of
from tui.model.subject import Subject, short_label
from tui.screens.base import ConsoleScreen

_BEFORE = "worker"
"""The fact that the last lines precede: what is cut off at the end of a pane are the lesser facts."""


class GlancingScreen(ConsoleScreen):
    """Reads only while it is in front, and only for details that are displayed."""

    def __init__(self) -> None:
        super().__init__()
        self._glance: Glance | None = None

    @property
    def glance(self) -> Glance:
        if self._glance is None:
            self._glance = Glance(self.session, self._news)
        return self._glance

    def _news(self) -> None:
        if self.is_mounted:
            self.call_next(self.look)

    def while_shown(self) -> Coroutine[Any, Any, None]:
        return self.glance.run()

    def shown(self) -> Subject:
        """The subject of the details: the one under the cursor."""
        return self.subject()

    def look(self) -> None:
        subject = self.shown()
        child = None
        if subject.index is not None and self.details_shown:
            join = self.world.join_of(subject.thread)
            child = next((one for one in join.subtasks if one.index == subject.index), None) if join else None
        self.glance.look(place_of(subject.thread, child))
        super().look()

    def about(self, now: float) -> tuple[str, Sequence[Fact]]:
        world, subject = self.world, self.shown()
        facts = facts_of(world, subject, world.moment(now), self.console.glyphs)
        at = next((place for place, (name, _) in enumerate(facts) if name == _BEFORE), len(facts))
        lines = self.glance.facts() if subject.index is not None else ()
        return short_label(world, subject), [*facts[:at], *lines, *facts[at:]]
