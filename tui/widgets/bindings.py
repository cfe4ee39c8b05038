"""Key bindings from the action table."""

from __future__ import annotations

from typing import Final, Literal

from textual.binding import Binding, BindingType

from tui.model import actions

Part = Literal[
    "app", "screen", "table", "moves", "fleet", "feed", "policy", "scratchpad", "threads", "replay", "output"
]

LEAVES: Final = Binding("ctrl+c", "leave", "leave", show=False, priority=True)
"""What breaks off a command elsewhere leaves a dialog or a line, also while something is typed in it."""


def bindings(part: Part) -> list[BindingType]:
    """The bindings of the app, of every screen, of a table, of what only moves, or of one screen alone.

    Our own footer shows them, not Textual's. By its id a binding is given other keys.
    """
    chosen = {
        "app": actions.APP,
        "screen": actions.SCREEN,
        "table": actions.TABLE,
        "moves": actions.MOVES,
        **actions.OWN,
    }[part]
    return [
        Binding(
            ",".join(one.keys),
            one.id,
            one.description,
            show=False,
            id=one.name,
            priority=one.id in actions.AT_ONCE,
        )
        for one in chosen
    ]
