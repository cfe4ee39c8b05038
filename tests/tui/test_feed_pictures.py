"""The feed in all its states: in words, and where its layout shows as a picture."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from syncropel.client import Event
from syncropel.errors import RemoteError
from tests.tui import console_sample as sample
from tests.tui import sample_feed
from tests.tui.console_page import Console, console
from tests.tui.console_states import SMALL, USUAL, WIDE, Drawn, ScreenState, Size, cases, drawn, pressing
from tests.tui.sample_feed import LOG, RECORDS, FeedClient, record

__all__ = ["drawn"]


async def pauses(page: Console) -> None:
    assert isinstance(page.client, FeedClient)
    await page.press("up", "up")
    for number in range(20, 77):
        page.client.tell_record(record(number))
    await page.settle()
    await page.passes(0.25)


async def lags(page: Console) -> None:
    assert isinstance(page.client, FeedClient)
    page.client.tell(RECORDS, Event("error", {"code": "lagged", "message": "too slow"}))
    page.client.tell(LOG, Event("log.gap", {"missed": 37}))
    await page.settle()
    await page.passes(0.25)


async def goes_down(page: Console) -> None:
    assert isinstance(page.client, FeedClient)
    for path in (RECORDS, LOG):
        page.client.tell(path, None)
    await page.passes(3)
    await page.down()


async def is_refused(page: Console) -> None:
    assert isinstance(page.client, FeedClient)
    lacks = RemoteError(403, "t", "FORBIDDEN", "sa-1 lacks the scope config:read", "it has: records:read")
    page.client.refused[LOG] = lacks
    page.client.tell(LOG, None)
    await page.settle()
    await page.passes(0.5)


async def filters(page: Console) -> None:
    await page.filter("act:know")


@dataclass(frozen=True)
class State(ScreenState):
    """A state of the feed; `rows` more records than the usual, None for none at all."""

    rows: int | None = 0


STATES = {
    "live": State(
        ("Feed", "● following", "records and log", "LEARN", "✗ failed", "80%", "worker-a", "DOCS-11"),
        sizes=(SMALL, USUAL, WIDE),
    ),
    "empty": State(("FEED 0", "no record and no log line yet", "spl task add GOAL"), sizes=(SMALL,),
                   rows=None),
    "many": State(("FEED 510", "record 500", "of 510", "● following"), rows=500),
    "paused": State(("‖ paused · 57 new · f follows", "FEED 10"), pauses, (SMALL,),
                    not_there=("chapter 76",)),
    "gap": State(("GAP", "too slow: records again from #11", "37 log lines missed"), lags, (USUAL,)),
    "down": State(("✗ DOWN", "data is", "LEARN"), goes_down, (SMALL,)),
    "refused": State(("log cannot be followed", "lacks the scope config:read"), is_refused, (USUAL,)),
    "records-only": State(("records only", "FEED 6"), pressing("o"), not_there=("commit of 12",)),
    "log-only": State(("log only", "FEED 4", "commit of 12"), pressing("o", "o"), not_there=("LEARN",)),
    "filtered": State(("FEED 2 of 10 · filter act:know", "✗ failed"), filters, not_there=("LEARN",)),
    "no-colour": State(("● following", "✗ failed", "ERROR"), sizes=(USUAL,)),
    "ascii": State(("* following", "x failed", "+ accept"), sizes=(SMALL,), how={"ascii_only": True}),
    "help": State(("Keys: Feed", "follow what is new, or pause", "spl records watch"), pressing("?")),
    "record": State(("Feed › LEARN", '"topic": "freeze"', "did:sync:user:ada", "spl records show"),
                    pressing("up", "up", "enter"), (USUAL,)),
    "log-line": State(("Feed › ERROR", "ValueError: the reason", "syncropel.api", "spl logs --since"),
                      pressing("up", "up", "up", "enter"), (SMALL,)),
}  # fmt: skip


def client_of(state: State) -> FeedClient:
    client = FeedClient() if state.rows is None else FeedClient(*sample_feed.some())
    client.tasks(sample.tasks())
    client.join(sample.join())
    for number in range(state.rows or 0):
        client.tell_record(record(100 + number, body={"topic": f"record {number + 1}"}))
    return client


@pytest.mark.usefixtures("utc")
@pytest.mark.parametrize(("name", "size"), cases(STATES))
async def test_feed(name: str, size: Size, drawn: Drawn) -> None:
    state = STATES[name]
    async with console(size, sample.status(), client_of(state), screen="feed", **state.how) as page:
        await state.steps(page)
        await drawn(page, state)
