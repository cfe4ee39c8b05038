"""What rings, what does not, and how often."""

from __future__ import annotations

import pytest

from syncropel.errors import BadRequest
from syncropel.wire import FleetStatus
from tests.tui import console_sample as sample
from tests.tui.console_fakes import FakeClient
from tests.tui.console_page import Console, console
from tui.app.ringing import GAP_SECS, Ringer, Wanted
from tui.model.notices import Notice, Told


def words(news: list[Notice]) -> list[str]:
    return [one.words for one in news]


def test_what_was_so_at_first_is_no_news() -> None:
    told, news = Told().heard(sample.status(freezes=[sample.freeze()]))
    assert news == []
    told, news = told.listed(sample.tasks(), sample.AT)
    assert news == []
    assert told.heard(sample.status(freezes=[sample.freeze()]))[1] == []
    assert told.listed(sample.tasks(), sample.AT)[1] == []


def test_an_instance_that_goes_silent_is_told_each_time() -> None:
    def fleet(state: str) -> FleetStatus:
        return sample.status(instances=[sample.instance("worker-a", status=state)])

    told, _ = Told().heard(fleet("live"))
    told, news = told.heard(fleet("stale"))
    assert words(news) == ["worker-a is stale"]
    told, news = told.heard(fleet("archived"))
    assert news == []
    told, _ = told.heard(fleet("live"))
    told, news = told.heard(fleet("stale"))
    assert words(news) == ["worker-a is stale"]


def test_a_freeze_of_ones_own_is_no_news() -> None:
    told, _ = Told(actor="did:me").heard(sample.status())
    mine, others = sample.freeze(actor="did:me", record="a"), sample.freeze(actor="did:them", record="b")
    told, news = told.heard(sample.status(freezes=[mine, others]))
    assert words(news) == ["did:them froze docs/v0.11 (hard): wrong prices on the site"]


def test_failures_and_joins_are_told_once() -> None:
    told, _ = Told().listed([sample.task(completed=2, accepted=2)], sample.AT)
    told, news = told.listed([sample.task(completed=3, accepted=2)], sample.AT)
    assert words(news) == ["a subtask of DOCS-11 failed: 2/5 accepted"]
    told, news = told.listed([sample.task(completed=3, accepted=3)], sample.AT)
    assert news == [], "the retry went well"
    told, news = told.listed([sample.task(completed=5, accepted=5, joined=True)], sample.AT)
    assert words(news) == ["DOCS-11 joined: 5/5 accepted"]
    assert told.listed([sample.task(completed=5, accepted=5, joined=True)], sample.AT)[1] == []


def test_an_old_task_that_comes_back_into_the_list_is_no_news() -> None:
    told, _ = Told().listed([sample.task()], sample.AT)
    old, fresh = sample.task(3, joined=True), sample.task(4, joined=True, created_at=sample.AT + 1)
    told, news = told.listed([old, fresh], sample.AT + 2)
    assert [one.thread for one in news] == [fresh.thread]
    assert told.listed([old, fresh], sample.AT + 3)[1] == []


def test_rings_are_rare_and_count_what_they_left_out() -> None:
    now, written = [0.0], list[str]()
    ringer = Ringer(Wanted(), written.append, lambda: now[0])
    news = [Notice("stale", 0.0, f"worker-{name}\x1b[31m is stale") for name in "abc"]
    ringer.tell(news[:1])
    assert written == ["\x1b]9;worker-a [31m is stale\a\a"], "nothing that a terminal would obey"
    ringer.tell(news[1:])
    ringer.tell()
    assert len(written) == 1
    now[0] = GAP_SECS
    ringer.tell()
    assert written[1:] == ["\x1b]9;worker-b [31m is stale · and 1 more\a\a"]
    now[0] = 3 * GAP_SECS
    ringer.tell()
    assert len(written) == 2


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Wanted(bell=False), ["\x1b]9;gone\a"]),
        (Wanted(desktop=False), ["\a"]),
        (Wanted(bell=False, desktop=False), []),
        (Wanted(kinds=frozenset({"joined"})), []),
    ],
)
def test_each_can_be_switched_off(wanted: Wanted, expected: list[str]) -> None:
    written: list[str] = []
    Ringer(wanted, written.append, lambda: 0.0).tell([Notice("stale", 0.0, "gone")])
    assert written == expected


@pytest.mark.parametrize("switches", [{"bel": True}, {"bell": "no"}, {"joined": 1}])
def test_what_is_no_switch_is_refused_with_its_place(switches: dict[str, object]) -> None:
    with pytest.raises(BadRequest, match=r"config\.toml:7"):
        Wanted.read(switches, lambda _: "config.toml:7")
    assert Wanted.read({"joined": False, "bell": False}, str).kinds == {"failed", "stale", "frozen", "asks"}


async def test_the_console_rings_and_the_feed_keeps_it(monkeypatch: pytest.MonkeyPatch) -> None:
    client = FakeClient()
    client.tasks(sample.tasks())
    client.join(sample.join())

    def fleet(state: str) -> FleetStatus:
        return sample.status(instances=[sample.instance("worker-a", status=state)])

    async with console(status=fleet("live"), client=client) as page:
        written: list[str] = []
        monkeypatch.setattr(page.app._driver, "write", written.append)
        await page.loses()
        page.client.refuse = None
        await page.hears(fleet("stale"))
        await page.passes(5)
        assert written == ["\x1b]9;worker-a is stale\a\a"], "what happened meanwhile is told, once"
        await _again(page, fleet("stale"))
        assert len(written) == 1, "told already"
        await page.press("4")
        assert "worker-a is stale" in page.table("feed").text()


async def _again(page: Console, status: FleetStatus) -> None:
    await page.loses()
    page.client.refuse = None
    await page.hears(status)
    await page.passes(20)
