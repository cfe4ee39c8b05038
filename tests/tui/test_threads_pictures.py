"""Threads, their replay and their comparison in all their states: in words, and as pictures."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from syncropel.errors import RemoteError
from tests.tui import console_sample as sample
from tests.tui import sample_threads
from tests.tui.console_page import Console, console
from tests.tui.console_states import SMALL, USUAL, WIDE, Drawn, ScreenState, Size, Steps, cases, drawn
from tests.tui.sample_threads import OTHER, THREAD, ThreadClient, fan_out, talk

__all__ = ["drawn"]


def pressing(*keys: str) -> Steps:
    async def press(page: Console) -> None:
        for key in keys:
            await page.press(key)
        await page.passes(0.5)  # what the last key asked for is read
        await page.passes(0.5)

    return press


async def plays(page: Console) -> None:
    await page.press("enter", "home", "space", "space")
    for secs in (1, 0.25, 0.25):  # what sleeps at ×1 wakes after a second
        await page.passes(secs)


async def goes_down(page: Console) -> None:
    await page.press("enter")
    await page.down()


async def filters(page: Console) -> None:
    await page.filter("status:blocked")


@dataclass(frozen=True)
class State(ScreenState):
    """A state of the threads, and what there is of them."""

    listed: int | None = None
    """So many threads, or the usual five."""
    records: int = 0
    """So many records in the thread, or the usual nine."""
    altered: int = 0
    refused: bool = False


STATES = {
    "list": State(("THREADS 5", "DOCS-11", "✓ approved", "‖ blocked"), sizes=(SMALL, USUAL, WIDE)),
    "empty": State(("THREADS 0", "no thread yet", "spl task add GOAL"), sizes=(SMALL,), listed=0),
    "one": State(("THREADS 1", "DOCS-11"), listed=1, not_there=("1-",)),
    "many": State(("THREADS 1200", "of 1200"), listed=1200),
    "filtered": State(("THREADS 1 of 5 · filter status:blocked", "SITE-4"), filters, not_there=("approved",)),
    "refused": State(("threads could not be read", "lacks the scope", "it has"), sizes=(USUAL,),
                     refused=True),
    "help": State(("Keys: Threads", "compare with another thread"), pressing("?")),
    "end": State(
        ("record 9 of 9", "at rest", "→ ✓ approved", "✓ holds", "– → accept"),
        pressing("enter"), sizes=(SMALL, USUAL, WIDE),
    ),
    "start": State(("record 1 of 9", "· open"), pressing("enter", "home")),
    "middle": State(("record 2 of 9", "open → … in progress", "waiting"),
                    pressing("enter", "left_square_bracket"), (SMALL,)),
    "playing": State(("record 4 of 9", "playing ×4"), plays, not_there=("at rest",)),
    "join-then": State(("record 6 of 9", "DOCS-11", "1/3 accepted", "✓ accept", "SUBTASKS 3"),
                       pressing("enter", "v", "left", "left", "left"), (SMALL,)),
    "tampered": State(("✗", "altered: the content", "record 7 of 9"),
                      pressing("enter", "left", "left"), (USUAL,), altered=7, not_there=("✓ holds",)),
    "thousands": State(("record 10,000 of 10,000", "remark 9999", "RECORDS 10000"), pressing("enter"),
                       records=10_000),
    "down": State(("✗ DOWN", "record 9 of 9", "data is"), goes_down),
    "no-colour": State(("record 9 of 9", "✓ holds"), pressing("enter"), (USUAL,)),
    "ascii": State(("record 9 of 9", "+ holds"), pressing("enter"), (SMALL,), how={"ascii_only": True}),
    "pick": State(("compare DOCS-11 with which thread?", "compare with"), pressing("d"), (USUAL,)),
    "compare": State(("DOCS-11 ⇄ SITE-4", "they diverge at “task”", "✗ differs", "differ", "status"),
                     pressing("d", "down", "enter"), sizes=(SMALL, USUAL, WIDE)),
    "same": State(("no difference: 9 same",), pressing("d", "enter"), (SMALL,)),
}  # fmt: skip


def client_of(state: State) -> ThreadClient:
    client = ThreadClient(sample_threads.some())
    if state.listed is not None:
        others = [f"th_{9000 + n:064x}" for n in range(1, state.listed)]
        client.listed = [sample_threads.summary(id_, 3, n) for n, id_ in enumerate([THREAD, *others])]
        client.listed = client.listed[: state.listed]
    client.hold(THREAD, talk(state.records) if state.records else fan_out())
    client.hold(OTHER, fan_out(OTHER, "SITE-4", "failed"))
    client.altered = {state.altered}
    client.tasks(sample.tasks())
    client.join(sample.join())
    if state.refused:
        lacks = RemoteError(403, "t", "FORBIDDEN", "sa-1 lacks the scope threads:read", "it has: fleet:read")
        client.answers["/v1/threads"] = lacks
    return client


@pytest.mark.usefixtures("utc")
@pytest.mark.parametrize(("name", "size"), cases(STATES))
async def test_threads(name: str, size: Size, drawn: Drawn) -> None:
    state = STATES[name]
    async with console(size, sample.status(), client_of(state), screen="threads", **state.how) as page:
        await page.passes(5)  # the list is read to its end
        await state.steps(page)
        await drawn(page, state)
