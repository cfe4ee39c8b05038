"""The Inbox: what waits for the operator, how every screen says so, and what rings."""

from __future__ import annotations

import pytest

from syncropel.errors import RemoteError
from syncropel.wire import CollisionOut, InboxItem, Page, Toucher
from tests.tui import console_sample as sample
from tests.tui import sample_inbox as waiting
from tests.tui.console_fakes import INBOX, FakeClient
from tests.tui.console_page import console
from tests.tui.fleets_page import consoles, daemon, status_of
from tests.tui.sample_inbox import InboxClient, changed, inbox, item, late
from tui.dialogs import AnswerDialog, SubjectActionDialog
from tui.model.notices import Told
from tui.screens import ReviewScreen, SubtaskScreen


async def test_everything_that_waits_is_listed_the_oldest_first() -> None:
    client = InboxClient(item(1), item(2, kind="question", what="which colour?"), late())
    async with inbox(client) as page:
        assert "INBOX 3" in page.drawn
        rows = [line for line in page.drawn.splitlines() if "DOCS-11 [" in line]
        assert "◇ permission" in rows[0]
        assert "Run the tests" in rows[0]
        assert "6m 59s" in rows[0]
        assert "◇ question" in rows[1]
        assert "◐ late" in rows[2]
        assert "worker-a" in rows[2]


@pytest.mark.parametrize("screen", ["fleet", "tasks", "threads", "feed", "policy", "inbox"])
async def test_every_screen_says_how_much_waits_and_says_it_anew_at_once(screen: str) -> None:
    client = InboxClient()
    async with inbox(client, screen=screen, size=(80, 24)) as page:
        assert "6 Inbox  " in page.part("footer")
        assert "you" not in page.part("header")
        client.waits(item(1), item(2))
        await page.hears(changed())
        await page.passes(0.5)
        assert "6 Inbox 2  " in page.part("footer")
        assert "◇ 2 need you" in page.part("header")
        client.waits(item(2))
        await page.hears(changed(19))
        await page.passes(0.5)
        assert "◇ 1 needs you" in page.part("header")


async def test_nothing_waits_is_only_said_while_that_is_known() -> None:
    client = InboxClient()
    async with inbox(client) as page:
        assert "nothing waits for you" in page.drawn
        await page.down()
        assert "nothing waits for you" not in page.drawn
        assert "nothing waited for you when the daemon was last heard" in page.drawn
        assert "6 Inbox ?" in page.part("footer")


async def test_what_waited_stays_on_the_screen_of_a_daemon_that_is_away() -> None:
    client = InboxClient(item())
    async with inbox(client) as page:
        await page.down()
        assert "Run the tests" in page.drawn
        assert "6 Inbox ?" in page.part("footer")
        assert "need" not in page.part("header")


async def test_what_was_never_read_is_not_counted() -> None:
    async with console(client=FakeClient(), screen="inbox") as page:
        assert "INBOX ?" in page.drawn
        assert "6 Inbox ?" in page.part("footer")


async def test_a_daemon_that_refuses_is_quoted_and_not_asked_again_and_again() -> None:
    client = InboxClient()
    client.answers[INBOX] = RemoteError(403, "forbidden", "FORBIDDEN", "the token lacks it", "another one")
    async with inbox(client) as page:
        assert "INBOX ?" in page.drawn
        assert "the token lacks it" in page.drawn
        assert "6 Inbox ?" in page.part("footer")
        for _ in range(5):
            await page.passes(5)
        assert client.asked[INBOX] == 1
        client.waits()
        await page.hears(changed())
        await page.passes(1)
        assert "nothing waits for you" in page.drawn


async def test_a_failure_after_a_list_was_read_is_said_beside_it() -> None:
    client = InboxClient(item())
    async with inbox(client) as page:
        client.answers[INBOX] = RemoteError(500, "internal_error", "STORE_ERROR", "disk full", "")
        await page.hears(changed())
        await page.passes(0.5)
        assert "? not known what waits now: disk full" in page.drawn
        assert "Run the tests" in page.drawn
        assert "6 Inbox ?" in page.part("footer")


async def test_only_what_changes_something_is_a_reason_to_ask() -> None:
    client = InboxClient()
    async with inbox(client) as page:
        assert client.asked[INBOX] == 1
        await page.hears(sample.status(at=sample.AT + 5))
        await page.passes(1)
        assert client.asked[INBOX] == 1
        asks = [sample.fanout(questions=[2])]
        await page.hears(sample.status(fanouts=asks))
        await page.passes(1)
        assert client.asked[INBOX] == 2
        overdue = [sample.dispatch(0, began_at=sample.AT - 301)]
        await page.hears(sample.status(fanouts=asks, dispatches=overdue))
        await page.passes(1)
        assert client.asked[INBOX] == 3


async def test_a_thousand_items_move_like_one() -> None:
    client = InboxClient(*(item(number) for number in range(1000)))
    async with inbox(client, size=(80, 24)) as page:
        assert "INBOX 1000" in page.drawn
        assert "6 Inbox 1000" in page.part("footer")
        await page.press("end")
        assert page.table("inbox").chosen == page.rows("inbox")[-1]
        first = item(0)
        client.waits(*(item(number) for number in range(1, 1000)))
        await page.hears(changed())
        await page.passes(0.5)
        assert all(first.question not in key.split("/") for key in page.rows("inbox"))
        assert page.table("inbox").chosen == page.rows("inbox")[-1]


