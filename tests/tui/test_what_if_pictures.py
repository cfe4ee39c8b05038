"""The question what if, in its states: in words, and where its layout shows as a picture."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from syncropel.errors import DaemonUnreachable, RemoteError, SyncropelError
from syncropel.wire.explain import WhatIf
from tests.tui.console_states import SMALL, USUAL, Drawn, ScreenState, Size, cases, drawn
from tests.tui.sample_what_if import answer, opened
from tui.dialogs.what_if import PAUSE_SECS

__all__ = ["drawn"]


@dataclass(frozen=True)
class State(ScreenState):
    """A state of the dialog, and what the daemon answers in it."""

    told: WhatIf | SyncropelError = field(default_factory=answer)


MISTAKE = RemoteError(
    422, "invalid", "INVALID_EXPRESSION", "unexpected end", f"k_of_n > (2\n{' ' * 11}^\nclose it",
    place=(1, 12),
)  # fmt: skip
NEVER = {"outcome": "never", "then": None, "explanation": "it would not have joined"}
STATES = {
    "sooner": State(
        ("5.0 s sooner", "real: all", "supposed: any", "[0] tips it", "▲"), sizes=(SMALL, USUAL)
    ),
    "many": State(
        ("more: the command shows them", "[39] tips it", "✓ [39]"), sizes=(SMALL,), told=answer(40, tips=39)
    ),
    "never": State(
        ("it would not have joined", "not joined"), sizes=(USUAL,), told=answer().model_copy(update=NEVER)
    ),
    "mistake": State(("unexpected end", "close it"), sizes=(SMALL,), told=MISTAKE),
    "down": State(("no daemon answers",), told=DaemonUnreachable("no daemon answers", "start it: spl serve")),
    "no-colour": State(("▲", "━"), sizes=(USUAL,)),
    "ascii": State(("^", "=", "+ [0]"), sizes=(SMALL,), how={"ascii_only": True}),
}  # fmt: skip


@pytest.mark.parametrize(("name", "size"), cases(STATES))
async def test_what_if(name: str, size: Size, drawn: Drawn) -> None:
    state = STATES[name]
    async with opened(state.told, size, **state.how) as (page, dialog):
        await page.passes(PAUSE_SECS)
        assert "[Close (esc)]" in dialog.words
        await drawn(page, state)
