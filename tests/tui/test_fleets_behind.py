"""What happens in a fleet that is not in front is told, and costs the one in front nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from syncropel.errors import DaemonNotRunning, RemoteError, SetupError
from syncropel.wire import FleetStatus, TaskDetail
from tests.tui import console_sample as sample
from tests.tui.console_fakes import INBOX, FakeClient
from tests.tui.console_page import Console, console
from tests.tui.fleets_page import HOME, PROD, STAGE, consoles, daemon, status_of
from tests.tui.test_contexts import look_at
from tui.connection.events import UNSEEN_SECS
from tui.model.link import Link, Phase
from tui.model.notices import Told
from tui.model.setup import Fleet

GONE = DaemonNotRunning("no daemon answers at stage", "start it: spl serve")


def toasts(page: Console) -> list[tuple[str, str]]:
    return [(one.title, one.message) for one in page.app._notifications]


def fan_outs(*counts: tuple[int, int], at: float = sample.AT, started: float = 0.0) -> FleetStatus:
    """A status with one fan-out for each pair of completed and accepted subtasks."""
    fanouts = [
        sample.fanout(thread=f"th_{place}", alias=f"T-{place}", completed=done, accepted=good,
                      started_at=started or at - 100)
        for place, (done, good) in enumerate(counts)
    ]  # fmt: skip
    return sample.status(at=at, fanouts=fanouts)


# what is news, without any screen


def test_what_failed_in_a_fan_out_is_told_once_and_not_again_from_the_tasks() -> None:
    told, news = Told().progressed(fan_outs((3, 2)))
    assert news == [], "it was so when we first looked"
    told, news = told.progressed(fan_outs((5, 2)))
    assert [one.words for one in news] == ["2 subtasks of T-0 failed: 2/9 accepted"]
    assert told.progressed(fan_outs((5, 2)))[1] == []
    told, _ = told.listed([], sample.AT)
    task = sample.task(thread="th_0", completed=5, accepted=2)
    assert told.listed([task], sample.AT)[1] == []


def test_a_fan_out_that_began_behind_is_told_from_its_first_failure_on() -> None:
    told, _ = Told().progressed(fan_outs((0, 0)))
    later = fan_outs((0, 0), (1, 0), at=sample.AT + 50, started=sample.AT + 40)
    assert [one.thread for one in told.progressed(later)[1]] == ["th_1"]


def test_an_old_fan_out_that_is_first_seen_now_is_no_news() -> None:
    told, _ = Told().progressed(fan_outs((0, 0)))
    assert told.progressed(fan_outs((0, 0), (3, 0), at=sample.AT + 50, started=sample.AT - 9))[1] == []


def test_a_fleet_that_never_answered_is_not_lost_and_one_that_did_is_lost_once() -> None:
    down, live = Link(Phase.DOWN, message="refused"), Link(Phase.LIVE)
    assert Told().linked(down, 0.0)[1] == []
    told, _ = Told().heard(sample.status())
    told, news = told.linked(down, 7.0)
    assert [(one.kind, one.at, one.words) for one in news] == [("stale", 7.0, "it does not answer: refused")]
    told, news = told.linked(Link(Phase.RETRYING), 8.0)
    assert (told.lost, news) == (True, [])
    assert told.linked(down, 8.0)[1] == []
    told, news = told.linked(live, 9.0)
    assert (told.lost, news) == (False, [])
    assert len(told.linked(down, 10.0)[1]) == 1


def test_what_was_over_when_it_was_first_heard_is_no_news() -> None:
    first = sample.status(joined=["th_old"])
    assert Told().ended(first) == []
    told, _ = Told().heard(first)
    assert told.ended(sample.status(joined=["th_old", "th_new"])) == ["th_new"]


# in the console


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"freezes": [sample.freeze(actor="did:them")]}, "did:them froze docs/v0.11 (hard): wrong prices"),
        ({"instances": [sample.instance("stage-w", status="stale")]}, "stage-w is stale"),
        ({"fanouts": [sample.fanout(completed=7, accepted=6)]}, "a subtask of DOCS-11 failed: 6/9 accepted"),
    ],
    ids=["freeze", "instance", "task"],
)
async def test_what_happens_behind_is_told_with_the_fleets_name(
    changes: dict[str, Any], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {
        "instances": [sample.instance("stage-w")],
        "fanouts": [sample.fanout(completed=6, accepted=6)],
    }
    stage = daemon("stage")
    async with consoles({"local": daemon("local"), "stage": stage}) as page:
        written: list[str] = []
        monkeypatch.setattr(page.app._driver, "write", written.append)
        stage.snapshot(sample.status(**before))
        await page.settle()
        asked = stage.asked.total()
        stage.snapshot(sample.status(**before | changes))
        await page.settle()
        (title, message) = toasts(page)[-1]
        assert title == "stage"
        assert message.startswith(words)
        assert any(one.startswith(f"\x1b]9;stage: {words}") for one in written)
        assert "[local]  ! stage: 1 news  Fleet  ● LIVE" in page.part("header")
        assert stage.asked.total() == asked, "its stream alone is read"
        await page.press("c")
        assert "1 news" in page.drawn
        await page.press("down", "down", "enter")
        assert "! stage" not in page.part("header"), "it is looked at now"
        assert "1 news" not in page.drawn


async def ends_behind(page: Console, stage: FakeClient, *threads: str) -> None:
    """Fan-outs that were under way in the fleet behind are not any more."""
    going = [sample.fanout(thread=one, alias=one) for one in threads]
    stage.snapshot(status_of("stage", fanouts=going))
    await page.settle()
    stage.snapshot(status_of("stage"))
    await page.settle()


def joined(thread: str, **changes: Any) -> TaskDetail:
    return TaskDetail(
        **sample.task(thread=thread, alias=thread, accepted=5, joined=True, **changes).model_dump()
    )


async def test_a_join_that_is_reached_behind_is_told_for_one_question() -> None:
    stage = daemon("stage")
    stage.answers |= {f"/v1/tasks/{one}": joined(one) for one in ("th_a", "th_b")}
    async with consoles({"local": daemon("local"), "stage": stage}) as page:
        await ends_behind(page, stage, "th_a", "th_b")
        stage.snapshot(status_of("stage"))
        await page.settle()
        told = [words for title, words in toasts(page) if title == "stage"]
        assert told == ["th_a joined: 5/5 accepted", "th_b joined: 5/5 accepted"]
        assert "! stage: 2 news" in page.part("header")
        assert stage.asked == {INBOX: 1, "/v1/tasks/th_a": 1, "/v1/tasks/th_b": 1}
        stage.tasks([joined("th_a"), joined("th_b")])
        await look_at(page, "stage")
        await page.passes(5)
        assert len([one for one in toasts(page) if one[0] == "stage"]) == 2, "once each"
        await ends_behind(page, stage, "th_c")
        assert stage.asked["/v1/tasks/th_c"] == 0, "who looks reads the tasks anyway"


@pytest.mark.parametrize(
    "answer",
    [
        TaskDetail(**sample.task(thread="th_a", status="cancelled").model_dump()),
        RemoteError(404, "not_found", "NO_SUCH_TASK", "there is none", ""),
        GONE,
        RuntimeError("boom"),
    ],
    ids=["cancelled", "removed", "away", "unexpected"],
)
async def test_a_fan_out_that_ends_behind_without_a_join_is_no_news(answer: Any) -> None:
    stage = daemon("stage")
    stage.answers |= {"/v1/tasks/th_a": answer, "/v1/tasks/th_b": joined("th_b")}
    async with consoles({"local": daemon("local"), "stage": stage}) as page:
        await ends_behind(page, stage, "th_a", "th_b")
        assert [words for _, words in toasts(page)] == ["th_b joined: 5/5 accepted"]


async def test_a_fan_out_that_begins_and_ends_between_two_words_is_told() -> None:
    stage = daemon("stage")
    stage.answers |= {f"/v1/tasks/{one}": joined(one) for one in ("th_a", "th_b")}
    async with consoles({"local": daemon("local"), "stage": stage}) as page:
        for over in (["th_a"], ["th_a"], ["th_a", "th_b"]):
            stage.snapshot(status_of("stage", joined=over))
            await page.settle()
        told = [words for title, words in toasts(page) if title == "stage"]
        assert told == ["th_a joined: 5/5 accepted", "th_b joined: 5/5 accepted"]
        assert stage.asked == {INBOX: 1, "/v1/tasks/th_a": 1, "/v1/tasks/th_b": 1}


async def test_a_join_that_was_reached_while_a_fleet_behind_was_away_is_told() -> None:
    stage = daemon("stage")
    stage.answers["/v1/tasks/th_a"] = joined("th_a")
    async with consoles({"local": daemon("local"), "stage": stage}) as page:
        stage.snapshot(status_of("stage", fanouts=[sample.fanout(thread="th_a")]))
        await page.settle()
        stage.break_with(GONE)
        await page.settle()
        stage.snapshot(status_of("stage"))
        await page.passes(5)
        assert toasts(page)[-1] == ("stage", "th_a joined: 5/5 accepted")


async def test_news_of_several_fleets_are_counted_and_what_is_switched_off_is_not_told() -> None:
    prod, stage = daemon("prod"), daemon("stage")
    lost = {"instances": [sample.instance("w", status="stale")]}
    frozen = {"freezes": [sample.freeze(actor="did:them")]}
    daemons = {"local": daemon("local"), "prod": prod, "stage": stage}
    async with consoles(daemons, notify={"stale": False}) as page:
        for client, changes in ((prod, frozen), (stage, frozen | lost)):
            client.snapshot(sample.status(instances=[sample.instance("w")]))
            client.snapshot(sample.status(**{"instances": [sample.instance("w")]} | changes))
        await page.settle()
        assert "! 2 news in 2 fleets" in page.part("header")
        assert [title for title, _ in toasts(page)] == ["prod", "stage"]
        await look_at(page, "prod")
        assert "! stage: 1 news" in page.part("header")


async def test_a_fleet_lost_behind_is_told_once_is_tried_ever_more_slowly_and_slows_nobody() -> None:
    local, stage = daemon("local"), daemon("stage")
    async with consoles({"local": local, "stage": stage}) as page:
        stage.refuse = GONE
        stage.break_with(GONE)
        await page.settle()
        for _ in range(200):
            await page.passes(1)
            local.snapshot(status_of("local"))
        await page.settle()
        assert "● LIVE" in page.part("header")
        assert toasts(page).count(("stage", "it does not answer: no daemon answers at stage")) <= 1
        assert "! stage: 1 news" in page.part("header")
        tries = stage.opened
        for _ in range(int(UNSEEN_SECS) - 1):
            await page.passes(1)
        assert stage.opened - tries <= 1
        stage.refuse = None
        stage.snapshot(status_of("stage"))
        await look_at(page, "stage")
        assert "● LIVE" in page.part("header"), "who looks does not wait for the next try"


async def test_a_fleet_that_never_says_anything_holds_nobody_up() -> None:
    local, silent = daemon("local"), FakeClient()
    async with consoles({"local": local, "stage": silent}) as page:
        assert page.part("header").startswith(" [local]  Fleet  ● LIVE")
        await page.press("c")
        assert "↻ CONNECTING" in page.drawn


async def test_with_one_fleet_nothing_more_is_opened_and_no_name_is_written() -> None:
    client = FakeClient()
    async with console(status=sample.status(), client=client) as page:
        await page.passes(60)
        assert client.opened == 1
        assert "[" not in page.part("header")


# contexts that come, change and go while the console runs


class Config:
    """The contexts, as they are now."""

    def __init__(self) -> None:
        self.fleets: tuple[Fleet, ...] = (HOME, PROD)
        self.broken: Exception | None = None

    def __call__(self) -> tuple[Any, ...]:
        if self.broken is not None:
            raise self.broken
        return self.fleets


def named(page: Console) -> list[str]:
    return [one.name for one in page.app.fleets.all]


async def test_a_context_that_is_added_while_the_console_runs_is_there_when_c_is_pressed() -> None:
    config, stage = Config(), daemon("stage")
    daemons = {"local": daemon("local"), "prod": daemon("prod"), "stage": stage}
    async with consoles(daemons, (HOME, PROD), later=(STAGE,), again=config) as page:
        config.fleets = (HOME, PROD, STAGE)
        assert stage.opened == 0
        await page.press("c")
        assert "stage" in page.drawn
        await page.passes(0.5)
        assert stage.opened == 1, "it is watched from here on"
        await page.press("down", "down", "enter")
        assert page.part("header").startswith(" [stage]  Fleet  ● LIVE")


async def test_a_context_can_be_named_in_a_command_as_soon_as_it_is_there() -> None:
    config = Config()
    daemons = {"local": daemon("local"), "stage": daemon("stage")}
    async with consoles(daemons, (HOME, PROD), later=(STAGE,), again=config) as page:
        config.fleets = (HOME, PROD, STAGE)
        await page.app.typed("context stage")
        await page.settle()
        assert page.part("header").startswith(" [stage]")


async def test_a_fleet_whose_context_went_is_not_watched_any_more_but_stays_while_it_is_in_front() -> None:
    config, prod = Config(), daemon("prod")
    async with consoles({"local": daemon("local"), "prod": prod}, (HOME, PROD), again=config) as page:
        await look_at(page, "prod")
        config.fleets = (HOME,)
        await page.press("c", "escape")
        assert page.part("header").startswith(" [prod]  Fleet  ● LIVE")
        assert named(page) == ["local", "prod"]
        await look_at(page, "local")
        await page.press("c", "escape")
        assert named(page) == ["local"]
        assert not page.part("header").startswith(" [")
        opened = prod.opened
        prod.break_with(GONE)
        await page.passes(60)
        assert prod.opened == opened
    assert prod.closed


async def test_a_context_that_leads_elsewhere_leads_there_at_once_and_shows_nothing_of_before() -> None:
    config, other = Config(), daemon("other")
    moved = replace(PROD, target=replace(STAGE.target, url="https://other.example.org"), read_only="")
    daemons = {"local": daemon("local"), "prod": daemon("prod"), "other": other}
    at = replace(moved, name="other")
    async with consoles(
        daemons, (HOME, PROD), current="prod", later=(at,), again=config, screen="tasks"
    ) as page:
        assert "PROD-1" in page.drawn
        former = page.app.fleets.front
        config.fleets = (HOME, moved)
        await page.press("c", "escape")
        await page.passes(0.5)
        assert page.app.fleets.front is not former
        assert "OTHER-1" in page.drawn
        assert "PROD-1" not in page.drawn
        assert "READ-ONLY" not in page.part("header")
        assert not [mode for mode in page.app._screen_stacks if mode.startswith("prod/")]


async def test_another_colour_or_lock_changes_only_that() -> None:
    config = Config()
    async with consoles(
        {"local": daemon("local"), "prod": daemon("prod")}, (HOME, PROD), again=config
    ) as page:
        former = page.app.fleets.front
        config.fleets = (replace(HOME, read_only="its context says so", colour="green"), PROD)
        await page.press("c", "escape")
        assert page.app.fleets.front is former
        assert "READ-ONLY  (its context says so)" in page.part("header")


async def test_contexts_that_cannot_be_read_are_told_and_what_was_known_stays() -> None:
    config = Config()
    async with consoles({"local": daemon("local")}, (HOME, PROD), again=config) as page:
        config.broken = SetupError("contexts.toml is not TOML: line 3", "mend that line")
        await page.press("c")
        assert toasts(page) == [("contexts", "contexts.toml is not TOML: line 3 → mend that line")]
        assert "prod" in page.drawn
        assert named(page) == ["local", "prod"]
