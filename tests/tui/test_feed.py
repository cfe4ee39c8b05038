"""The feed: follows, pauses, tells every hole, is quiet while nobody looks, and bounded."""

from __future__ import annotations

import json
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from rich.cells import cell_len
from textual.events import MouseScrollUp

from syncropel.client import Event
from syncropel.errors import DaemonUnreachable, RemoteError
from tests.tui import console_sample as sample
from tests.tui import sample_feed
from tests.tui.console_fakes import FakeClient
from tests.tui.console_page import Console, console
from tests.tui.sample_feed import LOG, RECORDS, FeedClient, log_line, record
from tui.connection.stream_follower import BACKLOG
from tui.model.feed import CAP, Feed, FeedLine, feed_row, gist, of_log, of_notice, of_record
from tui.model.feed_facts import facts_of, laid_out
from tui.model.notices import Notice
from tui.screens.feed import FeedScreen

ALL = [f"record:{n:064x}" for n in (1, 3, 5, 7, 9, 11)]


def opened(client: FakeClient, **how: Any) -> AbstractAsyncContextManager[Console]:
    return console((120, 30), sample.status(), client, screen="feed", **how)


@pytest.fixture
def client() -> FeedClient:
    client = FeedClient(*sample_feed.some())
    client.tasks(sample.tasks())
    client.join(sample.join())
    return client


async def comes(page: Console, *lines: object) -> None:
    """They come, and the time until the next drawing passes."""
    assert isinstance(page.client, FeedClient)
    for one in lines:
        page.client.tell_record(one) if hasattr(one, "act") else page.client.tell_log(one)  # type: ignore[arg-type]
    await page.settle()
    await page.passes(0.25)


def state(page: Console) -> str:
    return page.part("feed-state")


async def test_records_and_log_lines_stand_in_the_order_of_their_time(client: FeedClient) -> None:
    async with opened(client) as page:
        kinds = [row.cells["kind"].text for row in page.table("feed")._rows]
        assert kinds == ["INFO", "INTEND", "DO", "WARN", "KNOW", "KNOW", "ERROR", "LEARN", "DEBUG", "DO"]
        assert page.table("feed").chosen == ALL[-1]
        assert "following" in state(page)
        assert (RECORDS, "0") in client.watched
        assert (LOG, str(sample_feed.FIRST_LOG)) in client.watched


async def test_only_the_newest_of_a_long_log_are_asked_for(client: FeedClient) -> None:
    client.total(100_000)
    async with opened(client):
        assert (RECORDS, str(100_000 - BACKLOG)) in client.watched


async def test_to_look_back_pauses_and_tells_how_many_are_new(client: FeedClient) -> None:
    async with opened(client) as page:
        await page.press("up")
        kept = page.rows("feed")
        await comes(page, record(12), record(13), log_line(14))
        assert "paused · 3 new · f follows" in state(page)
        assert (page.rows("feed"), page.table("feed").chosen) == (kept, "log:" + str(log_line(10).sequence))
        await page.press("f")
        assert "following" in state(page)
        assert len(page.rows("feed")) == len(kept) + 3
        assert page.table("feed").chosen == page.rows("feed")[-1]


async def test_the_end_follows_again(client: FeedClient) -> None:
    async with opened(client) as page:
        await page.press("home")
        await comes(page, record(12))
        assert "paused · 1 new" in state(page)
        await page.press("end")
        assert "following" in state(page)
        assert page.table("feed").chosen == f"record:{12:064x}"


async def test_the_wheel_pauses_too(client: FeedClient) -> None:
    for number in range(100, 160):
        client.tell_record(record(number))
    async with opened(client) as page:
        table = page.table("feed")
        bottom = table.scroll_y
        await page.pilot._post_mouse_events([MouseScrollUp], "#feed")
        await page.settle()
        await comes(page, record(200))
        assert "paused · 1 new" in state(page)
        assert table.scroll_y < bottom


