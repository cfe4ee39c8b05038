"""A screen in its states: how to come to each, what must then stand there, and its picture."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import pytest
from _pytest.mark import ParameterSet
from console_page import Console, without_colour
from console_snapshots import Pictured

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
    sizes: tuple[Size, ...] = (SMALL, USUAL)
    how: Mapping[str, Any] = field(default_factory=dict)
    not_there: tuple[str, ...] = ()


def cases(states: Mapping[str, ScreenState]) -> list[ParameterSet]:
    """Each state by name, in each of its sizes."""
    return [
        pytest.param(name, size, id=f"{name}-{size[0]}x{size[1]}")
        for name, state in states.items()
        for size in state.sizes
    ]


class Drawn(Protocol):
    """Draw a page, whose words must stand there."""

    def __call__(self, page: Console, words: Iterable[str], not_there: Iterable[str] = ()) -> None: ...


@pytest.fixture
def drawn(name: str, picture: Callable[[Pictured], None], monkeypatch: pytest.MonkeyPatch) -> Drawn:
    """For a test of states by `name`: `no-colour` is drawn without, `ascii` alone in ASCII."""
    if name == "no-colour":
        without_colour(monkeypatch)

    def draw(page: Console, words: Iterable[str], not_there: Iterable[str] = ()) -> None:
        shown = page.drawn
        for one in words:
            assert one in shown
        for one in not_there:
            assert one not in shown
        assert shown.isascii() == (name == "ascii")
        picture(page)

    return draw
