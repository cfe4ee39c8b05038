"""What stands in the place of what was never read: that it is not known, why, and what comes next.

`None` in the place of rows, or of a status, means everywhere that it was never read: nothing is counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tui.model.glyphs import Glyphs
from tui.model.link import Link, word

COUNT: Final = "?"
"""How many there are of what was never read."""


def count(known: int | None) -> str:
    """A number for a title; None was never read."""
    return COUNT if known is None else str(known)


@dataclass(frozen=True)
class Keys:
    """What can be pressed meanwhile: for the screen that says what to do, and to try at once."""

    helps: str
    tries: str


def lines(what: str, link: Link, glyphs: Glyphs, keys: Keys, trouble: str = "") -> tuple[str, ...]:
    """For `what`, as in "the tasks", while it was never read. `link` is as of now; `trouble` says why the
    daemon did not tell it, as far as it was asked."""
    if not link.is_live:
        return (
            f"nothing was read yet: {word(link, glyphs)}",
            f"{what} will stand here as soon as the daemon answers",
            f"{keys.helps} says what to do until then",
        )
    if trouble:
        return (f"{what} could not be read", glyphs.text(trouble), f"{keys.tries} asks again")
    return (f"reading {what}",)


def lacking(link: Link, glyphs: Glyphs) -> str:
    """The same within a sentence."""
    return "not known yet" if link.is_live else f"not known: the connection is {word(link, glyphs)}"
