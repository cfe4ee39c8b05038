"""Bars on an axis: waiting thin, running thick, each attempt for itself, times and freezes above them."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncropel.client.timeline import Axis, Inks, bar, scale, spans, until
from syncropel.wire import AttemptOut, StopOut

INKS = Inks(wait="-", run="=", critical="#", after=".", going=">", bad="x", again="@", frozen="*")


@dataclass
class One:
    """A subtask; times in seconds since the fan-out."""

    state: str = "accept"
    spawned_at: float | None = 0.0
    began_at: float | None = None
    finished_at: float | None = None
    earlier: list[AttemptOut] = field(default_factory=list)
    wall_time_secs: float | None = None
    lost_at: float | None = None


def attempt(
    number: int, given: float, began: float | None, ended: float | None, state: str = "failed"
) -> AttemptOut:
    return AttemptOut(
        attempt=number, state=state, instance="w", spawned_at=given, began_at=began, finished_at=ended  # type: ignore[arg-type]
    )  # fmt: skip


def drawn(
    one: One, *, now: float = 10.0, width: int = 20, cut: float | None = None, critical: bool = False
) -> str:
    return bar(spans(one, now), Axis(0.0, 10.0, width), INKS, critical=critical, cut=cut).rstrip()


def test_what_waits_in_a_queue_is_thin_until_it_runs() -> None:
    assert drawn(One(began_at=5.0, finished_at=8.0)) == "-" * 10 + "=" * 6
    assert drawn(One(began_at=5.0, finished_at=8.0), critical=True) == "-" * 10 + "#" * 6
    assert drawn(One(spawned_at=2.0, began_at=2.0, finished_at=8.0)) == " " * 4 + "=" * 12


def test_what_runs_has_an_open_end_and_what_only_waits_has_none() -> None:
    assert drawn(One("in_progress", began_at=5.0), now=7.0) == "-" * 10 + "=" * 3 + ">"
    assert drawn(One("in_progress"), now=7.0) == "-" * 14


def test_each_attempt_is_drawn_for_itself() -> None:
    again = One(spawned_at=6.0, began_at=7.0, finished_at=10.0, earlier=[attempt(1, 0.0, 1.0, 4.0)])
    assert drawn(again) == "--=====x" + " " * 4 + "@-" + "=" * 6


def test_an_attempt_that_was_taken_away_ends_where_the_next_begins() -> None:
    moved = One(
        spawned_at=5.0, began_at=5.0, finished_at=10.0, earlier=[attempt(1, 0.0, None, None, "in_progress")]
    )
    assert drawn(moved) == "-" * 9 + "x" + "@" + "=" * 9


def test_what_was_lost_with_its_instance_ends_there_and_nothing_goes_on() -> None:
    assert drawn(One("in_progress", began_at=2.0, lost_at=6.0), now=9.0) == "-" * 4 + "=" * 7 + "x"
    assert drawn(One("in_progress", lost_at=6.0), now=9.0) == "-" * 11 + "x"
    lost = attempt(1, 0.0, 1.0, None, "in_progress").model_copy(update={"lost_at": 3.0})
    again = One("in_progress", spawned_at=6.0, began_at=7.0, earlier=[lost])
    assert drawn(again, now=9.0) == "--===x" + " " * 6 + "@-" + "=" * 3 + ">"


def test_a_result_that_came_after_all_counts_for_one_that_was_lost() -> None:
    assert drawn(One(began_at=2.0, finished_at=8.0, lost_at=6.0)) == "-" * 4 + "=" * 12


def test_an_attempt_that_ran_on_elsewhere_ends_where_the_next_one_was_given_away() -> None:
    moved = One(
        spawned_at=4.0, began_at=4.0, finished_at=8.0, earlier=[attempt(1, 0.0, 0.0, 9.0, "terminated")]
    )
    assert drawn(moved) == "=" * 7 + "x" + "@" + "=" * 7


def test_what_went_on_after_the_join_is_dotted() -> None:
    assert drawn(One(began_at=0.0, finished_at=10.0), cut=5.0) == "=" * 10 + "." * 10


def test_an_older_daemon_says_only_how_long_it_ran() -> None:
    assert drawn(One(finished_at=8.0, wall_time_secs=3.0)) == "-" * 10 + "=" * 6
    assert drawn(One(finished_at=8.0)) == "=" * 16


def test_nothing_is_drawn_of_what_nobody_was_given() -> None:
    assert drawn(One("pending", spawned_at=None)) == ""


@pytest.mark.parametrize(
    ("secs", "width", "times"),
    [
        (10.0, 40, ["0s", "2s", "4s", "6s", "8s"]),
        (185.0, 60, ["0s", "30s", "1m", "90s", "2m", "2m30s", "3m"]),
        (0.4, 20, ["0s"]),
        (7200.0, 24, ["0s", "30m", "1h", "1h30m"]),
        (864_000.0, 40, ["0s", "2d", "4d", "6d", "8d"]),
    ],
)
def test_the_axis_has_times(secs: float, width: int, times: list[str]) -> None:
    assert scale(Axis(100.0, 100.0 + secs, width), [], INKS).split() == times


def test_a_time_stands_in_its_cell() -> None:
    assert scale(Axis(0.0, 10.0, 40), [], INKS) == "0s      2s      4s      6s      8s      "


def test_a_freeze_stands_on_the_axis_where_the_work_stood_still() -> None:
    found = scale(Axis(0.0, 10.0, 40), [StopOut(begin=3.0, end=5.0)], INKS)
    assert found == "0s      2s  *********   6s      8s      "
    going_on = scale(Axis(0.0, 10.0, 40), [StopOut(begin=9.0, end=None)], INKS)
    assert going_on == "0s      2s      4s      6s      8s  ****"
    assert "*" not in scale(Axis(0.0, 10.0, 40), [StopOut(begin=11.0, end=None)], INKS)


def test_one_short_freeze_is_seen_all_the_same() -> None:
    assert scale(Axis(0.0, 1000.0, 40), [StopOut(begin=400.0, end=400.1)], INKS).count("*") == 1


moments = st.floats(-5, 20)


@given(
    st.lists(st.tuples(moments, st.none() | moments, st.none() | moments), max_size=3),
    st.tuples(st.none() | moments, st.none() | moments, st.none() | moments),
    st.sampled_from(["in_progress", "accept", "failed"]),
    st.integers(0, 60),
    st.none() | moments,
)
def test_a_bar_is_as_wide_as_its_axis_whatever_the_clocks_say(
    before: list[tuple[float, float | None, float | None]],
    last: tuple[float | None, float | None, float | None],
    state: str,
    width: int,
    cut: float | None,
) -> None:
    earlier = [attempt(place, *one) for place, one in enumerate(before, 1)]
    one = One(state, *last, earlier)
    found = bar(spans(one, 10.0), Axis(0.0, 10.0, width), INKS, cut=cut)
    assert len(found) == width
    assert set(found) <= set("-=.>x@ ")
    given = len(before) + (last[0] is not None)
    assert bool(found.strip()) == (given > 0 and width > 0)


@given(
    st.floats(0.001, 1e7), st.integers(0, 200), st.lists(st.tuples(moments, st.none() | moments), max_size=2)
)
def test_the_axis_fits_any_width_and_says_where_it_begins(
    secs: float, width: int, stops: list[tuple[float, float | None]]
) -> None:
    frozen = [StopOut(begin=begin, end=end if end is None else max(begin, end)) for begin, end in stops]
    found = scale(Axis(0.0, secs, width), frozen, INKS)
    assert len(found) == width
    if width >= 2 and not stops:
        assert found.startswith("0s")


def test_what_had_not_begun_at_the_join_is_drawn_no_further() -> None:
    assert until(One("in_progress"), 1000.0, 5.0) == 5.0
    assert until(One("in_progress", began_at=2.0), 1000.0, 5.0) == 1000.0
    assert until(One("in_progress"), 1000.0, None) == 1000.0
