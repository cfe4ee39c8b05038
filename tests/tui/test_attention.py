"""`!` and `a`: what needs the operator, on whatever screen, in the order of urgency."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from syncropel.wire import FleetStatus, InboxItem, Page
from tests.tui import console_sample as sample
from tests.tui import sample_inbox as asked
from tests.tui.console_fakes import INBOX, FakeClient
from tests.tui.console_page import Console, console, without_colour
from tests.tui.console_snapshots import Pictured
from tui.dialogs.needs import NeedsDialog
from tui.model import attention
from tui.model.glyphs import ASCII, UNICODE
from tui.model.keymap import Keymap
from tui.model.moment import Moment
from tui.model.world import World
from tui.widgets.choice_list import ChoiceList

SITE = sample.tasks()[1].thread
SOFT = sample.freeze(level="soft", namespace="site", record="50f7" * 16)


def status(**changes: Any) -> FleetStatus:
    """Two fan-outs, one of which cannot join, and a stale instance."""
    stuck = sample.status().fanouts[1].model_copy(update={"thread": SITE})
    return sample.status(**{"fanouts": [sample.fanout(), stuck]} | changes)


def world(*waits: InboxItem, **changes: Any) -> World:
    known = World().heard(status(**changes), 1000.0).listed(sample.tasks())
    return known.waits(waits)


def kinds(of: World) -> list[str]:
    return [one.kind for one in attention.needs(of)]


def client(*waits: InboxItem) -> FakeClient:
    fake = FakeClient()
    fake.tasks(sample.tasks())
    fake.join(sample.join())
    fake.answers[INBOX] = Page[InboxItem](data=list(waits))
    return fake


def everything() -> tuple[FakeClient, FleetStatus]:
    told = status(freezes=[sample.freeze(), SOFT])
    return client(
        asked.late(), asked.item(), asked.item(2, index=3, kind="failed", question="", until=None)
    ), told


def said(page: Console) -> str:
    (told,) = page.app._notifications
    return told.message


def test_the_most_urgent_comes_first_and_each_trouble_once() -> None:
    waits = (asked.late(), asked.item(), asked.item(2, kind="failed", question="", until=None))
    found = world(*waits, freezes=[sample.freeze(), SOFT])
    assert kinds(found) == [
        "permission",
        "no join",
        "failed",
        "stale",
        "freeze",
        "late",
        "soft freeze",
    ]
    assert sorted(map(attention.ORDER.index, kinds(found))) == list(map(attention.ORDER.index, kinds(found)))


def test_a_stale_instance_stands_for_what_is_silent_with_it() -> None:
    silent = asked.item(3, kind="silent", question="", until=None, instance=sample.WORKERS["c"])
    assert "silent" not in kinds(world(silent))
    assert "silent" in kinds(world(silent.model_copy(update={"instance": sample.WORKERS["a"]})))
    lost = [
        sample.dispatch(0, instance=sample.WORKERS["c"]),
        sample.dispatch(1, instance=sample.WORKERS["c"]),
    ]
    (stale,) = [one for one in attention.needs(world(dispatches=lost)) if one.kind == "stale"]
    assert stale.words() == "worker-c: not heard with 2 of its subtasks unfinished"


def test_of_one_kind_what_is_denied_first_comes_first() -> None:
    soon = asked.item(9, until=sample.AT + 5)
    assert [one.until for one in attention.needs(world(asked.item(1), soon))][:2] == [
        soon.until,
        sample.AT + 420,
    ]


def test_a_blocked_task_is_told_unless_its_subtask_is() -> None:
    assert "no join" in kinds(world(fanouts=[]))
    blocked = sample.task(3, status="blocked", subtasks=0)
    assert kinds(World().listed([blocked])) == ["blocked"]
    told = asked.item(1, kind="failed", thread=blocked.thread, question="", until=None)
    assert kinds(World().listed([blocked]).waits([told])) == ["failed"]


def test_after_the_last_comes_the_first_and_after_one_that_is_over_too() -> None:
    found = attention.needs(world(asked.item()))
    keys = [one.key for one in found]
    assert [attention.after(found, key) for key in keys] == [*range(1, len(keys)), 0]
    assert attention.after(found, "gone") == attention.after(found, "") == 0


def test_foreign_words_stay_on_their_line() -> None:
    bad = "a\u202eb\u200b\n[bold]x[/] \x1b[31m漢字"
    need = attention.needs(
        world(asked.item(what=bad), instances=[sample.instance(bad, "did:x", status="stale")])
    )
    for glyphs in (UNICODE, ASCII):
        for _, line in attention.lines(need, Moment(sample.AT, sample.AT), glyphs):
            assert not set("\n\x1b\u202e\u200b") & set(line)
            assert glyphs is UNICODE or line.isascii()


PLACES = [
    ("inbox", "inbox"), ("tasks", "tasks"), ("inbox", "inbox"), ("fleet", "instances"),
    ("policy", "freezes"), ("inbox", "inbox"), ("policy", "freezes"),
]  # fmt: skip


@pytest.mark.parametrize("start", ["fleet", "tasks", "threads", "feed", "policy", "inbox"])
async def test_from_any_screen_one_key_goes_through_all_of_them(start: str) -> None:
    fake, told = everything()
    async with console(status=told, client=fake, screen=start) as page:
        found = attention.needs(page.app.fleets.front.world)
        assert [one.kind for one in found] == [
            "permission", "no join", "failed", "stale", "freeze", "late", "soft freeze",
        ]  # fmt: skip
        for number, (need, (screen, table)) in enumerate(
            [*zip(found, PLACES, strict=True), (found[0], PLACES[0])]
        ):
            await page.press("!")
            assert page.app.fleet_screens.name == screen
            assert page.table(table).has_focus
            assert page.table(table).chosen == need.row
            assert said(page).startswith(f"{number % len(found) + 1} of {len(found)} · {need.words()}\n")
            assert need.helps(Keymap()) in said(page)


async def test_it_opens_from_within_and_a_filter_that_hides_it_gives_way() -> None:
    fake, told = everything()
    async with console(status=told, client=fake, screen="tasks") as page:
        await page.filter("DOCS-1")
        await page.press("enter", "!", "!")
        assert page.app.fleet_screens.name == "tasks"
        assert page.table("tasks").chosen == SITE
        assert len(page.rows("tasks")) == 4


async def test_nothing_is_said_only_when_that_is_known() -> None:
    fake = client()
    fake.tasks([])
    async with console(status=sample.empty_status(), client=fake) as page:
        await page.press("!")
        assert said(page) == "nothing needs you"
        await page.loses()
        await page.press("!")
        assert said(page).startswith("not known what needs you: the daemon is away")
    async with console() as page:
        await page.press("!")
        assert said(page) == "not known what needs you: the daemon was not heard yet"


async def test_away_from_the_daemon_it_says_how_old_that_is() -> None:
    fake, told = everything()
    async with console(status=told, client=fake) as page:
        await page.loses()
        await page.press("!")
        assert "the daemon is away: this is what was last heard" in said(page)


async def test_the_list_goes_where_its_row_is() -> None:
    fake, told = everything()
    async with console(status=told, client=fake, screen="feed") as page:
        await page.press("a")
        assert isinstance(page.app.screen, NeedsDialog)
        await page.press("down", "down", "down")
        assert "enter goes there; then enter shows it, Z drains it" in page.drawn
        await page.press("enter")
        assert page.app.fleet_screens.name == "fleet"
        assert page.table("instances").chosen == sample.WORKERS["c"]
        await page.press("!")
        assert page.app.fleet_screens.name == "policy", "on from there"


async def test_the_list_follows_what_happens_and_what_is_over_goes_nowhere() -> None:
    fake, told = everything()
    async with console(status=told, client=fake) as page:
        await page.press("colon", *"needs", "enter", "down", "down", "down")
        await page.hears(status(instances=[sample.coordinator()], freezes=[sample.freeze(), SOFT]))
        assert "it is over" in page.drawn
        await page.press("enter")
        assert isinstance(page.app.screen, NeedsDialog)


async def test_a_thousand_are_gone_through_like_one() -> None:
    fake = client(*(asked.item(number) for number in range(1000)))
    async with console((80, 24), sample.empty_status(), fake) as page:
        await page.press("a", *["down"] * 40)
        assert (
            page.app.screen.query_one(ChoiceList).picked
            == attention.needs(page.app.fleets.front.world)[40].key
        )
        shown = [one for one in page.drawn.splitlines() if UNICODE.cursor in one]
        assert len(shown) == 1, "the chosen one is in sight"
        await page.press("escape", "!")
        assert page.app.fleet_screens.name == "inbox"


PICTURES = [(80, 24), (120, 40), (200, 50)]


@pytest.mark.parametrize("size", PICTURES, ids=lambda one: f"{one[0]}x{one[1]}")
@pytest.mark.parametrize("what", ["list", "next"])
async def test_pictures(size: tuple[int, int], what: str, picture: Callable[[Pictured], None]) -> None:
    fake, told = everything()
    async with console(size, told, fake) as page:
        await page.press(*(["a"] if what == "list" else ["!", "!"]))
        picture(page)


async def test_without_colour_and_in_ascii(
    monkeypatch: pytest.MonkeyPatch, picture: Callable[[Pictured], None]
) -> None:
    without_colour(monkeypatch)
    fake, told = everything()
    async with console((80, 24), told, fake, ascii_only=True) as page:
        await page.press("a")
        assert page.drawn.isascii()
        picture(page)
