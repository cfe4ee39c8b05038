"""Asking again is coalesced, spaced and never overlapping."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from syncropel.errors import DaemonUnreachable, SyncropelError
from tests.tui.console_fakes import Clock
from tui.connection.coalescing_poller import CoalescingPoller


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_many_asks_are_one_fetch_and_the_next_waits() -> None:
    clock, fetched = Clock(), []

    async def fetch() -> None:
        fetched.append(clock())

    poller = CoalescingPoller(fetch, lambda error: None, sleep=clock.sleep)
    task = asyncio.create_task(poller.run())
    for _ in range(10):
        poller.ask()
    await settle()
    poller.ask()
    await settle()
    assert fetched == [1000.0]
    clock.advance(0.5)
    await settle()
    assert fetched == [1000.0, 1000.5]
    clock.advance(60)
    await settle()
    assert len(fetched) == 2, "nobody asked"
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_a_failure_is_told_and_tried_again_ever_more_slowly() -> None:
    clock, errors = Clock(), []

    async def fetch() -> None:
        raise DaemonUnreachable("HTTP 500", "wait")

    def told(error: SyncropelError) -> None:
        errors.append(error.message)

    poller = CoalescingPoller(fetch, told, sleep=clock.sleep, jitter=lambda: 1.0)
    task = asyncio.create_task(poller.run())
    poller.ask()
    for _ in range(6):
        await settle()
        clock.advance(5)
    assert clock.slept == [1.0, 2.0, 4.0, 5.0, 5.0, 5.0]
    assert len(errors) == 6
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_an_unforeseen_error_does_not_end_it() -> None:
    clock, errors, answers = Clock(), [], iter([RuntimeError("odd"), None])

    async def fetch() -> None:
        if (error := next(answers)) is not None:
            raise error
        errors.append("read")

    poller = CoalescingPoller(fetch, lambda error: errors.append(error.message), sleep=clock.sleep)
    task = asyncio.create_task(poller.run())
    poller.ask()
    for _ in range(2):
        await settle()
        clock.advance(5)
    assert errors == ["unexpected: RuntimeError: odd", "read"]
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_what_was_asked_for_when_it_was_cancelled_is_fetched_by_the_next_run() -> None:
    clock, begun, go_on = Clock(), 0, asyncio.Event()

    async def fetch() -> None:
        nonlocal begun
        begun += 1
        await go_on.wait()

    poller = CoalescingPoller(fetch, lambda error: None, sleep=clock.sleep)
    poller.ask()
    for _ in range(2):
        task = asyncio.create_task(poller.run())
        await settle()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    assert begun == 2, "nobody has the answer yet"
