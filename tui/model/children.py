"""The child threads of a task or thread, as names and values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from syncropel.client import children_text
from tui.model.glyphs import Glyphs, tone_of
from tui.model.text import plain, tail
from tui.model.tree import Line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from syncropel.wire import ChildThreadOut
    from syncropel.wire.replay import ReplayFrame

_FACT: Final = "child "
"""How a replay's facts name child threads."""
_NAME_CHARS: Final = 24


def task_children(children: Sequence[ChildThreadOut], glyphs: Glyphs) -> list[tuple[str, Line]]:
    """A line per child, below their number; nothing without children."""
    if not children:
        return []
    lines = [("children", Line(children_text.head(children)))]
    for number, one in children_text.numbered(children):
        state = "failed" if one.problem else children_text.state_of(one)
        name = f"{number} {plain(tail(one.thread, _NAME_CHARS))}".lstrip()
        words = f"{glyphs.sign(state)} {name}  {plain(children_text.words(one))}"
        lines.append(("", Line(words, tone_of(state), most=1)))
    more = len(children) - children_text.MOST
    return [*lines, ("", Line(f"+{more} more", "muted"))] if more > 0 else lines


def frame_children(frame: ReplayFrame, glyphs: Glyphs) -> list[tuple[str, Line]]:
    """The children known from a thread's records up to and including this one."""
    lines = []
    for fact in frame.after:
        if fact.name.startswith(_FACT) and isinstance(fact.value, str):
            result = fact.value.partition(":")[0]
            name = plain(tail(fact.name.removeprefix(_FACT), _NAME_CHARS))
            words = f"{glyphs.sign(result)} {name}  {plain(fact.value)}"
            lines.append(("child", Line(words, tone_of(result), most=1)))
    return lines
