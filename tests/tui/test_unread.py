"""What the console says of what it never read: that it is not known, why, and no number and no age."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from syncropel.errors import DaemonNotRunning, RemoteError
from tests.tui import console_sample as sample
from tests.tui import sample_feed, sample_threads
from tests.tui.console_fakes import FakeClient
from tests.tui.console_page import Console, console
from tests.tui.console_states import SMALL, USUAL, WIDE, Drawn, Size, cases, drawn, pressing
from tests.tui.console_states import ScreenState as State
from tests.tui.sample_feed import LOG, RECORDS, FeedClient
from tests.tui.sample_policy import RULES, PolicyClient
from tests.tui.sample_threads import THREAD, ThreadClient, fan_out

__all__ = ["drawn"]

GONE = DaemonNotRunning("no daemon answers at http://127.0.0.1:7700", "start it: spl serve")
BROKEN = RemoteError(500, "internal", "INTERNAL", "internal error 4f", "see the daemon's log")


class Nobody(FakeClient):
    """No daemon: whatever is asked, nobody is there."""

    def __init__(self) -> None:
        super().__init__()
        self.refuse = GONE

    async def send(self, call: Any) -> Any:
        raise GONE


async def to_be_down(page: Console) -> None:
    for _ in range(3):
        await page.passes(5)


NEVER: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "fleet": (("INSTANCES ?", "nobody answers at"), ()),
    "tasks": (("TASKS ?", "the tasks will appear here"), ()),
    "threads": (("THREADS ?", "the threads will appear here"), ()),
    "feed": (("FEED ?", "records and log lines will appear here", "? not following: ✗ DOWN"),
             ("● following",)),
    "policy": (("PERMISSIONS ?", "freezes ?", "the permission rules will appear here", "not known whether"),
               ("read <", "ago")),
}  # fmt: skip


SIZES: dict[str, tuple[Size, ...]] = {
    "fleet": (SMALL, WIDE), "tasks": (USUAL,), "threads": (SMALL,), "feed": (USUAL,), "policy": (SMALL, WIDE),
}  # fmt: skip


def down(*keys: str, words: tuple[str, ...], not_there: tuple[str, ...] = (), **how: Any) -> State:
    async def steps(page: Console) -> None:
        await to_be_down(page)
        await pressing(*keys)(page)

    return State(words, steps, not_there=not_there, **how)


STATES = {
    **{
        name: down(str(place), words=("✗ DOWN", *words), not_there=not_there, sizes=SIZES[name])
        for place, (name, (words, not_there)) in enumerate(NEVER.items(), start=1)
    },
    "replay": down(*":replay", "space", "x", "enter", words=("RECORDS ?", "the records will appear here"),
                   sizes=(USUAL,)),
    "freezes": down("L", words=("whether anything is frozen is not known",),
                    not_there=("nothing is frozen",)),
    "emergency": down("X", words=("blast radius not known: the connection is ✗ DOWN",),
                      not_there=("loading",), sizes=(SMALL,)),
    "no-colour": down("2", words=("✗ DOWN", "TASKS ?")),
    "ascii": down("2", words=("x DOWN", "TASKS ?"), how={"ascii_only": True}),
}  # fmt: skip


@pytest.mark.parametrize(("name", "size"), cases(STATES))
async def test_nothing_is_said_of_a_fleet_that_never_answered(name: str, size: Size, drawn: Drawn) -> None:
    state = STATES[name]
    async with console(size, client=Nobody(), **state.how) as page:
        await state.steps(page)
        assert not re.search(r"[A-Z] 0\b", page.drawn), "nothing was counted"
        await drawn(page, state)


@pytest.mark.parametrize("screen", NEVER)
async def test_while_it_connects_nothing_is_counted_either(screen: str) -> None:
    async with console(client=Nobody(), screen=screen) as page:
        assert NEVER[screen][0][0] in page.drawn
        assert screen == "fleet" or "nothing has been read yet: ↻ RETRYING" in page.drawn


# the daemon comes


def fed() -> FakeClient:
    client = FeedClient(*sample_feed.some())
    client.total(10)
    return client


def threaded() -> ThreadClient:
    client = ThreadClient(sample_threads.some())
    client.hold(THREAD, fan_out())
    return client


CLIENTS: dict[str, Callable[[], FakeClient]] = {
    "fleet": FakeClient, "tasks": FakeClient, "threads": threaded, "feed": fed, "policy": PolicyClient,
}  # fmt: skip
FILLED = {
    "fleet": "INSTANCES 4", "tasks": "TASKS 4", "threads": "THREADS 5", "feed": "FEED 10",
    "policy": "[PERMISSIONS 4]",
}  # fmt: skip


@pytest.mark.parametrize("screen", FILLED)
async def test_when_the_daemon_comes_everything_fills_itself_at_once(
    screen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = CLIENTS[screen]()
    client.refuse = GONE
    client.tasks(sample.tasks())
    with monkeypatch.context() as away:
        away.setattr(client, "send", Nobody().send)
        async with console(client=client, screen=screen) as page:
            await to_be_down(page)
            assert FILLED[screen] not in page.drawn
            away.undo()
            client.refuse = None
            client.snapshot(sample.status())
            await page.press("r")  # the next try; after it no time passes
            assert FILLED[screen] in page.drawn
            assert "nothing has been read yet" not in page.drawn


async def test_a_dialog_that_waited_asks_when_the_daemon_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Nobody()
    async with console(client=client) as page:
        await to_be_down(page)
        await page.press("D")
        assert "past drills could not be read" in page.drawn
        monkeypatch.setattr(client, "send", FakeClient().send)
        client.refuse = None
        await page.hears(sample.status())
        await page.passes(5)
        assert "nothing is known of" in page.drawn, "it was asked again"
        assert "no daemon answers" not in page.drawn


# it answers, but not to everything


def tasks_fail(client: FakeClient) -> None:
    client.answers["/v1/tasks"] = BROKEN


def threads_fail(client: FakeClient) -> None:
    client.answers["/v1/threads"] = BROKEN


def feed_fails(client: FakeClient) -> None:
    assert isinstance(client, FeedClient)
    client.refused |= {LOG: BROKEN, RECORDS: BROKEN}
    client.answers["/v1/engine/log"] = BROKEN


def rules_fail(client: FakeClient) -> None:
    client.answers[f"{RULES}/permission"] = BROKEN


FAILURES: dict[str, tuple[Callable[[FakeClient], None], tuple[str, ...]]] = {
    "tasks": (tasks_fail, ("TASKS ?", "the tasks could not be read", "  internal error 4f → see")),
    "threads": (threads_fail, ("THREADS ?", "the threads could not be read", "internal error 4f")),
    "feed": (feed_fails, ("FEED ?", "records and log lines could not be read", "internal error 4f")),
    "policy": (rules_fail, ("[PERMISSIONS ?]", "routing 1", "the permission rules could not be read")),
}  # fmt: skip


@pytest.mark.parametrize("screen", FAILURES)
async def test_what_fails_alone_says_so_and_is_asked_again(screen: str) -> None:
    fail, words = FAILURES[screen]
    client = CLIENTS[screen]()
    client.join(sample.join())
    good = dict(client.answers)
    fail(client)
    async with console((80, 24), sample.status(), client, screen=screen) as page:
        assert "● LIVE" in page.part("header")
        for one in (*words, "  r asks again"):
            assert one in page.drawn
        client.answers = good
        client.tasks(sample.tasks())
        if isinstance(client, FeedClient):
            client.refused.clear()
        await page.passes(5)
        await page.passes(5)
        assert FILLED[screen] in page.drawn
        assert "could not be read" not in page.drawn


async def test_what_the_daemon_refuses_is_not_asked_for_ever() -> None:
    client = PolicyClient()
    path = f"{RULES}/permission"
    client.answers[path] = RemoteError(403, "t", "FORBIDDEN", "sa-1 lacks the scope config:read", "")
    async with console(status=sample.status(), client=client, screen="policy") as page:
        asked = client.asked[path]
        for _ in range(3):
            await page.passes(5)
        assert client.asked[path] == asked


async def test_rules_that_were_read_stay_with_their_age_when_nothing_can_be_read() -> None:
    client = PolicyClient()
    async with console(status=sample.status(), client=client, screen="policy") as page:
        assert "[PERMISSIONS 4]" in page.drawn
        client.answers = dict.fromkeys(client.answers, BROKEN)
        await page.hears(sample.status(records=99_999))
        await page.passes(5)
        assert "[PERMISSIONS 4]" in page.drawn
        assert "not all could be read: internal error 4f" in page.drawn
        await page.passes(60)
        assert "[PERMISSIONS 4]" in page.drawn
        assert "read 1m" in page.drawn


async def test_a_join_that_cannot_be_read_is_called_so() -> None:
    client = FakeClient()
    client.tasks(sample.tasks())
    client.answers[f"/v1/tasks/{sample.THREAD}/join"] = BROKEN
    async with console(status=sample.status(), client=client, screen="tasks") as page:
        assert "the join could not be read" in page.part("banner")
        assert "TASKS 4" in page.drawn
        assert "SUBTASKS ?" in page.drawn
        await page.press("1")
        assert "could not be read" not in page.part("banner"), "no join is shown here"


async def test_a_command_about_what_was_never_read_does_not_call_the_name_wrong() -> None:
    async with console(client=Nobody()) as page:
        for line in ("task DOCS-11", "instance worker-a", "why DOCS-11"):
            await page.press("colon", *("space" if char == " " else char for char in line), "enter")
            assert "there is no" not in page.drawn
            assert "is not known: the connection is" in page.drawn
            await page.press("escape", "escape")


async def test_the_list_of_freezes_says_how_old_it_is_when_the_connection_is_away() -> None:
    async with console(status=sample.status(), client=FakeClient()) as page:
        await page.press("L")
        assert "nothing is frozen" in page.drawn
        assert "so it was" not in page.drawn
        await page.down()
        assert "the connection is ✗ DOWN: so it was 15s ago" in page.drawn


async def test_a_new_rule_says_when_those_there_are_were_not_read() -> None:
    client = PolicyClient()
    rules_fail(client)
    async with console(status=sample.status(), client=client, screen="policy") as page:
        await page.press("plus")
        assert "whether there is one of that name already was not read" in page.drawn


async def test_what_does_not_follow_does_not_say_that_it_does() -> None:
    client = fed()
    assert isinstance(client, FeedClient)
    async with console(status=sample.status(), client=client, screen="feed") as page:
        assert "● following" in page.drawn
        feed_fails(client)
        for path in (LOG, RECORDS):
            client.tell(path, BROKEN)
        await page.settle()
        await page.passes(1)
        assert "● following" not in page.drawn
        assert "? not following at present" in page.drawn
        assert "FEED 10" in page.drawn
