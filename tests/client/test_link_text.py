"""Links in words, as the command line and the console show them."""

from __future__ import annotations

from typing import Any

import pytest

from syncropel.client.link_text import endpoint_words, link_lines, link_problem, round_trip_words
from syncropel.wire import InstanceOut, LinkOut
from tests.tui import console_sample as sample

AT = sample.AT


def instance(link: LinkOut | None, **changes: Any) -> InstanceOut:
    return sample.instance("w", endpoint="link:" if link else "http://127.0.0.1:1", link=link, **changes)


UP = LinkOut(state="up", transport="stream", since=AT - 7260, heard_at=AT - 3, protocol=1, unanswered=2)
LATE = UP.model_copy(update={"problem": "speaks link protocol 1, one behind: upgrade it"})
DOWN = LinkOut(state="down", since=AT - 70, problem="its connection has ended")


@pytest.mark.parametrize(
    ("one", "endpoint", "lines", "problem"),
    [
        (instance(None, round_trip_secs=0.01), "http://127.0.0.1:1", [], ""),
        (
            instance(UP, round_trip_secs=0.0124),
            "link: up (stream, 12 ms)",
            ["up for 2 h 1 min, stream, protocol 1, last byte 3 s ago, 2 unanswered"],
            "",
        ),
        (
            instance(LATE),
            "link: up (stream)",
            [
                "up for 2 h 1 min, stream, protocol 1, last byte 3 s ago, 2 unanswered",
                "speaks link protocol 1, one behind: upgrade it",
            ],
            "link: speaks link protocol 1, one behind: upgrade it",
        ),
        (
            instance(DOWN, round_trip_secs=0.01),
            "link: down",
            ["down for 1 min", "its connection has ended"],
            "link down: its connection has ended",
        ),
        (instance(LinkOut(state="refused")), "link: refused", ["refused"], "link refused"),
    ],
)
def test_a_link_is_told_in_a_word_and_in_full(
    one: InstanceOut, endpoint: str, lines: list[str], problem: str
) -> None:
    assert (endpoint_words(one), link_lines(one, AT), link_problem(one)) == (endpoint, lines, problem)


@pytest.mark.parametrize(("secs", "words"), [(None, ""), (0.0124, "12 ms"), (1.26, "1.3 s")])
def test_a_round_trip_is_told_as_exactly_as_it_matters(secs: float | None, words: str) -> None:
    assert round_trip_words(secs) == words


def test_a_time_that_is_still_to_come_is_now() -> None:
    assert link_lines(instance(LinkOut(state="up", since=AT + 5)), AT) == ["up for 0 s"]
