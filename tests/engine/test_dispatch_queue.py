"""What waits for a slot, since when, and how many goals were begun."""

from __future__ import annotations

import asyncio

from tests.engine.workshop import SECS, Workshop, in_workshop


def test_what_may_not_start_was_not_begun_and_waits_on() -> None:
    async def story(workshop: Workshop) -> None:
        workshop.allowed = False
        await workshop.give("one")
        began = workshop.ingest._runtime.monotonic()
        await asyncio.sleep(30)
        dispatcher = workshop.dispatcher
        assert (dispatcher.total, dispatcher.running) == (0, 0)
        assert list(dispatcher.waiting()) == [("th_one", began)]
        workshop.allowed = True
        await asyncio.sleep(SECS + 5)
        assert (dispatcher.total, list(dispatcher.waiting())) == (1, [])
        assert workshop.result("one")["verdict"] == "accept"

    in_workshop(story)


def test_what_runs_does_not_wait_whatever_is_said_of_it() -> None:
    async def story(workshop: Workshop) -> None:
        await workshop.give("one")
        await asyncio.sleep(1)
        workshop.dispatcher._consider(workshop.child("one"))
        assert (workshop.dispatcher.running, list(workshop.dispatcher.waiting())) == (1, [])
        await asyncio.sleep(SECS)
        assert workshop.crew.begun == ["one#1"]

    in_workshop(story)
