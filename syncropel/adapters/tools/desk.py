"""The attempts whose agents may call this daemon, each by the hash of its token."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from syncropel.adapters.asking import Answer
from syncropel.adapters.base import Job, Outcome
from syncropel.adapters.calling import Added, Calls


def new_token() -> tuple[str, str]:
    """A token for an attempt, and the hash by which it is known."""
    token = f"spl-tools-{secrets.token_urlsafe(32)}"
    return token, sha256_of(token)


def sha256_of(token: str) -> str:
    """The hash of a token, in hex."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


@dataclass(eq=False)
class Caller:
    """One attempt whose agent may call. `sha256`: of its token (hex)."""

    sha256: str
    calls: Calls
    stopped: Callable[[], Outcome | None] = lambda: None
    """Its outcome if it must not go on now."""
    asking: dict[str, asyncio.Task[Answer]] = field(default_factory=dict)
    """Its questions that wait for an answer, by the agent's own number."""
    adding: dict[str, asyncio.Task[Added]] = field(default_factory=dict)
    """The subtasks that it asks for and about which nothing is decided, likewise."""
    at_once: int = 0
    """Its calls here now."""

    @classmethod
    def of(cls, job: Job, sha256: str) -> Caller:
        """For a job whose agent has the token with this hash."""
        return cls(sha256, job.calls, job.stopped)

    @property
    def waiting(self) -> int:
        """How many answers of an operator its agent waits for."""
        return unfinished(self.asking)

    @property
    def waits_for(self) -> list[asyncio.Task[Any]]:
        """Everything that it waits for."""
        return [*self.asking.values(), *self.adding.values()]

    def close(self) -> None:
        """Stop what it waits for."""
        for task in self.waits_for:
            task.cancel()


def unfinished(tasks: Mapping[str, asyncio.Task[Any]]) -> int:
    """How many of these have no answer yet."""
    return sum(not task.done() for task in tasks.values())


def forget_decided(tasks: dict[str, asyncio.Task[Any]]) -> None:
    """Keep no answer that nobody fetched: it is in the log, for whoever asks again."""
    for number, task in list(tasks.items()):
        if task.done():
            del tasks[number]
            if not task.cancelled():
                task.exception()  # nobody else looks at it


class Desk:
    """Who may call. `port`: where agents call on 127.0.0.1; 0: nowhere."""

    def __init__(self, port: int = 0) -> None:
        self.port = port
        self.leaving = False
        """Whether the next daemon of this home takes over."""
        self._callers: dict[str, Caller] = {}

    @property
    def url(self) -> str:
        """Where agents call."""
        return f"http://127.0.0.1:{self.port}"

    def open(self, caller: Caller) -> None:
        """Let the bearer of this token call."""
        self._callers[caller.sha256] = caller

    def close(self, caller: Caller) -> None:
        """Forget its token, and stop what it waits for."""
        self._callers.pop(caller.sha256, None)
        caller.close()

    def find(self, token: str) -> Caller | None:
        """Whose token this is. Looking up a hash tells nothing of the token by the time that it takes."""
        return self._callers.get(sha256_of(token))

    async def stop(self, *, keep_work: bool = False) -> None:
        """Answer nobody any more. `keep_work`: agents are told to ask the next daemon."""
        self.leaving = self.leaving or keep_work
        callers = list(self._callers.values())
        for one in callers:
            one.close() if keep_work else self.close(one)
        waiting = [task for one in callers for task in one.waits_for]
        await asyncio.gather(*waiting, return_exceptions=True)
