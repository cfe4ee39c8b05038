"""What is pasted is never taken for keys, however its pieces come."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual import constants, events
from textual.message import Message

from tests.tui import console_sample as sample
from tests.tui.console_page import console
from tui.app.paste import BEGIN, END, PATIENCE_SECS, PasteParser

TEXT = "F docs hot\rq\r4"


class Terminal:
    """A parser with a clock of its own; `slow` is the time between two pieces."""

    def __init__(self, slow: float) -> None:
        self.now, self.slow = 0.0, slow
        self.parser = PasteParser(clock=lambda: self.now)

    def reads(self, *pieces: str) -> list[Message]:
        found: list[Message] = []
        for piece in pieces:
            found += self.parser.feed(piece)
            self.now += self.slow
            found += self.parser.tick()
        self.now += 2 * PATIENCE_SECS
        return [*found, *self.parser.tick()]


def keys(found: Iterable[Message]) -> list[str]:
    return [one.key for one in found if isinstance(one, events.Key)]


def pastes(found: Iterable[Message]) -> list[str]:
    return [one.text for one in found if isinstance(one, events.Paste)]


@pytest.mark.parametrize("slow", [0.0, 0.3])
@pytest.mark.parametrize("at", range(1, len(BEGIN + TEXT + END)))
def test_wherever_it_is_cut_it_stays_one_paste(at: int, slow: float) -> None:
    whole = BEGIN + TEXT + END
    found = Terminal(slow).reads(whole[:at], whole[at:], "x")
    assert pastes(found) == [TEXT]
    # A lone escape is answered at once, whatever comes after it.
    early = ["escape"] if at == 1 and slow else []
    assert keys(found) == [*early, "x"]


@given(st.lists(st.integers(0, 40), max_size=6), st.sampled_from([0.0, 0.02, 0.3]))
def test_in_any_pieces_no_key_comes_of_it(cuts: list[int], slow: float) -> None:
    whole = f"j{BEGIN}{TEXT}{END}k"
    places = sorted({0, len(whole), *(one for one in cuts if one < len(whole))})
    pieces = [whole[begin:end] for begin, end in pairwise(places)]
    found = Terminal(slow).reads(*pieces)
    assert pastes(found) == [TEXT]
    assert [one for one in keys(found) if one != "escape"] == ["j", "k"]


def test_an_escape_in_what_is_pasted_is_no_key() -> None:
    found = Terminal(0.3).reads(BEGIN + "a\x1b", "[A\x1b[20", "b" + END)
    assert (pastes(found), keys(found)) == (["a\x1b[A\x1b[20b"], [])


def test_keys_are_what_they_were() -> None:
    found = Terminal(constants.ESCAPE_DELAY * 2).reads("q", "\x1b", "\x1b[A", "\x1b[2~", "é", "\r")
    assert keys(found) == ["q", "escape", "up", "insert", "é", "enter"]


def test_a_paste_without_an_end_ends_all_the_same() -> None:
    terminal = Terminal(0.1)
    assert pastes(terminal.reads(BEGIN + "lost")) == ["lost"]
    assert keys(terminal.reads("j")) == ["j"]


async def test_a_paste_does_nothing_where_nothing_is_typed() -> None:
    async with console((120, 40), sample.status(), screen="tasks") as page:
        before = page.part("header")
        page.app.screen.post_message(events.Paste("F docs hot\nq\n4"))
        await page.passes(1)
        assert page.part("header") == before
        assert len(page.app.screen_stack) == 1
