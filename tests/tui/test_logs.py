"""Logs of instances on one screen: merged, followed, filtered by task; what cannot be read is named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from syncropel.errors import RemoteError
from syncropel.wire import LogLine, LogPage
from tests.tui import console_sample as sample
from tests.tui.console_fakes import FakeClient
from tests.tui.console_page import Console, console, without_colour
from tests.tui.console_snapshots import Pictured
from tests.tui.sample_feed import log_line
from tui.model.logs import KEPT, Merged, log_row

A, B, C = (sample.WORKERS[name] for name in "abc")
HOSTILE = "\u202e[bold]x[/]\u200b\n\x1b[31m\u6f22\u5b57"


class LogClient(FakeClient):
    """Each instance has lines; what was read is not given again."""

    def __init__(self, **lines: list[LogLine]) -> None:
        super().__init__()
        self.tasks(sample.tasks())
        self.lines = {sample.WORKERS[name]: list(some) for name, some in lines.items()}
        self.refused: dict[str, BaseException] = {}
        self.missed = 0

    async def send(self, call: Any) -> Any:
        if not call.path.endswith("/log"):
            return await super().send(call)
        self.asked[call.path] += 1
        did = call.path.split("/")[-2].replace("%3A", ":")
        if did in self.refused:
            raise self.refused[did]
        since = int((call.query or {}).get("since", -1))
        some = [one for one in self.lines.get(did, []) if one.sequence > since]
        last = some[-1].sequence if some else max(since, 0)
        return LogPage(data=some, next_cursor=last, missed=self.missed)


def client() -> LogClient:
    return LogClient(
        a=[log_line(1), log_line(4, level="ERROR", message="disk full", thread=sample.THREAD)],
        b=[log_line(2, message="beats"), log_line(3, level="WARN", message=HOSTILE, thread=sample.THREAD)],
    )


async def typed(page: Console, words: str) -> None:
    await page.press("colon", *("space" if char == " " else char for char in words), "enter")


def shown(page: Console) -> list[tuple[str, str]]:
    rows = page.table("logs")._rows
    return [(row.cells["instance"].text, row.cells["kind"].text) for row in rows]


async def test_all_logs_are_one_in_the_order_of_their_times() -> None:
    async with console(status=sample.status(), client=client()) as page:
        await typed(page, "logs")
        assert [name for name, _ in shown(page)] == ["worker-a", "worker-b", "worker-b", "worker-a"]
        await page.filter("task:DOCS-11")
        assert shown(page) == [("worker-b", "WARN"), ("worker-a", "ERROR")]
        assert not {"\u202e", "\u200b", "\x1b"} & set(page.drawn)


@pytest.mark.parametrize("keys", ["command", "key"])
async def test_of_one_instance_only_its_own(keys: str) -> None:
    fake = client()
    async with console(status=sample.status(), client=fake) as page:
        await (typed(page, "logs worker-b") if keys == "command" else page.press("down", "down", "l"))
        assert {name for name, _ in shown(page)} == {"worker-b"}
        assert "worker-b log" in page.part("header")
        assert [path for path in fake.asked if path.endswith("/log")] == [
            f"/v1/fleet/instances/{B.replace(':', '%3A')}/log"
        ]


async def test_it_follows_until_the_operator_looks_back() -> None:
    fake = client()
    async with console(status=sample.status(), client=fake) as page:
        await typed(page, "logs worker-a")
        await page.press("up")
        assert "paused: f follows" in page.part("logs-state")
        fake.lines[A].append(log_line(9, message="more"))
        await page.passes(2)
        assert len(page.rows("logs")) == 3
        assert page.table("logs").chosen == f"{A}:{log_line(1).sequence}"
        await page.press("f")
        assert page.table("logs").chosen == f"{A}:{log_line(9).sequence}"


async def test_what_cannot_be_read_is_named_and_the_rest_is_shown() -> None:
    fake = client()
    fake.refused[B] = RemoteError(503, "unavailable", "UNAVAILABLE", "worker-b does not give its log", "")
    fake.refused[C] = RemoteError(404, "not_found", "NOT_FOUND", "there is no /v1/fleet/instances/x/log", "")
    async with console(status=sample.status(), client=fake) as page:
        await typed(page, "logs")
        assert "worker-b: worker-b does not give its log" in page.part("logs-state")
        assert "worker-c: the coordinator is of an older version" in page.part("logs-state")
        assert {name for name, _ in shown(page)} == {"worker-a"}
        del fake.refused[B]
        await page.passes(2)
        assert {name for name, _ in shown(page)} == {"worker-a", "worker-b"}


async def test_of_one_that_was_never_read_the_reason_stands_in_place_of_lines() -> None:
    fake = client()
    fake.refused[B] = RemoteError(403, "forbidden", "FORBIDDEN", "this needs the scope config:read", "")
    async with console(status=sample.status(), client=fake) as page:
        await typed(page, "logs worker-b")
        assert "this needs the scope config:read" in page.drawn
        assert "no line yet" not in page.drawn


async def test_lines_that_were_gone_are_counted() -> None:
    fake = client()
    async with console(status=sample.status(), client=fake) as page:
        await typed(page, "logs worker-a")
        fake.missed = 7
        await page.passes(2)
        assert "worker-a: 7 lines missed: see its log file" in page.part("logs-state")


async def test_a_line_in_full_and_its_thread() -> None:
    async with console(status=sample.status(), client=client()) as page:
        await typed(page, "logs")
        await page.press("enter")
        assert "disk full" in page.drawn
        await page.press("escape", "home", "t")
        assert "this line is about no thread" in [one.message for one in page.app._notifications]
        await typed(page, "logs nobody")
        assert "there is no instance 'nobody'" in page.drawn


def test_of_very_many_lines_the_newest_are_kept_and_the_rest_is_counted() -> None:
    merged = Merged()
    merged.take(A, [log_line(number) for number in range(KEPT)])
    merged.take(B, [log_line(number) for number in range(10)])
    merged.take(B, [log_line(number) for number in range(10)])
    assert len(merged.lines) == KEPT
    assert merged.dropped >= 10
    assert log_row("did:x", merged.lines[-1][1], {}).cells["instance"].text == "x"


SIZES = [(80, 24), (120, 40), (200, 50)]


@pytest.mark.parametrize("size", SIZES, ids=lambda one: f"{one[0]}x{one[1]}")
@pytest.mark.parametrize("state", ["live", "down"])
async def test_pictures(size: tuple[int, int], state: str, picture: Callable[[Pictured], None]) -> None:
    async with console(size, sample.status(), client()) as page:
        await typed(page, "logs")
        if state == "down":
            await page.down()
            assert "not following: ✗ DOWN" in page.part("logs-state")
        else:
            assert "● following" in page.part("logs-state")
        picture(page)


async def test_without_colour(monkeypatch: pytest.MonkeyPatch, picture: Callable[[Pictured], None]) -> None:
    without_colour(monkeypatch)
    async with console((80, 24), sample.status(), client()) as page:
        await typed(page, "logs")
        picture(page)
