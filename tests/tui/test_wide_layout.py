"""A wide terminal: the rows have more than a usual one has, and beside them stands what is known of one."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from syncropel.wire import JoinStatus
from tests.tui import console_sample as sample
from tests.tui import sample_feed, sample_threads
from tests.tui.console_fakes import FakeClient
from tests.tui.console_page import Console, console
from tests.tui.console_snapshots import Pictured, unpictured
from tests.tui.sample_policy import PolicyClient
from tests.tui.sample_threads import ThreadClient
from tui.model import facts
from tui.model.glyphs import ASCII
from tui.model.layout import SIDE_BY_SIDE
from tui.model.moment import Moment
from tui.model.world import World
from tui.widgets.detail_pane import DetailPane
from tui.widgets.lines import Lines
from tui.widgets.split_pane import SplitPane
from tui.widgets.table import Table

WIDE = (200, 50)
NOW = Moment(sample.AT, sample.AT)


def client_of(join: JoinStatus, crowd: bool = False) -> FakeClient:
    client = FakeClient()
    more = [sample.task(n) for n in range(100, 1099)] if crowd else []
    client.tasks([sample.task(), *more] if crowd else sample.tasks())
    client.join(join)
    client.explain(sample.why(join))
    client.explain(sample.why_open())
    return client


@asynccontextmanager
async def opened(
    screen: str, join: JoinStatus | None = None, size: tuple[int, int] = WIDE, crowd: bool = False
) -> AsyncIterator[Console]:
    client = client_of(join or sample.join(), crowd)
    status = sample.crowd(1000) if crowd else sample.status()
    async with console(size, status, client, screen=screen) as page:
        yield page


@pytest.mark.parametrize("screen", ["tasks", "fleet", "threads"])
async def test_a_wide_terminal_shows_no_fewer_columns_than_a_usual_one(screen: str) -> None:
    async with opened(screen, size=(120, 40)) as page:
        tables = [str(one.id) for one in page.app.screen.query(Table)]
        usual = {one: page.table(one).shown_columns for one in tables}
        await page.resize(WIDE)
        wide = {one: page.table(one).shown_columns for one in tables}
        assert all(set(usual[one]) <= set(wide[one]) for one in tables)
        if screen != "threads":
            assert sum(map(len, wide.values())) > sum(map(len, usual.values()))


def is_wide(page: Console) -> bool:
    return page.app.screen.query_one(SplitPane).is_wide


TASK = ("TASKS 4", "SUBTASKS 5", "namespace   docs/v0.11", "labels      release")
BESIDE_TASKS = [
    pytest.param(sample.join(), (), TASK, True, id="task"),
    pytest.param(sample.join(), ("tab", "down", "down"), ("DOCS-11 [2]", "waits for", "timeout"), False,
                 id="subtask", marks=unpictured),
    pytest.param(sample.failed_join(), ("tab", "down"), ("✗ all = false", "summary     exit status 3"), True,
                 id="failed"),
    pytest.param(sample.nested(), ("tab",), ("PART-7  1/3 Draw", "DOCS-11 [0]"), False,
                 id="nested", marks=unpictured),
]  # fmt: skip


@pytest.mark.parametrize(("join", "keys", "words", "pictured"), BESIDE_TASKS)
async def test_what_is_known_stands_beside_list_and_join(
    join: JoinStatus,
    keys: tuple[str, ...],
    words: tuple[str, ...],
    pictured: bool,
    picture: Callable[[Pictured], None],
) -> None:
    async with opened("tasks", join) as page:
        await page.press(*keys)
        table, tree = page.table("tasks"), page.table("subtasks")
        about = page.app.screen.query_one(DetailPane)
        assert table.region.bottom <= tree.region.y, "the join below the list"
        assert max(table.region.right, tree.region.right) <= about.region.x, "details beside both"
        assert table.region.width > 120, "more than a usual terminal has"
        for expected in words:
            assert expected in page.drawn
        if pictured:
            picture(page)


async def test_many_tasks_and_a_long_tree(picture: Callable[[Pictured], None]) -> None:
    async with opened("tasks", sample.folded(), crowd=True) as page:
        await page.press("tab", "end", "enter", "tab")
        assert "TASKS 1000" in page.drawn
        about = page.app.screen.query_one(DetailPane)
        assert about.size.height >= 40, "it has the whole height"
        picture(page)


BESIDE_FLEET = [
    pytest.param((), ("coordinator ─", "did:sync:instance:", "store       2.4MB"), True, id="instance"),
    pytest.param(("tab",), ("DOCS-11 [0] ─", "and check its links"), False, id="running", marks=unpictured),
    pytest.param(("tab", "tab", "down"), ("SITE-4 ─", "cannot be accepted"), True, id="fan-out"),
]


@pytest.mark.parametrize(("keys", "words", "pictured"), BESIDE_FLEET)
async def test_what_the_fleet_screen_tells_follows_the_cursor(
    keys: tuple[str, ...], words: tuple[str, ...], pictured: bool, picture: Callable[[Pictured], None]
) -> None:
    async with opened("fleet") as page:
        await page.press(*keys)
        for expected in words:
            assert expected in page.drawn
        if pictured:
            picture(page)


async def test_more_room_or_less_lays_it_out_anew() -> None:
    async with opened("tasks") as page:
        assert is_wide(page)
        await page.resize((SIDE_BY_SIDE - 1, 50))
        assert not is_wide(page)
        assert page.table("tasks").region.bottom <= page.table("subtasks").region.y, "one below the other"
        about = page.app.screen.query_one(DetailPane)
        assert about.region.y >= page.table("subtasks").region.bottom, "and what is known below both"
        await page.resize((SIDE_BY_SIDE, 50))
        assert is_wide(page)
        assert "namespace   docs" in page.drawn


@pytest.mark.usefixtures("utc")
async def test_what_stands_beside_the_feed_is_the_chosen_line_in_full() -> None:
    client = sample_feed.FeedClient()
    async with console(WIDE, sample.status(), client, screen="feed") as page:
        client.tell_record(sample_feed.record(9))
        await page.settle()
        await page.passes(0.25)
        assert '"topic"' in page.drawn
        await page.resize((120, 40))
        assert '"topic"' not in page.drawn, "there `enter` shows it"


def flat(lines: Lines) -> str:
    """Text that was wrapped, also at hyphens, without its blanks."""
    return re.sub(r"\s+", "", lines.text)


async def test_what_stands_beside_a_rule_is_its_command() -> None:
    async with console(WIDE, sample.status(), PolicyClient(), screen="policy") as page:
        about = page.app.screen.query_one(DetailPane).query_one(Lines)
        assert "splconfigadd-permission-rulefreeze-emergency" in flat(about)
        await page.press("down")
        assert "splconfigadd-permission-rulefreeze-soft" in flat(about)


async def test_what_may_be_true_no_more_is_dimmed(picture: Callable[[Pictured], None]) -> None:
    async with opened("tasks") as page:
        await page.press("tab")
        lines = page.app.screen.query_one(DetailPane).query_one(Lines)
        assert "good" in {span.tone for line in lines._lines for span in line}
        await page.down()
        assert {span.tone for line in lines._lines for span in line} == {"strong", "muted"}
        picture(page)


async def test_what_is_too_long_is_left_to_enter() -> None:
    long = sample.join(subtasks=[sample.child(0, summary="\n".join(f"line {n}" for n in range(200)))])
    async with opened("tasks", long) as page:
        await page.press("tab")
        assert "line 3" in page.drawn
        assert "line 199" not in page.drawn
        assert "… enter shows the rest" in page.drawn


def test_nothing_is_told_of_what_is_gone() -> None:
    status, world = sample.status(), World()
    assert facts.dispatch_facts(status, "th_nowhere/0", NOW, ASCII) == []
    assert facts.fanout_facts(status, "th_nowhere", NOW, ASCII) == []
    assert facts.subtask_facts(world, sample.THREAD, 0, NOW, ASCII) == []


@pytest.mark.usefixtures("utc")
async def test_what_stands_beside_a_thread_are_its_last_records(picture: Callable[[Pictured], None]) -> None:
    client = ThreadClient(sample_threads.some())
    client.hold(sample_threads.THREAD, sample_threads.fan_out())
    client.hold(sample_threads.OTHER, sample_threads.fan_out(sample_threads.OTHER, "SITE-4", "failed"))
    client.tasks(sample.tasks())
    async with console(WIDE, sample.status(), client, screen="threads") as page:
        await page.passes(5)
        assert "→ approved" in page.drawn
        read = list(client.pages)
        await page.press("down")
        await page.passes(1)
        assert "→ blocked" in page.drawn
        assert len(client.pages) == len(read) + 1
        await page.passes(5)
        assert len(client.pages) == len(read) + 1, "what stands still is not read again"
        picture(page)


async def test_of_a_long_thread_only_the_end_is_read_and_nothing_where_there_is_no_room() -> None:
    others = [sample_threads.summary(f"th_{n:064x}", 3, n) for n in range(1, 40)]
    client = ThreadClient([sample_threads.summary(sample_threads.THREAD, 500), *others])
    client.hold(sample_threads.THREAD, sample_threads.talk(500))
    client.tasks(sample.tasks())
    async with console((120, 40), sample.status(), client, screen="threads") as page:
        await page.passes(5)
        assert client.pages == []
        await page.resize(WIDE)
        await page.passes(1)
        assert client.pages == [(sample_threads.THREAD, 470)]
