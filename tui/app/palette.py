"""The sources of the command palette: this screen's actions; fleets, tasks, and instances by any part of
their name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol, cast

from textual.app import SystemCommand
from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.fuzzy import Matcher
from textual.screen import Screen

from tui.app import themes
from tui.app.appearance import Appearance
from tui.connection.fleets import Fleets
from tui.model import actions
from tui.model.keymap import Keymap
from tui.screens.base import ConsoleScreen

if TYPE_CHECKING:
    from tui.app.commands import Commands

_BESIDE: Final = 56
_EDGES: Final = 8
_AS_TYPED: Final = 1000.0


class Jumping(Protocol):
    """The app, as far as jumps need to know it."""

    fleets: Fleets

    @property
    def commands(self) -> Commands: ...

    async def typed(self, line: str) -> None:
        """Run a line typed after `:`."""


class ScreenActions(Provider):
    """Everything this screen can do, found by description, by key, and by the matching `spl` command."""

    def _known(self) -> Iterator[tuple[Content, SystemCommand]]:
        room = self.app.size.width - _EDGES
        for one in self.app.get_system_commands(self.screen):
            spare = room - len(one.title) - len(one.help)
            gap = "\n" if spare < 2 else " " * max(2, min(spare, _BESIDE - len(one.title)))
            yield Content.assemble(one.title, gap, (one.help, "dim not bold")), one

    async def discover(self) -> Hits:
        for shown, one in self._known():
            yield DiscoveryHit(shown, one.callback, text=one.title)

    async def search(self, query: str) -> Hits:
        """Exact substring matches come before scattered letters."""
        matcher = self.matcher(query)
        for shown, one in self._known():
            score, places = matcher.fuzzy_search.match(query, shown.plain)
            if not score:
                continue
            whole = shown.plain.lower().find(query.lower())
            if whole >= 0:
                score, places = score + _AS_TYPED, range(whole, whole + len(query))
            yield Hit(score, _marked(shown, places, matcher), one.callback, text=one.title)


class Jumps(Provider):
    """Each entry is a line that could be typed after `:`."""

    async def search(self, query: str) -> Hits:
        console = cast(Jumping, self.app)
        names, matcher = console.commands.names(), self.matcher(query)
        found = [
            *(("context", name, "switch to this fleet") for name in names.contexts if console.fleets.several),
            *(("task", name, "its join") for name in names.tasks),
            *(("instance", name, "everything about it") for name in names.instances),
        ]
        for verb, name, does in found:
            line = f"{verb} {name}"
            score, places = matcher.fuzzy_search.match(query, line)
            if score:
                # Not by Textual's `highlight`, which reads markup: names are foreign text.
                shown = _marked(Content(line), places, matcher)
                yield Hit(score, shown, partial(console.typed, line), text=line, help=does)


def _marked(shown: Content, places: Iterable[int], matcher: Matcher) -> Content:
    """With the letters at these places in the style of a match."""
    for place in places:
        shown = shown.stylize(matcher.match_style, place, place + 1)
    return shown


def system_commands(
    screen: Screen[object], keymap: Keymap, appearance: Appearance
) -> Iterator[SystemCommand]:
    """Everything this screen can do except cursor movement, then the themes."""
    if isinstance(screen, ConsoleScreen):
        for one in screen.actions():
            if one not in actions.MOVES and one.id != "command_palette":
                title = one.description[:1].upper() + one.description[1:]
                keys = f"key {keymap.shown(one)}"
                run = partial(screen.app.run_action, one.target)
                yield SystemCommand(title, f"{keys} · {one.cli}" if one.cli else keys, run)
    if appearance.has_colour:
        for theme in themes.ALL:
            yield SystemCommand(
                f"Theme {theme.name}", "change the colours", partial(appearance.wear, theme.name)
            )
