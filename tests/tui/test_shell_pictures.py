"""The frame around the screens in its states: fleets, locks, themes, other keys."""

from __future__ import annotations

import pytest

from syncropel.cli.support.grammar import Grammar
from syncropel.errors import DaemonNotRunning
from tests.tui import console_sample as sample
from tests.tui.console_page import Console
from tests.tui.console_states import SMALL, USUAL, Drawn, ScreenState, Size, cases, drawn
from tests.tui.fleets_page import READER, consoles, daemon, status_of
from tui.model import keymap

__all__ = ["drawn"]


async def lists_fleets(page: Console) -> None:
    await switches(page)
    await page.passes(75)
    local, prod = (page.app.fleets.session(name)._client for name in ("local", "prod"))
    stale = [sample.instance("local-w", status="stale")]
    local.snapshot(status_of("local"))  # type: ignore[attr-defined]
    local.snapshot(status_of("local", live=0, stale=1, instances=stale, freezes=[sample.freeze()]))  # type: ignore[attr-defined]
    prod.snapshot(status_of("prod"))  # type: ignore[attr-defined]
    await page.settle()
    page.app.clear_notifications()
    await page.press("c", "up")


async def switches(page: Console) -> None:
    await page.app.fleet_screens.look_at("prod")
    await page.settle()
    page.clock.advance(0.5)
    await page.settle()


async def loses_it(page: Console) -> None:
    await switches(page)
    gone = DaemonNotRunning("no daemon answers at https://stage.example.org", "start it: spl serve")
    page.client.refuse = gone
    page.client.break_with(gone)
    await page.app.fleet_screens.look_at("stage")
    await page.settle()
    for _ in range(3):
        await page.passes(5)


async def asks_to_unlock(page: Console) -> None:
    await switches(page)
    await page.press("W", "c", *"prod")


async def unlocks(page: Console) -> None:
    await asks_to_unlock(page)
    await page.press("enter", "enter", "escape")
    await page.passes(57)


async def wears_day(page: Console) -> None:
    await switches(page)
    page.app.appearance.wear("console-day")
    await page.passes(0)


async def wears_contrast(page: Console) -> None:
    await switches(page)
    page.app.appearance.wear("high-contrast")
    await page.passes(0)


async def asks_for_help(page: Console) -> None:
    await page.press("question_mark", "pagedown")
    await page.settle()


KEYS = keymap.read({"freeze": ["ctrl+k"], "tasks": ["f2"]}, "{}".format)
STATES = {
    "contexts": ScreenState(
        ("Contexts", "! local: 2 news", "local  ● LIVE  0 live · 1 stale", "❄ 1 frozen  2 news",
         "↻ CONNECTING"),
        lists_fleets, (SMALL,),
    ),
    "switched": ScreenState(("[prod]", "● LIVE", "READ-ONLY", "prod-w"), switches, (USUAL,)),
    "lost": ScreenState(
        ("[stage]", "DOWN", "nobody answers at https://stage.example.org"), loses_it, (SMALL,)
    ),
    "unlock": ScreenState(("Unlock", "for 15m 00s", "not on this machine"), asks_to_unlock, (SMALL,)),
    "unlocked": ScreenState(("[prod]", "UNLOCKED 14m 03s"), unlocks),
    "reader": ScreenState(("READ-ONLY",), how={"who": READER}),
    "day": ScreenState(("[prod]", "● LIVE", "prod-w"), wears_day, (USUAL,)),
    "contrast": ScreenState(("[prod]", "● LIVE", "prod-w"), wears_contrast, (SMALL,)),
    "other-keys": ScreenState(
        ("Keys: Fleet", "f2   the Tasks screen", "esc closes"), asks_for_help, (SMALL,), {"keymap": KEYS}
    ),
}  # fmt: skip


@pytest.mark.parametrize(("name", "size"), cases(STATES))
async def test_picture(name: str, size: Size, drawn: Drawn) -> None:
    state = STATES[name]
    how = dict(state.how)
    who = {"who": how.pop("who")} if "who" in how else {}
    daemons = {"local": daemon("local", **who), "prod": daemon("prod")}
    async with consoles(daemons, size=size, grammar=Grammar(), **how) as page:
        if name == "lost":
            page.client = page.app.fleets.session("stage")._client  # type: ignore[assignment]
        await state.steps(page)
        await drawn(page, state)
