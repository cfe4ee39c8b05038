"""The failed subtasks of one task, for rerunning them together."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from tui.model.glyphs import word

if TYPE_CHECKING:
    from syncropel.wire import ChildOut
    from tui.model.world import World

FAILED: Final = ("failed", "timeout", "terminated")
"""Not rejected ones: those were somebody's decision."""


def failed_of(world: World, thread: str) -> list[ChildOut]:
    """Those whose attempt failed; none once the fan-out has joined, or while it is not known."""
    join = world.join_of(thread)
    if join is None or join.complete:
        return []
    return [one for one in join.subtasks if one.state in FAILED]


def tally(failed: Sequence[ChildOut]) -> str:
    """How many ended in which state, and which ones."""
    ways = Counter(word(one.state) for one in failed)
    counts = ", ".join(f"{number} {way}" for way, number in ways.items())
    return f"{counts}: {' '.join(f'[{one.index}]' for one in failed)}"


def command(name: str, failed: Sequence[ChildOut], hint: str) -> str:
    """The equivalent command line."""
    task, tail = shlex.quote(name), f" --hint {shlex.quote(hint)}" if hint else ""
    if len(failed) == 1:
        return f"spl task retry {task} --subtask {failed[0].index}{tail}"
    numbers = " ".join(str(one.index) for one in failed)
    return f"for n in {numbers}; do spl task retry {task} --subtask $n{tail}; done"
