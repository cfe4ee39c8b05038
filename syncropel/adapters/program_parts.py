"""What an adapter says of a program that is to run, and of one that runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol


@dataclass(frozen=True)
class Program:
    """What to run. `environment` is complete, except for what the supervisor adds.

    `stdin`: a file; `pipe`: it is talked to (`Conversing`); None: empty. `stderr`: a file; None: the same as
    stdout. `tells_start`: it closes descriptor 3 when it has started. `session`: the id that it is told to
    give its session.
    """

    command: list[str]
    cwd: Path
    environment: Mapping[str, str]
    stdin: Path | Literal["pipe"] | None = None
    stderr: Path | None = None
    tells_start: bool = False
    session: str = ""
    about: Mapping[str, Any] = field(default_factory=dict)
    """Additional facts for the start record."""
    sandboxed: bool = False
    """Whether its command runs it in a sandbox."""
    kept: Mapping[str, Any] = field(default_factory=dict)
    """What a daemon that takes over the run has to know; it is in no record."""


@dataclass(frozen=True)
class Excess:
    """A limit that a run exceeded: `reason` is machine-readable, `told` is for people."""

    reason: str
    told: str


class Conversing(Protocol):
    """Talks to a running program."""

    async def advance(self) -> None:
        """React to what was read of its output."""
        ...

    @property
    def waits(self) -> bool:
        """Whether it is quiet because somebody else is to say something."""
        ...

    @property
    def look_secs(self) -> float:
        """How soon its output is to be looked at again."""
        ...

    @property
    def overdue(self) -> bool:
        """Whether everything was said, and the program does not end although its stdin was closed."""
        ...

    async def hang_up(self) -> None:
        """Ask the program to end what it does, and wait a moment for its last words; may be called when it
        has ended.
        """
        ...

    async def leave(self) -> None:
        """Leave the conversation to the next daemon, or close it: nothing is said any more."""
        ...
