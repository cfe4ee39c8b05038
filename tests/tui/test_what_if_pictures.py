"""The question what if, in its states: as a picture, and in what the picture means."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from console_states import Drawn, Size, drawn
from sample_what_if import answer, opened

from syncropel.errors import DaemonUnreachable, RemoteError, SyncropelError
from syncropel.wire.explain import WhatIf
from tui.dialogs.what_if import PAUSE_SECS

__all__ = ["drawn"]


@dataclass(frozen=True)
class State:
    """What the daemon answers, and words that must then stand there."""

    told: WhatIf | SyncropelError
    words: tuple[str, ...]
    how: dict[str, Any] = field(default_factory=dict)


MISTAKE = RemoteError(
    422, "invalid", "INVALID_EXPRESSION", "unexpected end", f"k_of_n > (2\n{' ' * 11}^\nclose it",
    place=(1, 12),
)  # fmt: skip
STATES = {
    "sooner": State(answer(), ("5.0 s sooner", "real: all", "supposed: any", "[0] tips it", "▲")),
    "many": State(answer(40, tips=39), ("more: the command shows them", "[39] tips it", "✓ [39]")),
    "never": State(
        answer().model_copy(
            update={"outcome": "never", "then": None, "explanation": "it would not have joined"}
        ),
        ("it would not have joined", "not joined"),
    ),
    "mistake": State(MISTAKE, ("unexpected end", "close it")),
    "down": State(DaemonUnreachable("no daemon answers", "start it: spl serve"), ("no daemon answers",)),
    "no-colour": State(answer(), ("▲", "━")),
    "ascii": State(answer(), ("^", "=", "+ [0]"), {"ascii_only": True}),
}


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
@pytest.mark.parametrize("name", STATES)
async def test_what_if(name: str, size: Size, drawn: Drawn) -> None:
    state = STATES[name]
    async with opened(state.told, size, **state.how) as (page, dialog):
        await page.passes(PAUSE_SECS)
        assert "[Close (esc)]" in dialog.words
        drawn(page, state.words)
