"""Child threads in words, shared by the command line and the console."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from syncropel.wire import ChildrenJoin, ChildThreadOut

MOST: Final = 20
"""How many children are listed; the rest are counted."""
_SAID_CHARS: Final = 80
_TOLD: Final = " completed with result "


def numbered(children: Sequence[ChildThreadOut]) -> Iterator[tuple[str, ChildThreadOut]]:
    """The listed children, each with its number in the join's wording; empty if it does not count."""
    number = 0
    for one in children[:MOST]:
        counts = one.result is not None or not one.problem
        yield f"[{number}]" if counts else "", one
        number += counts


def state_of(one: ChildThreadOut) -> str:
    """What the parent was told, or else the child's own status."""
    return one.result or one.status or "open"


def words(one: ChildThreadOut) -> str:
    """The child's state, and a remark about it."""
    if one.problem:
        return f"does not count: it {one.problem}"
    status = one.status or "no record yet"
    status = status if one.result in (None, one.status) else f"{status}, {one.result}"
    said = one.summary.partition(_TOLD)[2].partition(": ")[2] if one.result is not None else one.goal
    said = f"waits: {one.held}" if one.held else said
    return f"{status.replace('_', ' ')}  {textwrap.shorten(said, _SAID_CHARS, placeholder='…')}".rstrip()


def head(children: Sequence[ChildThreadOut]) -> str:
    """How many there are, and how many of them are closed."""
    return f"{len(children)} ({sum(one.result is not None for one in children)} closed)"


def join_words(join: ChildrenJoin) -> str:
    """Whether it has joined, or why not."""
    return "joined" if join.complete else join.problem or join.explanation
