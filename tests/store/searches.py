"""How tests search a store: with all the time in the world or with hardly any, in windows of few records."""

from __future__ import annotations

import time
from itertools import count

import pytest

from syncropel.store import memory
from syncropel.store.pace import Pace
from syncropel.store.postgres import walking as postgres_walking
from syncropel.store.query import searching
from syncropel.store.sqlite import walking

LOOK_SECS = 0.03
"""Seconds that pass at each look of a hasty search at its clock: about three records a stretch."""


async def everybody(thread: str) -> bool:
    return True


def _never() -> bool:
    return False


def at_leisure() -> Pace:
    return Pace(time.monotonic, time.monotonic() + 60, _never)


def hasty(looks: int) -> Pace:
    """A pace by which time is up after a few looks at the clock; a stretch of a walk takes some of them."""
    ticks = count()
    return Pace(lambda: next(ticks) * LOOK_SECS, looks * LOOK_SECS, _never)


@pytest.fixture(autouse=True)
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a log of a few records has several."""
    monkeypatch.setattr(walking, "WINDOW", 4)
    monkeypatch.setattr(postgres_walking, "WINDOW", 4)
    monkeypatch.setattr(walking, "_THREAD_WINDOW", 3)
    monkeypatch.setattr(walking, "_AT_ONCE", 2)
    monkeypatch.setattr(searching, "_AT_ONCE", 2)
    monkeypatch.setattr(memory, "_WINDOW", 4)
