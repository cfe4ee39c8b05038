"""When a namespace was frozen: the same whatever order the records come in, and as a plain reading says."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from syncropel.folds.control.stops import Stop, Stops
from syncropel.record.model import Record
from syncropel.record.threads import FLEET_CONTROL
from tests.folds.build import record, store


def said(clock: int, *, lifts: bool = False, at: float | None = None, **place: str) -> Record:
    body: dict[str, Any] = {"topic": "unfreeze" if lifts else "freeze", "level": "soft", **place}
    return record("LEARN", clock, {**body, "at": float(clock if at is None else at)}, thread=FLEET_CONTROL)


def stops(*records: Record) -> Stops:
    found = Stops()
    for stored in store(records):
        found.apply(stored)
    return found


def test_a_freeze_covers_what_lies_below_until_it_is_lifted() -> None:
    found = stops(said(10, namespace="docs"), said(20, namespace="docs", lifts=True))
    assert found.during("docs/v1", 0, 100) == [Stop(10, 20)]
    assert found.during("docs", 0, 9) == []
    assert found.during("docs", 21, 100) == []
    assert found.during("site", 0, 100) == []


def test_one_that_holds_has_no_end_and_the_emergency_is_everywhere() -> None:
    found = stops(said(10, level="emergency"), said(12, namespace="docs"))
    assert found.during("site", 0, 100) == [Stop(10, None)]
    assert found.during("docs", 0, 100) == [Stop(10, None)]


def test_freezes_that_overlap_are_one_stop() -> None:
    found = stops(
        said(10, namespace="docs"),
        said(15, namespace="docs/v1"),
        said(20, namespace="docs", lifts=True),
        said(30, namespace="docs/v1", lifts=True),
        said(40, namespace="docs"),
    )
    assert found.during("docs/v1", 0, 100) == [Stop(10, 30), Stop(40, None)]


def test_another_level_of_the_same_freeze_goes_on_from_its_beginning() -> None:
    found = stops(said(10, namespace="docs"), said(12, namespace="docs", level="hard"))
    assert found.during("docs", 0, 100) == [Stop(10, None)]


@given(
    st.lists(st.tuples(st.sampled_from(["a", "a/b", "c"]), st.booleans()), max_size=8),
    st.randoms(),
)
def test_it_is_what_a_plain_reading_says_in_any_order(words: list[tuple[str, bool]], chance: Any) -> None:
    records = [said(clock, namespace=place, lifts=lifts) for clock, (place, lifts) in enumerate(words, 1)]
    frozen: dict[str, bool] = {}
    covered = []
    for clock, (place, lifts) in enumerate(words, 1):
        frozen[place] = not lifts
        if frozen.get("a") or frozen.get("a/b"):
            covered.append(clock)
    shuffled = list(records)
    chance.shuffle(shuffled)
    found = stops(*shuffled).during("a/b", 0, 100)
    seconds = [clock for clock in range(1, len(words) + 1) if any(
        one.begin <= clock and (one.end is None or clock < one.end) for one in found)]  # fmt: skip
    assert seconds == covered
