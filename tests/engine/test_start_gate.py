"""The gate of one goal, in virtual time: when it lets the goal through, and when it kills it for a freeze."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from syncropel.engine.dispatch import starting
from syncropel.engine.dispatch.starting import StartGate
from syncropel.folds.fanout.child import ChildIntend

from . import virtual

INTEND = ChildIntend("r", "th_child", 1, {})


class Log:
    """The log's shared_lock. A freeze comes after `freeze_at` seconds and waits for the turn to end."""

    def __init__(self, freeze_at: float | None) -> None:
        self.freeze_at = freeze_at
        self.inside = False

    def freeze_waits(self) -> bool:
        assert self.inside
        return self.freeze_at is not None and asyncio.get_running_loop().time() >= self.freeze_at

    @contextlib.asynccontextmanager
    async def undisturbed(self) -> AsyncIterator[Callable[[], bool]]:
        self.inside = True
        try:
            yield self.freeze_waits
        finally:
            self.inside = False


class Goal:
    """A goal that begins so long after its gate was opened."""

    def __init__(self, log: Log, secs: float) -> None:
        self._log = log
        self._secs = secs
        self.struck: list[float] = []
        self.opened = False
        self.started: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def go(self) -> None:
        assert self._log.inside
        self.opened = True
        loop = asyncio.get_running_loop()
        loop.call_later(self._secs, lambda: self.started.done() or self.started.set_result(None))

    def strike(self) -> None:
        assert self._log.inside, "before the freeze is in the log"
        self.struck.append(asyncio.get_running_loop().time())


def gate(log: Any, may_begin: bool = True) -> StartGate[ChildIntend]:
    def asked(intend: ChildIntend) -> bool:
        assert log.inside, "else a freeze may come between the answer and the start"
        assert intend is INTEND
        return may_begin

    return StartGate(log, asked)


def meet(starts: float, freeze_at: float | None, may_begin: bool = True) -> tuple[bool, Goal, float]:
    """Whether the goal went through, the goal, and when the gate was done."""

    async def story() -> tuple[bool, Goal, float]:
        log = Log(freeze_at)
        goal = Goal(log, starts)
        through = await gate(log, may_begin).let_through(INTEND, goal)
        assert not log.inside
        return through, goal, asyncio.get_running_loop().time()

    return virtual.run(story())


@pytest.fixture
def exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """Times that add up without rounding."""
    monkeypatch.setattr(starting, "START_SECS", 0.5)
    monkeypatch.setattr(starting, "_LOOK_SECS", 0.125)


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize(
    ("starts", "freeze_at", "through", "struck", "done"),
    [
        (0.0, None, True, [], 0.0),
        (90.0, None, True, [], 90.0),
        (0.25, 0.0, True, [], 0.25),
        (0.5, 0.0, True, [], 0.5),
        (90.0, 0.0, False, [0.5], 0.5),
        (90.0, 0.5, False, [0.5], 0.5),
        (90.0, 2.0, False, [2.0], 2.0),
        (90.0, 2.0625, False, [2.125], 2.125),
        (2.0625, 2.03125, True, [], 2.0625),
    ],
)
def test_a_goal_and_a_freeze(
    starts: float, freeze_at: float | None, through: bool, struck: list[float], done: float
) -> None:
    """Who has begun stays; who keeps a freeze waiting after its time is killed at the next look."""
    answer, goal, at = meet(starts, freeze_at)
    assert goal.opened
    assert (answer, goal.struck, at) == (through, struck, done)


def test_a_freeze_waits_for_50_ms() -> None:
    for freeze_at in (0.0, 0.04):
        through, goal, _ = meet(90.0, freeze_at)
        assert not through
        assert 0.05 <= goal.struck[0] < 0.06


def test_a_gate_that_stays_shut() -> None:
    through, goal, _ = meet(0.0, None, may_begin=False)
    assert (through, goal.opened, goal.struck) == (False, False, [])


@pytest.mark.parametrize(("begun", "struck"), [(False, [1.0]), (True, [])])
def test_who_gives_a_start_up_kills_what_has_not_begun(begun: bool, struck: list[float]) -> None:
    async def story() -> None:
        log = Log(None)
        goal = Goal(log, 90.0)
        starting_ = asyncio.ensure_future(gate(log).let_through(INTEND, goal))
        await asyncio.sleep(1.0)
        if begun:
            goal.started.set_result(None)
        starting_.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting_
        assert goal.struck == struck
        assert not log.inside

    virtual.run(story())
