"""`/` in a replay: finds a record among all of the thread, wherever one has looked already."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from syncropel.client import Call
from syncropel.errors import RemoteError
from syncropel.record.model import Record
from syncropel.wire import ThreadSummary
from tests.tui import console_sample as sample
from tests.tui.console_page import Console, console
from tests.tui.console_snapshots import Pictured
from tests.tui.sample_threads import THREAD, ThreadClient, fan_out, summary, talk
from tui.connection.finding import PAGE
from tui.screens.replay import ReplayScreen
from tui.widgets.filter_bar import FilterBar


class Slow(ThreadClient):
    """Answers when it is let."""

    def __init__(self, listed: list[ThreadSummary]) -> None:
        super().__init__(listed)
        self.let = asyncio.Event()
        self.let.set()

    async def send(self, call: Call[Any]) -> Any:
        await self.let.wait()
        return await super().send(call)


def client_of(records: list[Record]) -> Slow:
    client = Slow([summary(THREAD, len(records))])
    client.hold(THREAD, records)
    client.tasks(sample.tasks())
    client.join(sample.join())
    client.explain(sample.why(sample.join()))
    return client


@asynccontextmanager
async def replaying(client: ThreadClient, size: tuple[int, int] = (120, 40)) -> AsyncIterator[Console]:
    async with console(size, sample.status(), client, screen="threads") as page:
        await page.press("enter")
        yield page


def position(page: Console) -> int:
    assert isinstance(page.app.screen, ReplayScreen)
    return page.app.screen.reader.position


async def find(page: Console, words: str) -> None:
    await page.press("slash", *("space" if char == " " else char for char in words), "enter")


def told(page: Console) -> list[str]:
    return [one.message for one in page.app._notifications]


@pytest.mark.usefixtures("utc")
async def test_on_and_back_from_one_to_the_next(picture: Callable[[Pictured], None]) -> None:
    async with replaying(client_of(fan_out())) as page:
        await page.press("home")
        await find(page, "topic:fanout_child_done")
        assert position(page) == 6
        for key, then in (("n", 7), ("n", 8), ("n", 8), ("N", 7), ("N", 6), ("N", 6)):
            before = position(page)
            await page.press(key)
            assert position(page) == then
            if then == before:  # looked at now: on a busy machine it is gone before the next key
                way = "after" if key == "n" else "before"
                assert told(page)[-1] == f"no record {way} this one has “topic:fanout_child_done”"
        assert len(page.rows("records")) == 9, "nothing is hidden"
        page.app.clear_notifications()
        await page.settle()
        picture(page)


@pytest.mark.parametrize(
    ("words", "found"),
    [("status:approved", 9), ("act:INTEND !act:DO", 2), ("chapter actor:worker-b", 7), ("id:nothing", 1)],
)
async def test_by_the_words_of_a_filter(words: str, found: int) -> None:
    async with replaying(client_of(fan_out())) as page:
        await page.press("home")
        await find(page, words)
        assert position(page) == found


async def test_what_was_altered_is_trouble() -> None:
    client = client_of(fan_out())
    client.altered = {4}
    async with replaying(client) as page:
        await page.press("home")
        await find(page, "is:trouble")
        assert position(page) == 4


@pytest.mark.parametrize(("start", "key", "there"), [("home", "n", 1_601), ("end", "N", 1_601)])
async def test_far_from_where_one_has_looked(start: str, key: str, there: int) -> None:
    client = client_of(talk(4_000))
    async with replaying(client) as page:
        await find(page, '"remark 1600"')
        assert position(page) == there, "behind the end there is none: it looks back"
        await page.press(start)
        client.pages.clear()
        await page.press(key)
        assert position(page) == there
        assert len(client.pages) < 2_400 // PAGE + 10
        await page.passes(1)
        assert "remark 1600" in page.drawn


async def test_it_says_how_far_it_has_come_and_another_movement_breaks_it_off() -> None:
    client = client_of(talk(1_000))
    async with replaying(client) as page:
        await page.press("home")
        await page.press("slash", *"nowhere")
        client.let.clear()
        await page.press("enter")
        assert " · looking for “nowhere” at 1" in page.drawn
        await page.press("right")
        client.let.set()
        await page.settle()
        assert position(page) == 2
        assert "looking for" not in page.drawn
        assert told(page) == []


async def test_without_words_it_says_what_takes_them() -> None:
    async with replaying(client_of(fan_out())) as page:
        await page.press("n")
        assert told(page) == ["there is no search yet: / starts one"]


async def test_the_join_beside_it_is_not_filtered() -> None:
    async with replaying(client_of(fan_out())) as page:
        await page.press("left", "v")
        await page.passes(1)
        before = page.rows("subtasks")
        await find(page, "nowhere")
        assert page.rows("subtasks") == before != []


async def test_esc_gives_the_words_up_first() -> None:
    async with replaying(client_of(fan_out())) as page:
        await find(page, "INTEND")
        await page.press("escape")
        assert isinstance(page.app.screen, ReplayScreen)
        assert not page.app.screen.query_one(FilterBar).display
        await page.press("escape")
        assert not isinstance(page.app.screen, ReplayScreen)


async def test_a_daemon_that_cannot_say_is_told_of() -> None:
    client = client_of(fan_out())
    async with replaying(client) as page:
        await page.press("home")
        await page.press("slash", *"approved")
        client.refuse = RemoteError(500, "internal", "INTERNAL", "the store is gone", "")
        await page.press("enter")
        assert position(page) == 1
        assert "cannot be looked for: the store is gone" in told(page)


async def test_what_is_looked_for_stands_out_in_the_records() -> None:
    async with replaying(client_of(fan_out())) as page:
        await page.filter("/inten[dt]/")
        table = page.table("records")
        lines = [table.render_line(y) for y in range(2, table.size.height)]
        bright = [one.text for line in lines for one in line if one.style and one.style.underline]
        assert set(bright) == {"INTEND"}