async def test_a_line_opens_in_full_and_its_id_is_copied(client: FeedClient) -> None:
    client.tell_record(record(12, body={"deep": {"list": list(range(40))}}, judged_by="b" * 64))
    async with opened(client) as page:
        await page.press("y")
        assert page.app.clipboard == f"{12:064x}"
        await page.press("enter")
        facts = page.part("facts")
        for told in (f"{12:064x}", "b" * 64, '"deep": {', "39", "spl records show"):
            assert told in facts
        await page.press("y")
        assert page.app.clipboard == f"{12:064x}"
        await page.press("escape")
        assert "paused" in state(page), "where the line was, it stays"


async def test_a_log_line_opens_with_its_traceback_and_no_escapes(
    client: FeedClient,
) -> None:
    async with opened(client) as page:
        await page.filter("level:error")
        await page.press("enter")
        facts = page.part("facts")
        assert "ValueError: the reason" in facts
        assert "syncropel.api" in facts
        assert "\x1b" not in facts


async def test_the_source_goes_round(client: FeedClient) -> None:
    async with opened(client) as page:
        await page.press("o")
        assert "records only" in state(page)
        assert page.rows("feed") == ALL
        await page.press("o")
        assert "log only" in state(page)
        assert len(page.rows("feed")) == 4
        await page.press("o")
        assert len(page.rows("feed")) == 10


async def test_the_filter_is_the_one_of_all_screens(client: FeedClient) -> None:
    async with opened(client) as page:
        await page.filter("act:know !failed")
        assert page.rows("feed") == [ALL[2]]
        await comes(page, record(20, act="KNOW", body={"verdict": "accept"}), record(21, act="DO"))
        assert page.rows("feed") == [ALL[2], f"record:{20:064x}"]
        await page.press("escape")
        assert len(page.rows("feed")) == 12


@pytest.mark.parametrize(("key", "crumb"), [(ALL[0], "DOCS-11"), (ALL[5], "music.library")])
async def test_a_thread_is_gone_to(client: FeedClient, key: str, crumb: str) -> None:
    async with opened(client) as page:
        page.table("feed").select(key)
        await page.settle()
        await page.press("t")
        assert page.part("header").split("  ")[0].endswith(crumb)


async def test_a_line_without_a_thread_says_so(client: FeedClient) -> None:
    async with opened(client) as page:
        page.table("feed").select("log:" + str(log_line(10).sequence))
        await page.settle()
        await page.press("t")
        assert isinstance(page.app.screen, FeedScreen)
        assert any("about no thread" in one.message for one in page.app._notifications)


# streams


async def test_a_lagged_stream_is_told_and_goes_on_from_its_cursor(client: FeedClient) -> None:
    async with opened(client) as page:
        client.tell(RECORDS, Event("error", {"code": "lagged", "message": "too slow"}))
        await page.settle()
        await page.passes(0.25)
        assert "too slow: records again from #11" in page.table("feed").text()
        await page.passes(0.5)
        assert client.watched[-1] == (RECORDS, "11")
        await comes(page, record(11), record(12))
        assert page.rows("feed").count(ALL[5]) == 1, "nothing twice"


async def test_a_gap_of_the_log_is_told(client: FeedClient) -> None:
    async with opened(client) as page:
        client.tell(LOG, Event("log.gap", {"missed": 37}))
        await page.settle()
        await page.passes(0.25)
        assert "GAP" in page.table("feed").text()
        assert "37 log lines missed" in page.table("feed").text()


async def test_what_is_no_record_is_told_and_ends_nothing(client: FeedClient) -> None:
    async with opened(client) as page:
        for data in ({"record": {"id": 3}}, "nonsense", {}, None):
            client.tell(RECORDS, Event("record.created", data))
        await comes(page, record(12))
        text = page.table("feed").text()
        assert text.count("something else than records came") == 4
        assert page.rows("feed")[-1] == f"record:{12:064x}" or f"record:{12:064x}" in page.rows("feed")


