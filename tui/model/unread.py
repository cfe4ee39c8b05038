"""What is shown in place of unread data: that it is unknown, why, and what happens next.

`None` instead of rows or of a status always means that it was never read: nothing is counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tui.model.glyphs import Glyphs
from tui.model.link import Link, word

COUNT: Final = "?"
"""The count of unread items."""


def count(known: int | None) -> str:
    """A number for a title; None was never read."""
    return COUNT if known is None else str(known)


@dataclass(frozen=True)
class Keys:
    """The keys available meanwhile: the screen that says what to do, and an immediate retry."""

    helps: str
    tries: str


def lines(what: str, link: Link, glyphs: Glyphs, keys: Keys, trouble: str = "") -> tuple[str, ...]:
    """The text for `what`, as in "the tasks", while it was never read. `link` is as of now; `trouble` is the
    daemon's reason, if it was asked.
    """
    if not link.is_live:
        return (
            f"nothing has been read yet: {word(link, glyphs)}",
            f"{what} will appear here as soon as the daemon answers",
            f"{keys.helps} says what to do until then",
        )
    if trouble:
        return (f"{what} could not be read", glyphs.text(trouble), f"{keys.tries} asks again")
    return (f"reading {what}",)


def lacking(link: Link, glyphs: Glyphs) -> str:
    """The same within a sentence."""
    return "not known yet" if link.is_live else f"not known: the connection is {word(link, glyphs)}"
