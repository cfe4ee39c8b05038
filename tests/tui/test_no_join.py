"""A thread that is no task has no join: nobody is told of a trouble that is none."""

from __future__ import annotations

import pytest

from syncropel.errors import RemoteError
from tests.tui import console_sample as sample
from tests.tui import sample_threads
from tests.tui.console_page import console
from tests.tui.sample_threads import ThreadClient
from tui.model.world import World

CONTROL = "th_fleet_control"
PATH = f"/v1/tasks/{CONTROL}/join"


@pytest.mark.parametrize("status", [404, 409])
async def test_the_replay_of_the_freezes_is_no_trouble(status: int) -> None:
    client = ThreadClient([sample_threads.summary(CONTROL, 3)])
    client.hold(CONTROL, sample_threads.talk(3, CONTROL))
    client.tasks(sample.tasks())
    client.answers[PATH] = RemoteError(
        status, "t", "T", f"no task '{CONTROL}'", "see the tasks: spl task list"
    )
    async with console(status=sample.status(), client=client, screen="threads") as page:
        await page.passes(5)
        await page.press("enter")
        await page.passes(1)
        assert client.asked[PATH] == 1
        assert "RECORDS 3" in page.drawn
        assert "could not be read" not in page.drawn
        await page.passes(10)
        assert client.asked[PATH] == 1, "what is not there is not asked for again"


def test_what_the_daemon_said_holds_until_it_is_known_better() -> None:
    world = World().choose(sample.THREAD)
    assert world.has_fan_out(sample.THREAD), "nothing is known yet: ask"
    world = world.joined(None)
    assert not world.has_fan_out(sample.THREAD)
    assert world.listed([sample.task()]).has_fan_out(sample.THREAD), "it was fanned out after all"
    assert world.choose("th_other").choose(sample.THREAD).has_fan_out(sample.THREAD), "asked anew"
