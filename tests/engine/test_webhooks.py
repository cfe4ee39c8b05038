"""Webhooks: each thing is told once, whatever restarts, refuses, or floods."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncropel.engine.webhooks.notice import MORE, Notice, merged
from syncropel.engine.webhooks.posting import NotTaken, signature
from syncropel.engine.webhooks.queue import GIVEN_UP_SECS, MOST_A_MINUTE, MOST_WAITING, Queue
from syncropel.engine.webhooks.webhooks import LOOK_SECS, Webhooks
from syncropel.errors import NotFound, SetupError
from syncropel.peer.runtime import Runtime
from syncropel.settings.webhooks import Webhook

HOOK = Webhook("chat", url="http://127.0.0.1:1/")


class World:
    """A fleet of which things can be told, a clock that only sleep moves, and a webhook that raises what
    `fails` has.
    """

    def __init__(self) -> None:
        self.there: dict[str, Notice] = {}
        self.fails: list[Exception] = []
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.now = 1000.0
        self.until = float("inf")
        self.over = asyncio.Event()
        self.runtime = Runtime(
            now=lambda: self.now, monotonic=lambda: self.now, sleep=self.sleep, share=lambda: 1.0
        )

    async def sleep(self, secs: float) -> None:
        await asyncio.sleep(0)
        self.now += secs
        if self.now >= self.until:
            self.over.set()
            await asyncio.Event().wait()

    async def post(self, hook: Webhook, told: Mapping[str, Any], now: float) -> None:
        if self.fails:
            raise self.fails.pop(0)
        self.told.append((hook.name, dict(told)))

    def begins(self, *keys: str, event: str = "failure", text: str = "it failed") -> None:
        self.there |= {key: Notice(key, event, self.now, text) for key in keys}

    def queue(self, hook: Webhook = HOOK) -> Queue:
        return Queue(hook, "site", self.runtime, self.post)

    def webhooks(self, file: Path, *hooks: Webhook) -> Webhooks:
        named = {one.name: one for one in hooks or (HOOK,)}
        return Webhooks(named, "site", file, self.runtime, lambda: dict(self.there), self.post)

    @property
    def texts(self) -> list[str]:
        return [told["text"] for _, told in self.told]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "webhooks.json"


async def runs(webhooks: Webhooks, world: World, looks: int = 3) -> None:
    """As long as so many looks take."""
    world.until, world.over = world.now + looks * LOOK_SECS, asyncio.Event()
    task = asyncio.ensure_future(webhooks.run())
    await world.over.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_what_is_there_at_the_first_start_is_not_told_and_what_comes_is(
    world: World, file: Path
) -> None:
    world.begins("old")
    webhooks = world.webhooks(file)
    await runs(webhooks, world)
    assert world.told == []
    world.begins("new", text="it has failed now")
    await runs(world.webhooks(file), world)
    ((name, told),) = world.told
    assert (name, told["event"], told["text"], told["fleet"]) == (
        "chat", "failure", "site: it has failed now", "site",
    )  # fmt: skip
    assert file.stat().st_mode & 0o777 == 0o600


async def test_a_restart_tells_nothing_again_and_forgets_nothing(world: World, file: Path) -> None:
    await runs(world.webhooks(file), world)
    world.begins("a", "b")
    world.fails = [NotTaken("down", again=True)] * 100
    await runs(world.webhooks(file), world)
    assert world.told == []
    world.fails.clear()
    world.there.clear()  # nobody would find them any more
    await runs(world.webhooks(file), world)
    assert len(world.told) == 2
    await runs(world.webhooks(file), world)
    assert len(world.told) == 2
    assert len({told["id"] for _, told in world.told}) == 2


async def test_the_same_thing_is_told_again_only_after_it_was_over(world: World, file: Path) -> None:
    webhooks = world.webhooks(file)
    webhooks.look()
    for there in (True, True, False, True):
        world.there.clear()
        if there:
            world.begins("stale/a", event="stale")
        webhooks.look()
    assert webhooks.told()[0]["waiting"] == 2


async def test_a_freeze_that_is_lifted_is_told_too(world: World, file: Path) -> None:
    webhooks = world.webhooks(file)
    webhooks.look()
    world.begins("freeze/r", event="freeze", text="soft freeze of docs")
    webhooks.look()
    world.there.clear()
    again = world.webhooks(file)  # also one that was lifted while nobody looked
    await runs(again, world)
    assert world.texts == ["site: soft freeze of docs", "site: lifted: soft freeze of docs"]


async def test_each_hears_of_what_it_wants(world: World, file: Path) -> None:
    other = Webhook("pager", url="http://127.0.0.1:1/", events=("freeze",))
    webhooks = world.webhooks(file, HOOK, other)
    webhooks.look()
    world.begins("f")
    world.begins("freeze/r", event="freeze")
    await runs(webhooks, world)
    assert sorted((name, told["event"]) for name, told in world.told) == [
        ("chat", "failure"), ("chat", "freeze"), ("pager", "freeze"),
    ]  # fmt: skip


async def test_one_that_does_not_answer_delays_no_other(world: World, file: Path) -> None:
    hangs = asyncio.Event()

    async def post(hook: Webhook, told: Mapping[str, Any], now: float) -> None:
        if hook.name == "pager":
            await hangs.wait()
        await world.post(hook, told, now)

    named = {"pager": replace(HOOK, name="pager"), "chat": HOOK}
    webhooks = Webhooks(named, "site", file, world.runtime, lambda: dict(world.there), post)
    webhooks.look()
    world.begins("a", "b")
    await runs(webhooks, world)
    assert [name for name, _ in world.told] == ["chat", "chat"]


async def test_an_error_of_a_look_ends_nothing(
    world: World, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def look() -> Mapping[str, Notice]:
        if not caplog.messages:
            raise ValueError("no")
        return dict(world.there)

    webhooks = Webhooks({"chat": HOOK}, "site", file, world.runtime, look, world.post)
    webhooks.look()
    assert caplog.messages == ["cannot look what is new"]
    webhooks.look()
    world.begins("a")
    await runs(webhooks, world)
    assert len(world.told) == 1


@pytest.mark.parametrize("content", ["", "junk", "[]", '{"version": 9}', '{"version": 1, "known": []}'])
async def test_a_file_that_is_damaged_is_told_and_nothing_old_is_sent(
    world: World, file: Path, caplog: pytest.LogCaptureFixture, content: str
) -> None:
    file.write_text(content)
    world.begins("old")
    await runs(world.webhooks(file), world)
    assert world.told == []
    assert "what is there now counts as told" in caplog.text
    assert json.loads(file.read_text())["known"] == {"old": "it failed"}


async def test_a_disk_that_is_full_is_told_once(
    world: World, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    webhooks = world.webhooks(file.parent / "gone" / "webhooks.json")
    webhooks.look()
    for key in "abc":
        world.begins(key)
        webhooks.look()
    assert sum("cannot note what webhooks were told" in one for one in caplog.messages) == 1
    assert webhooks.told()[0]["waiting"] == 3


async def test_with_nobody_to_tell_nothing_is_looked_for(world: World, file: Path) -> None:
    webhooks = Webhooks({}, "site", file, world.runtime, pytest.fail, world.post)
    await webhooks.run()
    assert not file.exists()


async def test_a_hook_that_cannot_be_used_says_so_before_it_is_needed(world: World, file: Path) -> None:
    webhooks = world.webhooks(file, Webhook("chat", url_file=str(file.parent / "missing")))
    assert "[webhooks.chat]: cannot read the file" in webhooks.told()[0]["problem"]


async def test_a_test_is_posted_at_once_and_its_failure_is_its_own(world: World, file: Path) -> None:
    webhooks = world.webhooks(file)
    await webhooks.test("chat")
    assert "a test of the webhook chat" in world.texts[0]
    world.fails = [NotTaken("it answered 500", again=True)]
    with pytest.raises(NotTaken, match="500"):
        await webhooks.test("chat")
    with pytest.raises(NotFound, match="no webhook 'pager'"):
        await webhooks.test("pager")


async def test_what_is_not_taken_comes_again_in_order_and_later_each_time(world: World) -> None:
    queue = world.queue()
    for key in "ab":
        queue.add(Notice(key, "join", world.now, key))
    world.fails = [
        NotTaken("down", again=True),
        NotTaken("busy", again=True, after=40.0),
        SetupError("no", "x"),
    ]
    waits = [await queue.send_next() for _ in range(3)]
    assert waits == [1.0, 40.0, 4.0]
    assert (queue.problem, len(queue)) == ("no; x", 2)
    assert [await queue.send_next() for _ in range(2)] == [0.0, 0.0]
    assert world.texts == ["site: a", "site: b"]
    assert (queue.problem, queue.sent, queue.dropped, queue.at) == ("", 2, 0, 1000.0)


@pytest.mark.parametrize("again", [False, True])
async def test_what_never_will_be_taken_is_dropped_and_counted(world: World, again: bool) -> None:
    queue = world.queue()
    queue.add(Notice("a", "join", world.now - (GIVEN_UP_SECS if again else 0), "a"))
    queue.add(merged([Notice(key, "failure", world.now, key) for key in "bcd"]))
    world.fails = [NotTaken("it answered 410", again=again), NotTaken("it answered 410", again=False)]
    assert [await queue.send_next() for _ in range(2)] == [0.0, 0.0]
    assert (queue.dropped, len(queue), queue.problem) == (4, 0, "it answered 410")


async def test_no_more_than_so_many_go_out_in_a_minute(world: World) -> None:
    queue = world.queue()
    for number in range(MOST_WAITING):
        queue.add(Notice(str(number), "join", world.now, "x"))
    assert [await queue.send_next() for _ in range(MOST_A_MINUTE)] == [0.0] * MOST_A_MINUTE
    queue.add(Notice("last", "join", world.now, "last"))
    world.now += 59.0
    assert await queue.send_next() == 1.0
    assert len(world.told) == MOST_A_MINUTE
    world.now += 1.0
    assert await queue.send_next() == 0.0
    assert len(world.told) == MOST_A_MINUTE + 1


@given(st.lists(st.sampled_from(["join", "failure", "question"]), max_size=80))
def test_of_a_flood_nothing_is_lost_from_the_count(events: list[str]) -> None:
    queue = World().queue()
    for number, event in enumerate(events):
        queue.add(Notice(str(number), event, 1.0, "x"))
    waiting = queue.waiting
    assert len(waiting) == min(len(events), MOST_WAITING)
    counted = sum(sum(one.facts["counts"].values()) if one.event == MORE else 1 for one in waiting)
    assert counted == len(events)
    first = [one.key for one in waiting[: MOST_WAITING - 1]]
    assert first == [str(number) for number in range(min(len(events), MOST_WAITING - 1))]
    assert [Notice.from_json(json.loads(json.dumps(one.to_json()))) for one in waiting] == waiting


def test_many_are_told_as_one() -> None:
    notices = [Notice("a", "join", 1.0, "x"), Notice("b", "failure", 2.0, "x"), Notice("c", "join", 3.0, "x")]
    assert merged([merged(notices[:2]), notices[2]]).text.startswith(
        "3 more that were not sent one by one: 1 failure, 2 join"
    )


def test_what_is_private_is_told_only_to_whom_it_may_be() -> None:
    notice = Notice("a", "question", 1.0, "T[0] waits", "may I rm -rf?", {"task": "T"})
    assert notice.body("site", texts=True) == {
        "id": notice.id, "event": "question", "at": 1.0, "fleet": "site", "task": "T",
        "text": "site: T[0] waits: may I rm -rf?",
    }  # fmt: skip
    assert "rm -rf" not in str(notice.body("site", texts=False))


def test_a_signature_is_over_the_time_and_the_body() -> None:
    known = "1ba6b8171186efc613e8bcc0cbdab2748f24984d7c5a84faa2637afa0e40d224"
    assert signature("key", 1, b"{}") == f"t=1,v1={known}"
    assert len({signature(key, at, body) for key in "ab" for at in (1, 2) for body in (b"x", b"y")}) == 8