async def test_it_is_quiet_while_nobody_looks_and_catches_up(client: FeedClient) -> None:
    async with opened(client) as page:
        assert sorted(client.open) == [LOG, RECORDS]
        await page.press("1")
        assert client.open == []
        client.total(13)
        await page.press("4")
        assert client.watched[-2:] == [(RECORDS, "11"), (LOG, str(sample_feed.FIRST_LOG))]
        await comes(page, record(12), record(13))
        assert page.rows("feed")[-1] == f"record:{13:064x}"


async def test_a_long_absence_is_not_replayed_but_told(client: FeedClient) -> None:
    async with opened(client) as page:
        await page.press("2")
        client.total(50_011)
        await page.press("4")
        await page.passes(0.25)
        assert (RECORDS, str(50_011 - BACKLOG)) in client.watched
        told = f"{50_000 - BACKLOG} not shown: spl records list --since 11"
        assert told in page.table("feed").text()


@pytest.mark.parametrize(
    ("path", "words"), [(LOG, "log cannot be followed"), (RECORDS, "records cannot be followed")]
)
async def test_one_stream_in_trouble_is_told_and_leaves_the_other_alone(
    client: FeedClient, path: str, words: str
) -> None:
    client.refused[path] = RemoteError(
        403, "t", "FORBIDDEN", "sa-1 lacks the scope config:read", "it has: none"
    )
    async with opened(client) as page:
        assert words in state(page)
        assert "lacks the scope config:read → it has: none" in state(page)
        await comes(page, record(12) if path == LOG else log_line(30))
        del client.refused[path]
        await page.passes(5)
        await page.passes(0.25)
        assert "cannot be followed" not in state(page)


async def test_a_broken_stream_is_opened_again(client: FeedClient) -> None:
    async with opened(client) as page:
        client.tell(RECORDS, DaemonUnreachable("the connection broke", "try again"))
        await page.settle()
        await page.passes(0.25)
        assert "records cannot be followed: the connection broke" in state(page)
        await page.passes(1)
        await comes(page, record(12))
        assert "cannot be followed" not in state(page)
        assert page.table("feed").chosen == f"record:{12:064x}"


async def test_a_thousand_records_are_a_few_drawings(client: FeedClient) -> None:
    async with opened(client) as page:
        screen = page.app.screen
        assert isinstance(screen, FeedScreen)
        await page.passes(0.25)
        drawn: list[int] = []
        shown = screen.fill
        screen.fill = lambda now: (drawn.append(1), shown(now))  # type: ignore[assignment]
        for number in range(100, 1100):
            client.tell_record(record(number))
        await page.settle()
        await page.passes(0.25)
        await page.passes(0.25)
        assert len(drawn) <= 3
        assert len(screen._rows) < 200, "rows nobody saw were not made"
        assert len(page.rows("feed")) == 1010


