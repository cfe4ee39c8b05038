"""What was said to a running agent, and what became of it."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Final

from tui.model.glyphs import Glyphs, Tone
from tui.model.text import first_line

if TYPE_CHECKING:
    from syncropel.wire import MessageOut

_SAID: Final = {"queued": "queued", "delivered": "in_progress", "answered": "accept"}


def message_line(one: MessageOut, glyphs: Glyphs) -> tuple[str, Tone]:
    """What was said to an agent, and what became of it."""
    tone: Tone = "good" if one.state == "answered" else "plain"
    return f"{glyphs.sign(_SAID.get(one.state, 'unknown'))} {one.state}: {first_line(one.text)}", tone


def say_command(name: str, index: int, text: str) -> str:
    """The command line that says it."""
    return shlex.join(["spl", "task", "say", name, str(index), text or "TEXT"])