async def test_enter_answers_what_asks_and_opens_what_else_waits() -> None:
    reviewed = item(4, kind="review", question="", until=None, what="its result waits for your review")
    client = InboxClient(item(), item(2, kind="approval", question="", until=None), late(), reviewed)
    async with inbox(client) as page:
        await page.press("enter")
        assert isinstance(page.app.screen, AnswerDialog)
        await page.press("escape", "down")
        await page.passes(0.5)
        await page.press("enter")
        assert isinstance(page.app.screen, SubjectActionDialog)
        await page.press("escape", "down", "enter")
        assert isinstance(page.app.screen, SubtaskScreen)
        await page.press("escape", "down", "enter")
        assert isinstance(page.app.screen, ReviewScreen)


async def test_words_of_agents_are_only_words() -> None:
    client = InboxClient(item(what="[red]\x1b[31mno\x07\u202e markup[/]"))
    async with inbox(client) as page:
        assert "[red] [31mno   markup[/]" in page.drawn


def test_what_waits_rings_once() -> None:
    told, news = Told().waits([item(1)], sample.AT)
    assert news == [], "it waited before the console was opened"
    told, news = told.waits([item(1), item(2)], sample.AT)
    assert [(one.kind, one.words) for one in news] == [
        ("asks", "DOCS-11 [2] asks for permission: Run the tests")
    ]
    told, news = told.waits([item(1), item(2)], sample.AT)
    assert news == []
    failed = item(3, kind="failed", question="")
    assert told.waits([failed], sample.AT)[1] == [], "a failure rings by itself"


async def test_the_bell_rings_when_something_comes_and_is_switched_off_with_its_kind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rung: list[str] = []
    monkeypatch.setattr("tui.app.announcer.to_terminal", lambda _: rung.append)
    for notify, rings in (({}, 1), ({"asks": False}, 0)):
        rung.clear()
        client = InboxClient()
        async with inbox(client, notify=notify) as page:
            client.waits(item())
            await page.hears(changed())
            await page.passes(0.5)
            await page.hears(changed(19))
            await page.passes(20)
            assert len(rung) == rings, notify


async def test_a_fleet_in_the_background_tells_what_waits_there() -> None:
    prod = daemon("prod")
    async with consoles({"local": daemon("local"), "prod": prod}) as page:
        await page.passes(0.5)
        prod.answers[INBOX] = Page[InboxItem](data=[item()])
        prod.snapshot(status_of("prod", tasks_revision=18))
        await page.passes(0.5)
        assert prod.asked[INBOX] == 1, "a task that changes is no reason to ask a fleet behind"
        prod.snapshot(status_of("prod", fanouts=[sample.fanout(questions=[2])]))
        await page.passes(0.5)
        told = [(one.title, one.message) for one in page.app._notifications]
        assert told == [("prod", "DOCS-11 [2] asks for permission: Run the tests")]
        assert "need" not in page.part("header"), "nothing waits here"


async def test_a_terminal_that_is_too_small_says_how_much_waits() -> None:
    async with inbox(InboxClient(item()), size=(40, 10)) as page:
        assert "◇ 1 needs you" in page.drawn


async def test_a_subtask_that_asks_says_so_in_the_tree_and_is_answered_from_there() -> None:
    client = InboxClient(item())
    asks = waiting.asks()
    client.join(asks)
    async with inbox(client, screen="tasks", size=(80, 24)) as page:
        await page.press("enter")
        await page.passes(0.5)
        assert "◇ asks 3m" in page.drawn
        await page.press("down", "down", "A")
        assert isinstance(page.app.screen, AnswerDialog)
        await page.press("escape", "enter")
        await page.passes(0.5)
        assert "Run the tests" in page.part("facts")
        assert "denied in 6m 59s unless you answer" in " ".join(page.part("facts").split())


async def test_a_collision_is_told_of_the_task_and_of_its_subtasks_while_it_lasts() -> None:
    both = [Toucher(thread=sample.THREAD, alias="DOCS-11", index=index) for index in (1, 2)]
    met = CollisionOut(repo="app", by=both, files=["src/a\x1b.py"], count=1)
    words = "app has files touched by DOCS-11[1] and DOCS-11[2]: src/a .py"
    client = InboxClient()
    async with inbox(client, screen="tasks") as page:
        asked = client.asked[INBOX]
        client.waits(item(kind="collision", what=words, question="", until=None))
        await page.hears(sample.status(collisions=[met]))
        await page.passes(0.5)
        assert client.asked[INBOX] == asked + 1, "though no task has changed"
        told = [one.words for one in page.app.fleets.front.notices]
        assert told == [f"DOCS-11 [2] meets another subtask: {words}"]
        await page.press("enter")
        await page.passes(0.5)
        assert f"! {words}" in page.drawn
        await page.press("down", "down", "enter")
        assert f"collides    {words}" in page.drawn
        await page.hears(sample.status())
        assert "collides" not in page.drawn
