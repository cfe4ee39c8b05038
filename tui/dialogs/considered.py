"""A dialog that is answered by one key: it counts only if it was typed after what it answers was drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tui.dialogs.base import Dialog
from tui.model.glyphs import Tone
from tui.model.typed import Typed

_HASTY: Final = "that key came before this could be read: press it again"


class ConsideredDialog(Dialog):
    """Call `drawn_anew` when it shows something else, and ask `is_hasty` before anything is sent."""

    def __init__(self) -> None:
        super().__init__()
        self.drawn: float | None = None
        """When what it is about was drawn, by the console's clock; None: it is not yet."""
        self._hasty = False

    def drawn_anew(self) -> None:
        """What it is about has changed: keys count again once that is drawn."""
        self.drawn = None
        self.call_after_refresh(self._is_drawn)

    def _is_drawn(self) -> None:
        self.drawn = self.console.clock()
        self.show()

    def is_hasty(self) -> bool:
        """Whether the key in hand was typed before what it answers could be read; then say so."""
        typed = Typed(self.console.clock()) if self.by_mouse else self.console.rested
        self._hasty = self.drawn is not None and not typed.follows(self.drawn)
        if self._hasty:
            self.show()
        return self._hasty

    def told(self, now: float) -> Sequence[tuple[str, Tone]]:
        lines = super().told(now)
        return [*lines, (_HASTY, "warn")] if self._hasty and self.outcome.may_ask else lines
