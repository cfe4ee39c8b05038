"""Numbers as a person reads them."""

from __future__ import annotations

import pytest

from syncropel.cli.support import numbers


@pytest.mark.parametrize(
    ("secs", "text"),
    [
        (0, "0"),
        (0.021, "0.021"),
        (0.3, "0.3"),
        (0.97, "1"),
        (1.02, "1"),
        (1.5, "2"),
        (2.5, "3"),
        (119.7, "120"),
    ],
)
def test_walls(secs: float, text: str) -> None:
    assert numbers.wall(secs) == text


@pytest.mark.parametrize(
    ("secs", "text"), [(-1, "0s"), (5.9, "5s"), (192, "3m12s"), (7500, "2h05m"), (273600, "3d04h")]
)
def test_durations(secs: float, text: str) -> None:
    assert numbers.duration(secs) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (36_960, "37.0 kB"), (999_960, "1.0 MB"), (5e12, "5.0 TB")],
)
def test_sizes(count: int, text: str) -> None:
    assert numbers.size(int(count)) == text


def test_money_and_ratios() -> None:
    assert (numbers.dollars(0.417), numbers.dollars(0, 4), numbers.ratio(None), numbers.ratio(2)) == (
        "$0.42",
        "$0.0000",
        "—",
        "2.00×",
    )