async def test_memory_is_bounded_and_what_is_let_go_is_counted(client: FeedClient) -> None:
    async with opened(client) as page:
        for start in range(0, 2 * CAP, CAP // 2):
            for number in range(1000 + start, 1000 + start + CAP // 2):
                client.tell_record(record(number))
            await page.settle()
            await page.passes(0.25)
        screen = page.app.screen
        assert isinstance(screen, FeedScreen)
        assert len(page.rows("feed")) == CAP
        assert f"{1000 + CAP - 1:,} earlier records in the log" in state(page)
        await page.press("o", "o")
        assert f"{2 * CAP + 10 - CAP:,} older not kept" in state(page)
        await page.press("o")
        await page.press("pageup")
        for number in range(9000, 9000 + 2 * CAP):
            client.tell_record(record(number))
        await page.settle()
        await page.passes(0.25)
        assert f"paused · {2 * CAP} new" in state(page), "also those that fell out between two drawings"
        assert len(screen._feed.lines) == CAP


# the model


def test_a_line_is_taken_once_and_stands_by_its_time() -> None:
    feed = (
        Feed()
        .took([of_record(record(3)), of_record(record(1))])
        .took([of_record(record(3)), of_log(log_line(2))])
    )
    assert [one.key.partition(":")[0] for one in feed.lines] == ["record", "log", "record"]
    assert (feed.taken, feed.dropped) == (3, 0)


def test_nothing_new_is_the_same_feed() -> None:
    feed = Feed().took([of_record(record(1))])
    assert feed.took([]) is feed
    assert feed.took([of_record(record(1))]) is feed


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({}, "–"),
        (
            {"topic": "freeze", "reason": "x", "namespace": "docs"},
            "freeze · x · docs",
        ),
        ({"topic": "odd", "n": 3}, 'odd · {"n": 3}'),
        ({"topic": "fanout_spawned", "index": 2, "attempt": 1}, "fanout_spawned · [2]"),
        ({"topic": "fanout_spawned", "index": 0, "attempt": 3}, "fanout_spawned · [0] attempt 3"),
        ({"topic": 5, "n": 3}, '{"topic": 5, "n": 3}'),
        ({"verdict": "failed", "summary": "two\nlines"}, "✗ failed · two …"),
        ({"goal": "\x1b[2J\u202eevil"}, "[2J evil"),
        ({"goal": ["no", "text"]}, '{"goal": ["no", "text"]}'),
        ({"topic": "service_account", "at": 1.5, "sa_id": "sa-ci", "scopes": []}, "service_account · sa-ci"),
    ],
)
def test_the_gist_of_a_body(body: dict[str, Any], told: str) -> None:
    assert gist(record(1, body=body)).strip() == told


def test_a_row_names_what_has_a_name() -> None:
    names = {sample.THREAD: "DOCS-11", sample.WORKERS["a"]: "worker-a"}
    row = feed_row(of_record(record(1)), names)
    assert (row.cells["thread"].text, row.cells["who"].text) == ("DOCS-11", "worker-a")
    assert feed_row(of_record(record(1)), {}).cells["thread"].text == "…e7028c9d"


def test_a_body_of_a_megabyte_is_laid_out_whole() -> None:
    body = {"text": "Z" * 500_000, "wide": "日" * 100_000, "lines": "a\nb"}
    lines = laid_out(facts_of(of_record(record(1, body=body))), 80)
    text = "".join(part for _, part in lines)
    assert (text.count("Z"), text.count("日")) == (500_000, 100_000)
    assert max(cell_len(name + part) for name, part in lines) <= 80


def test_a_long_line_is_wrapped_at_blanks_and_nothing_is_lost() -> None:
    words = "the word that does not fit stands whole in the next line"
    assert [part for _, part in laid_out([("", words)], 32)] == [
        "the word that does", "not fit stands whole", "in the next line",
    ]  # fmt: skip
    unbroken = f"id {'f' * 64}"
    assert "".join(part for _, part in laid_out([("", unbroken)], 32)) == unbroken


async def test_a_daemon_that_is_gone_is_told_once(client: FeedClient) -> None:
    async with opened(client) as page:
        await page.down()
        assert page.drawn.count("no daemon answers") == 1


def test_a_note_is_a_line_too() -> None:
    line = FeedLine("note:1", 5.0, words="37 missed")
    assert facts_of(line) == [("note", "37 missed")]
    assert (line.copied, line.thread, line.of("log"), line.of("records")) == ("37 missed", "", True, True)
    assert json.dumps(dict(feed_row(line, {}).fields)) == '{"source": "note", "what": "37 missed"}'


def test_news_is_no_gap_and_knows_its_thread() -> None:
    line = of_notice(Notice("failed", 1.0, "a subtask of DOCS-11 failed", "th_x"))
    row = feed_row(line, {"th_x": "DOCS-11"})
    assert (row.cells["kind"].text, row.cells["thread"].text) == ("NEWS", "DOCS-11")
    assert line.thread == "th_x"


async def test_the_last_column_is_whole_beside_the_scrollbar(client: FeedClient) -> None:
    async with opened(client) as page:
        await comes(page, *(record(12 + one) for one in range(60)))
        head = page.table("feed").text().splitlines()[1]
        assert head.endswith("CLOCK")
        assert len(head) <= 119, "the scrollbar lies over the last cell"
