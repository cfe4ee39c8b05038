"""What the palette finds beside keys: fleets, tasks and instances, by any part of their name."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import Hit, Hits, Provider

if TYPE_CHECKING:
    from tui.console_app import ConsoleApp


class Jumps(Provider):
    """Each is a line that could be typed after `:`."""

    async def search(self, query: str) -> Hits:
        console = cast("ConsoleApp", self.app)
        names, matcher = console.commands.names(), self.matcher(query)
        found = [
            *(("context", name, "look at this fleet") for name in names.contexts if console.fleets.several),
            *(("task", name, "its join") for name in names.tasks),
            *(("instance", name, "all about it") for name in names.instances),
        ]
        for verb, name, does in found:
            line = f"{verb} {name}"
            if score := matcher.match(line):
                yield Hit(score, matcher.highlight(line), partial(console.typed, line), help=does)
