"""A screen in its states: how to come to each, what must then stand there, and where its picture is kept.

A picture shows layout; what a state means, its words say. So a state has a picture at the size that its
layout is tight or special at, or none, and its words stand at both usual sizes, whatever is pictured.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import pytest
from _pytest.mark import ParameterSet

from tests.tui.console_page import Console, without_colour
from tests.tui.console_snapshots import Pictured, unpictured

Size = tuple[int, int]
Steps = Callable[[Console], Awaitable[None]]
SMALL, USUAL, WIDE = (80, 24), (120, 40), (200, 50)


async def nothing(page: Console) -> None:
    """It is in its state already."""


def pressing(*keys: str) -> Steps:
    """Press these keys, one after another."""

    async def press(page: Console) -> None:
        await page.press(*keys)

    return press


@dataclass(frozen=True)
class ScreenState:
    """How to come to it, words that must then stand on the screen, and words that must not."""

    words: tuple[str, ...]
    steps: Steps = nothing
    sizes: tuple[Size, ...] = ()
    """In which there is a picture of it."""
    how: Mapping[str, Any] = field(default_factory=dict)
    not_there: tuple[str, ...] = ()

    @property
    def opened_in(self) -> tuple[Size, ...]:
        """The sizes in which it is opened, and thereby looked at."""
        return self.sizes or (USUAL,)

    def says(self, page: Console) -> None:
        """What must stand on the screen stands there, and nothing that must not."""
        shown = page.drawn
        for one in self.words:
            assert one in shown
        for one in self.not_there:
            assert one not in shown


def cases(states: Mapping[str, ScreenState]) -> list[ParameterSet]:
    """Each state by name, in each size that it is opened in."""
    return [
        pytest.param(name, size, id=f"{name}-{size[0]}x{size[1]}", marks=() if state.sizes else unpictured)
        for name, state in states.items()
        for size in state.opened_in
    ]


class Drawn(Protocol):
    """Draw a page that is in this state: its words stand there, also when the terminal is resized."""

    async def __call__(self, page: Console, state: ScreenState) -> None: ...


@pytest.fixture
def drawn(name: str, picture: Callable[[Pictured], None], monkeypatch: pytest.MonkeyPatch) -> Drawn:
    """For a test of states by `name`: those of no-colour are drawn without, those of ascii alone in ASCII."""
    if name.endswith("no-colour"):
        without_colour(monkeypatch)

    async def draw(page: Console, state: ScreenState) -> None:
        first = page.app.size
        state.says(page)
        assert page.drawn.isascii() == name.endswith("ascii")
        if first in state.sizes:
            picture(page)
        if first != state.opened_in[0]:
            return
        for other in (SMALL, USUAL):
            if other not in state.opened_in:
                await page.resize(other)
                state.says(page)

    return draw
