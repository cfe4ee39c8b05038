"""What an adapter is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

Observe = Callable[[str, dict[str, Any]], Awaitable[None]]
"""Keeps an observation (kind, body) durably on the dispatch sub-thread before it returns."""


@dataclass(slots=True)
class Remains:
    """What an adapter knows of a goal's processes once `run` is over; one that starts none says nothing.

    `left`: pids that did not end. `proven`: nothing is left, and that is known and not only hoped.
    """

    proven: bool = True
    left: tuple[int, ...] = ()
    agent: dict[str, Any] | None = None
    """What a coding agent said of its run, also of one that was ended from outside: as `Outcome.agent`."""
    forget: Callable[[], None] = lambda: None
    """To be called once the result is in the log: until then a daemon that comes back has to find the run."""
    settling: bool = False
    """Whether the goal has ended by itself and only gate and commit remain, which the next daemon can do
    without running the goal again."""


class Startable(Protocol):
    """A goal that stands behind its gate. `started` is done when the goal itself runs, or never will."""

    @property
    def started(self) -> asyncio.Future[None]: ...

    def go(self) -> None:
        """Open the gate."""
        ...

    def strike(self) -> None:
        """Kill it now, where it stands, without waiting for anybody."""
        ...


Gate = Callable[[Startable], Awaitable[bool]]
"""Lets a goal start. False when it must not: it has not run then, and is to be ended."""


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
    """The goal was not let through its gate. It is tried again when that may have changed."""


class CutShort(Exception):
    """Raised when a run was ended because this daemon was stopped for too long: it has to run again, here or
    where its coordinator has given it meanwhile."""


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
    """How many events of an earlier run's output the log holds, by the run's name."""
    model: str = ""
    """The model to use, one that the adapter's config allows; empty: the program's own choice."""
    content: str = ""
    """Path of a file that says more about the goal."""
    budget_tokens: int | None = None
    denied: str = ""
    """`ignore`: tool calls that were denied do not fail it."""
    over: bool = False
    """Whether the attempt has ended and its output is only read again, with nothing else that it left."""
    earlier: Mapping[str, Any] | None = None
    """What the attempt before said of its agent (`Outcome.agent`), when it ran here with the same adapter."""
    repo: str = ""
    """The repository whose worktree it runs in, by its name in `[workspace.repos]`; empty: in none."""
    work: str = ""
    """What that worktree is named after, without the attempt."""
    briefing: str = ""
    """What other agents reported of the subtasks that it depends on; empty when it depends on none."""
    gate: Gate = open_gate
    """Passed just before the first instruction of the goal."""
    remains: Remains = field(default_factory=lambda: Remains())
    """Where the adapter says what is left, also of a goal that was ended from outside."""
    spent_usd: float = 0.0
    """US dollars that the log says this attempt has spent already."""
    stopped: Callable[[], Outcome | None] = lambda: None
    """What it comes to if it must not go on now; None while it may."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a job. `exit` holds what a subprocess left: code, signal, runtime in milliseconds.

    `cost_usd` is what was spent beyond the observations. `reason` is a word for programs: why it was ended.
    """

    verdict: str
    summary: str
    cost_usd: float = 0.0
    output: str | None = None
    exit: dict[str, Any] | None = None
    reason: str = ""
    worktree: dict[str, Any] | None = None
    """What it left in the git worktree that it ran in, if that was one."""
    unread: int = 0
    """Lines of its output that were too long, or made no sense."""
    forgiven: str | None = None
    """The summary if a gate accepts it in spite of denied tool calls; None unless they alone fail it."""
    gate: dict[str, Any] | None = None
    """Result of its repository's gate command: `command, passed, ended, exit_code, signal, runtime_ms`, its
    last lines (`tail`), and the file of its `output`."""
    tree: dict[str, Any] | None = None
    """Whether its processes are gone: `proven`, and `left`, the pids of those that are not."""
    cost_known: bool = True
    """Whether `cost_usd` and the usage observed are all that was spent; if not, the cost is unknown."""
    agent: dict[str, Any] | None = None
    """What a coding agent said of its run, as `syncropel.adapters.agents.account` makes it."""


@runtime_checkable
class Resumable(Protocol):
    """An adapter whose goals are processes, which can outlive this daemon. It passes the gate by itself, and
    observes a session that tells the run's name as `run`."""

    @property
    def runs(self) -> Path:
        """The folder that its runs are found in; several adapters may share it."""
        ...

    async def take_back(self, wanted: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
        """Take back the runs of a former daemon that are wanted (the session's body by name), also those of
        other adapters that share its folder; end the others.

        What has ended by itself meanwhile is among them; what was cut short is not, and has to run again.
        """
        ...

    def goes_on(self, taken: Any) -> bool:
        """Whether a run that was taken back has not ended yet."""
        ...

    async def resume(self, taken: Any, job: Job, observe: Observe) -> Outcome:
        """Go on with a run that was taken back, as `run` does."""
        ...

    def leave_running(self) -> None:
        """From here on a run that is cancelled is left to the next daemon."""
        ...


class Adapter(Protocol):
    """Runs goals. Cancelling `run` must end whatever it started."""

    name: str

    async def run(self, job: Job, observe: Observe) -> Outcome:
        """Run the goal within its time limit. A failure is an Outcome; raises Held at a gate that is shut."""
        ...

    async def end_orphan(self, session: dict[str, Any]) -> None:
        """End what a former process of this instance started and did not live to see through.

        `session` is the body of its session observation.
        """
        ...
