"""What an agent asks the operator while it runs, what comes back, and what the operator tells it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol

ALLOW_ONCE: Final = "allow_once"
ALLOW_ALWAYS: Final = "allow_always"
REJECT_ONCE: Final = "reject_once"
REJECT_ALWAYS: Final = "reject_always"
"""Kinds of options. An option is chosen by its kind: ids and names differ in each agent and version."""
CANCELLED: Final = "cancelled"
"""No option was chosen, because the attempt ends."""

PERMISSION: Final = "permission"
QUESTION: Final = "question"


@dataclass(frozen=True, slots=True)
class Option:
    """One of the answers that an agent offers. `kind`: one of the kinds above; `name`: its own words."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Request:
    """An agent's request to its operator.

    `id`: unique in the whole log, and the same when a daemon that takes the run over finds the request still
    open. `kind`: `permission`, or `question` for one that is answered with text. `tool`: what the agent calls
    the kind of tool: `execute`, `edit`, ….
    """

    id: str
    kind: Literal["permission", "question"]
    text: str
    """What it asks, in one line."""
    tool: str = ""
    shown: Mapping[str, Any] = field(default_factory=dict)
    """Exactly what would be done, and nothing else: `command` (text), `diffs` (each `path, old, new`; `old`
    null for a new file), `input` (the tool's own arguments, as JSON), `details` (text of the agent, such as
    the folder of a command). An answer names its digest.
    """
    command: tuple[str, ...] | None = None
    """The whole argument list of the command; None when there is none, or when only a shell could tell."""
    paths: tuple[str, ...] = ()
    """The files that would be changed or read, absolute, with links resolved."""
    root: str = ""
    """The folder that the agent works in, with links resolved."""
    options: tuple[Option, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request. `chosen`: the kind of an option, or `cancelled`; `text`: to a question.

    `by`: the actor who answered; for a policy's rule or a time limit, its name. `reason`: why it was denied,
    for the agent; empty otherwise.
    """

    chosen: str
    text: str = ""
    by: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """What the operator says to a running agent. `id`: of its record."""

    id: str
    text: str
    by: str = ""


class Operator(Protocol):
    """The operator, as an adapter's run knows them. Every step is in the log before the method returns."""

    async def ask(self, request: Request) -> Answer:
        """Wait for the answer. A request whose id is in the log is not recorded again, and one that was
        answered returns that answer at once.
        """
        ...

    async def message(self) -> Message:
        """Wait for the next message that was not delivered yet. May be cancelled, and called again."""
        ...

    async def delivered(self, message: Message) -> None:
        """The agent has got the message. A daemon that takes the run over says so again."""
        ...

    async def answered(self, message: Message) -> None:
        """The agent's turn with the message has ended. A daemon that takes the run over says so again."""
        ...


class Nobody:
    """No operator can be asked: everything is denied, and no message comes."""

    async def ask(self, request: Request) -> Answer:
        return Answer(REJECT_ONCE, reason="nobody can be asked here")

    async def message(self) -> Message:
        await asyncio.Event().wait()
        raise AssertionError("an event that nobody sets was set")

    async def delivered(self, message: Message) -> None:
        """There are no messages."""

    async def answered(self, message: Message) -> None:
        """There are no messages."""
