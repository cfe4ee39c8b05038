"""Of a line that changes only what is another is drawn again."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from tui.widgets.lines import Span, Spans, _changed

WIDTH = 40


def line(*words: str) -> Spans:
    return tuple(Span(one, "muted" if place else "plain") for place, one in enumerate(words))


@pytest.mark.parametrize(
    ("old", "new", "left", "right"),
    [
        (line("age 4m 06s · more"), line("age 4m 07s · more"), 7, 10),
        (line("age ", "9s"), line("age ", "10s"), 3, WIDTH),
        (line("same"), line("same", " and more"), 3, WIDTH),
        (line("日本 1 x"), line("日本 2 x"), 4, 7),
        (line("x"), line(""), 0, WIDTH),
        ((Span("live", "good"),), (Span("live", "warn"),), 0, 4),
        ((Span("a"), Span("bc", "good")), (Span("a"), Span("bc", "warn")), 0, 3),
        ((Span("a"), Span("bc"), Span("d", action="x")), (Span("a"), Span("bc"), Span("d")), 2, 4),
    ],
)
def test_what_lies_outside_is_as_it_was(old: Spans, new: Spans, left: int, right: int) -> None:
    region = _changed(old, new, 2, WIDTH)
    assert (region.x, region.y, region.right, region.height) == (left, 2, right, 1)


def test_a_sign_over_the_one_before_is_drawn_with_it() -> None:
    old, new = line("cafe and more"), line("cafe\N{COMBINING ACUTE ACCENT} and more")
    region = _changed(old, new, 0, WIDTH)
    assert region.x == cell_len("caf")
    assert region.right >= cell_len("cafe")
