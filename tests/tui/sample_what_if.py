"""A fan-out that might have joined sooner, and a console that asks about it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from syncropel.errors import SyncropelError
from syncropel.wire.explain import JoinMoment, WhatIf, WhatIfBar
from tests.tui import console_sample as sample
from tests.tui.console_fakes import FakeClient
from tests.tui.console_page import Console, console
from tests.tui.dialog_page import DialogPage

REAL = JoinMoment(
    record="aa" * 32, index=1, at=1010.0, elapsed_secs=10.0, cost_usd=0.5, accepted=2, finished=2
)
THEN = JoinMoment(
    record="bb" * 32, index=0, at=1005.0, elapsed_secs=5.0, cost_usd=0.2, accepted=1, finished=1
)


def answer(bars: int = 2, tips: int = 1) -> WhatIf:
    """So many subtasks; the real join is tipped by `tips`."""
    return WhatIf(
        thread=sample.join().thread,
        alias="TUT-001",
        join="all",
        supposed="any",
        outcome="sooner",
        explanation="it would have joined 5.0 s sooner, with $0.30 less spent by then",
        started_at=1000.0,
        real=REAL.model_copy(update={"index": tips}),
        then=THEN,
        subtasks=[
            WhatIfBar(
                index=index,
                goal="work",
                state="accept",
                spawned_at=1000.0,
                finished_at=1005.0 + 5 * index,
                cost_usd=0.2,
            )
            for index in range(bars)
        ],
    )


@asynccontextmanager
async def opened(
    told: WhatIf | SyncropelError, size: tuple[int, int] = (120, 40), **how: Any
) -> AsyncIterator[tuple[Console, DialogPage]]:
    """The dialog over the tasks, about DOCS-11, answered with `told`."""
    client = FakeClient()
    client.tasks(sample.tasks())
    client.join(sample.join())
    client.answers["/v1/tasks/DOCS-11/what-if"] = told
    async with console(size, sample.status(), client, **how) as page:
        await page.press("2")
        await page.passes(1)
        await page.press("w")
        yield page, DialogPage(page)
