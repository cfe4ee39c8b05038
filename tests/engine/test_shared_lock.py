"""The shared_lock: who wants to be alone waits for those inside, and those who come later wait for them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from syncropel.engine.ingest.shared_lock import SharedLock


async def turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


class Visitors:
    """Those who want to go through, by name, and who is inside."""

    def __init__(self) -> None:
        self.shared_lock = SharedLock()
        self.inside: set[str] = set()
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def come(self, name: str, alone: bool = False) -> None:
        """Come, and go as far as possible."""
        enter = self.shared_lock.alone if alone else self.shared_lock.enter
        self._tasks[name] = asyncio.ensure_future(self._through(name, enter))
        await turns()

    async def _through(self, name: str, enter: Callable[[], Awaitable[None]]) -> None:
        await enter()
        self.inside.add(name)

    async def go(self, name: str, alone: bool = False) -> None:
        """Leave."""
        self.inside.remove(name)
        (self.shared_lock.leave_alone if alone else self.shared_lock.leave)()
        await turns()

    async def give_up(self, name: str) -> None:
        self._tasks[name].cancel()
        with pytest.raises(asyncio.CancelledError):
            await self._tasks[name]
        await turns()


@pytest.fixture
def visitors() -> Visitors:
    return Visitors()


async def test_ordinary_visitors_pass_together(visitors: Visitors) -> None:
    for name in "abc":
        await visitors.come(name)
        assert not visitors.shared_lock.wanted
    assert visitors.inside == {*"abc"}


async def test_who_wants_to_be_alone_waits_until_all_have_left_and_holds_up_the_rest(
    visitors: Visitors,
) -> None:
    await visitors.come("a")
    await visitors.come("b")
    await visitors.come("freeze", alone=True)
    assert visitors.shared_lock.wanted
    await visitors.come("late")
    await visitors.go("a")
    assert visitors.inside == {"b"}
    await visitors.go("b")
    assert visitors.inside == {"freeze"}
    assert visitors.shared_lock.wanted
    await visitors.come("later")
    assert visitors.inside == {"freeze"}
    await visitors.go("freeze", alone=True)
    assert visitors.inside == {"late", "later"}
    assert not visitors.shared_lock.wanted


async def test_an_empty_place_is_entered_alone_at_once(visitors: Visitors) -> None:
    for name in ("one", "two"):
        await visitors.come(name, alone=True)
        assert visitors.inside == {name}
        await visitors.go(name, alone=True)
    await visitors.come("a")
    assert visitors.inside == {"a"}


async def test_two_who_want_to_be_alone_never_meet(visitors: Visitors) -> None:
    await visitors.come("a")
    await visitors.come("one", alone=True)
    await visitors.come("two", alone=True)
    await visitors.go("a")
    assert visitors.inside == {"one"}
    await visitors.go("one", alone=True)
    assert visitors.inside == {"two"}
    await visitors.go("two", alone=True)
    assert visitors.inside == set()


async def test_who_gives_up_wanting_to_be_alone_lets_the_others_in(visitors: Visitors) -> None:
    await visitors.come("a")
    await visitors.come("freeze", alone=True)
    await visitors.come("late")
    await visitors.give_up("freeze")
    assert visitors.inside == {"a", "late"}
    assert not visitors.shared_lock.wanted
    await visitors.go("late")
    await visitors.go("a")
    await visitors.come("again", alone=True)
    assert visitors.inside == {"again"}


async def test_who_gives_up_waiting_is_not_waited_for(visitors: Visitors) -> None:
    await visitors.come("freeze", alone=True)
    await visitors.come("gone")
    await visitors.come("late")
    await visitors.give_up("gone")
    await visitors.go("freeze", alone=True)
    assert visitors.inside == {"late"}
    await visitors.come("next", alone=True)
    await visitors.go("late")
    assert visitors.inside == {"next"}


async def test_the_last_to_leave_may_do_so_after_somebody_gave_up(visitors: Visitors) -> None:
    await visitors.come("a")
    await visitors.come("freeze", alone=True)
    visitors._tasks["freeze"].cancel()
    visitors.inside.remove("a")
    visitors.shared_lock.leave()  # before the one who gave up has heard of it
    await turns()
    assert not visitors.shared_lock.wanted
    await visitors.come("b")
    assert visitors.inside == {"b"}
