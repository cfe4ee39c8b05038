"""The interface of adapters."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from syncropel.adapters.asking import Nobody, Operator
from syncropel.adapters.calling import Calls, NoCalls

Observe = Callable[[str, dict[str, Any]], Awaitable[None]]
"""Stores an observation (kind, body) durably on the dispatch sub-thread before it returns."""


@dataclass(slots=True)
class Remains:
    """What an adapter knows of a goal's processes once `run` is over; one that starts none leaves it empty.

    `left`: pids that did not end. `proven`: it is proven, rather than assumed, that nothing is left.
    """

    proven: bool = True
    left: tuple[int, ...] = ()
    agent: dict[str, Any] | None = None
    """A coding agent's report about its run, also for one that was ended from outside: as `Outcome.agent`."""
    forget: Callable[[], None] = lambda: None
    """Call this once the result is in the log: until then a daemon that comes back must find the run."""
    settling: bool = False
    """Whether the goal has ended by itself and only gate and commit remain, which the next daemon can do
    without running the goal again.
    """


class Startable(Protocol):
    """A goal that waits behind its gate. `started` is done when the goal itself runs, or never will."""

    @property
    def started(self) -> asyncio.Future[None]: ...

    def go(self) -> None:
        """Open the gate."""
        ...

    def strike(self) -> None:
        """Kill it now, in whatever state, without waiting for anybody."""
        ...


Gate = Callable[[Startable], Awaitable[bool]]
"""Lets a goal start. Returns False when it must not: it has not run then, and is to be ended."""


async def open_gate(goal: Startable) -> bool:
    """The gate where nothing forbids a start."""
    goal.go()
    return True


class Instant:
    """A goal without a process: it starts when it is let through."""

    def __init__(self) -> None:
        self.started: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.started.set_result(None)

    def go(self) -> None:
        """There is nothing to open."""

    def strike(self) -> None:
        """There is nothing to kill."""


class Held(Exception):
    """The goal was not let through its gate. It is retried when that may have changed."""


class CutShort(Exception):
    """Raised when a run was ended because this daemon was stopped for too long: it must run again, here or
    wherever its coordinator has moved it.
    """


@dataclass(frozen=True, slots=True)
class Job:
    """One attempt at a subtask. `timeout_secs` is its time limit."""

    child_thread: str
    goal: str
    attempt: int
    timeout_secs: float
    budget_usd: float | None = None
    hint: str = ""
    cost_offset: int = 0
    """How far an earlier process read this attempt's cost file, in bytes."""
    events: Mapping[str, int] = field(default_factory=dict)
    """How many events of an earlier run's output are in the log, by the run's name."""
    model: str = ""
    """The model to use, one that the adapter's config allows; empty: the program's own choice."""
    content: str = ""
    """Path of a file with more about the goal."""
    budget_tokens: int | None = None
    denied: str = ""
    """`ignore`: denied tool calls do not fail it."""
    over: bool = False
    """Whether the attempt has ended and only its output is read again."""
    earlier: Mapping[str, Any] | None = None
    """The previous attempt's data about its agent (`Outcome.agent`), when it ran here with the
    same adapter."""
    repo: str = ""
    """The repository whose worktree it runs in, by its name in `[workspace.repos]`; empty: none."""
    work: str = ""
    """The name of that worktree, without the attempt."""
    briefing: str = ""
    """What other agents reported about the subtasks that it depends on; empty when it depends on none."""
    port_base: int = 0
    """The first of the TCP ports that it has for itself; 0: it has none."""
    gate: Gate = open_gate
    """Passed just before the first instruction of the goal."""
    remains: Remains = field(default_factory=lambda: Remains())
    """Where the adapter records what is left, even for a goal that was ended from outside."""
    spent_usd: float = 0.0
    """US dollars that this attempt has already spent, according to the log."""
    stopped: Callable[[], Outcome | None] = lambda: None
    """Its outcome if it must not go on now; None while it may."""
    operator: Operator = field(default_factory=Nobody)
    """Whom its agent may ask, and who may tell it something."""
    calls: Calls = field(default_factory=NoCalls)
    """What its agent may ask for through the tools of `spl mcp`."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a job. `exit` holds what a subprocess left: code, signal, runtime in milliseconds.

    `cost_usd` is the spending beyond the observations. `reason` is machine-readable: why it was ended.
    """

    verdict: str
    summary: str
    cost_usd: float = 0.0
    output: str | None = None
    exit: dict[str, Any] | None = None
    reason: str = ""
    worktree: dict[str, Any] | None = None
    """What it left in its git worktree, if it had one."""
    unread: int = 0
    """Lines of its output that were too long, or could not be parsed."""
    forgiven: str | None = None
    """The summary if a gate accepts it despite denied tool calls; None unless only those fail it."""
    gate: dict[str, Any] | None = None
    """Result of its repository's gate command: `command, passed, ended, exit_code, signal, runtime_ms`, its
    last lines (`tail`), and the file of its `output`."""
    tree: dict[str, Any] | None = None
    """Whether its processes are gone: `proven`, and `left`, the pids of those that are not."""
    cost_known: bool = True
    """Whether `cost_usd` and the observed usage are complete; if not, the cost is unknown."""
    agent: dict[str, Any] | None = None
    """A coding agent's report about its run, in the form of `syncropel.adapters.agents.account`."""


@runtime_checkable
class Resumable(Protocol):
    """An adapter whose goals are processes that can outlive this daemon. It passes the gate itself, and
    observes a session that names the run as `run`.
    """

    @property
    def runs(self) -> Path:
        """The folder of its runs; several adapters may share it."""
        ...

    async def take_back(self, wanted: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
        """Take over the runs of a previous daemon that are wanted (the session's body by name), including
        those of other adapters that share its folder; end the others.

        Runs that ended by themselves meanwhile are included; runs that were cut short are not, and must run
        again.
        """
        ...

    def goes_on(self, taken: Any) -> bool:
        """Whether a run that was taken over is still running."""
        ...

    async def resume(self, taken: Any, job: Job, observe: Observe) -> Outcome:
        """Continue a run that was taken over, as `run` does."""
        ...

    def leave_running(self) -> None:
        """From here on a cancelled run is left to the next daemon."""
        ...


class Adapter(Protocol):
    """Runs goals. Cancelling `run` must end whatever it started."""

    name: str

    async def run(self, job: Job, observe: Observe) -> Outcome:
        """Run the goal within its time limit. A failure is an Outcome; raises Held at a closed gate."""
        ...

    async def end_orphan(self, session: dict[str, Any]) -> None:
        """End what a previous process of this instance started and did not live to finish.

        `session` is the body of its session observation.
        """
        ...
