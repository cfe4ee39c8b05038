"""The clocks of the engine's own records about a fan-out, on the thread of its task and of its subtasks."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Final

from syncropel.folds.fanout.state import FanOut

ATTEMPT_CLOCK_STEP: Final = 1_000_000
"""Distance between the clocks of one subtask's INTENDs: a retry sorts after all of the previous attempt."""


def free_clocks(fanout: FanOut, clock: int, actor: str) -> Iterator[int]:
    """The clocks after this one on the parent thread. Those that the actor's own reports will need are left
    free, if it runs subtasks itself.
    """
    spawns = (spawn for spawn in fanout.unreported.values() if spawn.instance == actor)
    reserved = {fanout.reserved(spawn.key[0]) for spawn in spawns}
    return (free for free in count(clock + 1) if free not in reserved)


def attempt_clock(attempt: int) -> int:
    """The clock of an attempt's INTEND on its child thread."""
    return (attempt - 1) * ATTEMPT_CLOCK_STEP


def end_clock(attempt: int) -> int:
    """The clock of the record that ends an attempt."""
    return attempt_clock(attempt) + 1


def word_clock(attempt: int, before: int) -> int:
    """The clock of an answer or a message to an attempt. `before`: how many its child thread has."""
    return end_clock(attempt) + 1 + before
