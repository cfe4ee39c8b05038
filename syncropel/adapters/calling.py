"""What the agent of a running attempt may ask its daemon for, besides what its protocol lets it ask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from syncropel.adapters.asking import Answer
from syncropel.errors import Conflict, Forbidden

MOST_QUESTION: Final = 4000
"""Characters of a question."""
MOST_CHOICES: Final = 8
MOST_CHOICE: Final = 200
"""Characters of one of the answers that an agent offers."""
MOST_PROGRESS: Final = 500
"""Characters of a report of progress."""


class TooMuch(Conflict):
    """Raised when an attempt asks for more than it may; the message states the limit."""

    code = "TOO_MUCH"
    status = 429


@dataclass(frozen=True, slots=True)
class NewSubtask:
    """A subtask that an agent asks for. Empty `target` and `repo`: as its own."""

    goal: str
    target: str = ""
    repo: str = ""
    depends_on: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Added:
    """What became of it: its `index`, or the `reason` why there is none."""

    index: int | None
    reason: str = ""


class Calls(Protocol):
    """What one attempt may ask for. Each method raises TooMuch, or why it is refused as SyncropelError."""

    async def question(self, number: str, question: str, choices: tuple[str, ...]) -> Answer:
        """Ask the operator, and wait for the answer. `number`: the agent's own, so that a question that it
        repeats after its daemon went away is asked once.
        """
        ...

    async def add_subtask(self, number: str, asked: NewSubtask) -> Added:
        """Ask for one more subtask, and wait until the coordinator has decided. `number`: as for a
        question.
        """
        ...

    async def progress(self, text: str) -> None:
        """Record what the agent says of its progress."""
        ...

    async def siblings(self) -> str:
        """What the other subtasks of its task are and have reported, as Markdown."""
        ...


class NoCalls:
    """Nothing can be asked for."""

    async def question(self, number: str, question: str, choices: tuple[str, ...]) -> Answer:
        raise _none()

    async def add_subtask(self, number: str, asked: NewSubtask) -> Added:
        raise _none()

    async def progress(self, text: str) -> None:
        raise _none()

    async def siblings(self) -> str:
        raise _none()


def _none() -> Forbidden:
    return Forbidden("nothing can be asked for here", "run the goal in a fan-out")
