"""Key bindings generated from the action table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from textual.binding import Binding, BindingType

from tui.model import actions
from tui.model.moved_keys import MOVED

LEAVES: Final = Binding("ctrl+c", "leave", "leave", show=False, priority=True)
"""The key that aborts a command elsewhere leaves a dialog or an input line, also while typing."""


def bindings(part: str) -> list[BindingType]:
    """The bindings of the app, of every screen, of a table, of plain movement, or of one screen.

    Our own footer shows them, not Textual's. The id lets a keymap assign other keys. A key that did something
    else there in an earlier version says what does that now.
    """
    chosen = {
        "app": actions.APP,
        "screen": actions.SCREEN,
        "table": actions.TABLE,
        "moves": actions.MOVES,
        **actions.OWN,
    }.get(part, ())
    moved = MOVED.get(part, {})
    told = [Binding(key, f"moved('{key}', '{name}')", show=False) for key, name in moved.items()]
    return [*told, *_made(chosen)]


def _made(chosen: Sequence[actions.Action]) -> list[BindingType]:
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
