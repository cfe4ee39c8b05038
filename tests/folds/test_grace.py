"""How long a hard freeze still lets KNOW and LEARN pass, by clocks that may be wrong."""

from __future__ import annotations

from typing import Any

import pytest

from syncropel.folds.control.freezes import Control
from syncropel.folds.control.grace import HEARD, Heard, Moment, heard_from
from syncropel.record.threads import FLEET_CONTROL

from .build import record, store

HEARD_AT = Moment(1000.0, 50.0, "boot")


@pytest.mark.parametrize(
    ("wall", "boot", "boot_id", "left"),
    [
        (1000.0, 50.0, "boot", 5.0),
        (1002.0, 52.0, "boot", 3.0),
        (1005.0, 55.0, "boot", 0.0),
        (9999.0, 99.0, "boot", 0.0),
        # The wall clock was set back while the process was away: the boot clock knows better.
        (910.0, 52.0, "boot", 3.0),
        # It was set on, and the shorter of both counts.
        (1004.0, 51.0, "boot", 1.0),
        # Another boot: its clock says nothing, and no more is left than there was.
        (1002.0, 3.0, "next", 3.0),
        (910.0, 3.0, "next", 5.0),
        (910.0, 52.0, "", 5.0),
        (1002.0, 54.0, "", 3.0),
    ],
)
def test_a_process_that_begins_to_keep_a_grace_takes_the_shortest(
    wall: float, boot: float, boot_id: str, left: float
) -> None:
    assert Heard(5.0, HEARD_AT).left_at(Moment(wall, boot, boot_id)) == left


def test_clocks_without_a_boot_id_are_never_compared() -> None:
    assert Heard(5.0, Moment(1000.0, 50.0, "")).left_at(Moment(1000.0, 99.0, "")) == 5.0


def test_a_record_keeps_what_was_heard() -> None:
    heard = Heard(5.0, HEARD_AT)
    assert heard_from({HEARD: heard.body()}) == heard


@pytest.mark.parametrize("kept", [None, "5", 5, [], ["left"]])
def test_a_record_that_keeps_nothing(kept: Any) -> None:
    assert heard_from({HEARD: kept}) is None
    assert heard_from({}) is None


@pytest.mark.parametrize("left", [None, "x", True, -3, 1e300])
def test_what_cannot_be_left_is_nothing(left: Any) -> None:
    assert heard_from({HEARD: {"left": left}}) == Heard(0.0, Moment(0.0, 0.0, ""))


def hard(grace: float, clock: int = 1, **more: Any) -> Control:
    body = {"topic": "freeze", "level": "hard", "namespace": "docs", "grace_secs": grace, "at": 1000.0}
    control = Control()
    for one in store([record("LEARN", clock, {**body, **more}, thread=FLEET_CONTROL)]):
        control.apply(one)
    return control


def passes(control: Control) -> bool:
    return control.refusal("KNOW", "docs") is None


def test_from_the_first_look_on_only_the_boot_clock_counts() -> None:
    control = hard(5.0)
    control.pass_time(Moment(1000.0, 70.0, "boot"))
    for wall, boot, wanted in [(1000.0, 74.9, True), (9999.0, 74.9, True), (910.0, 75.0, False)]:
        control.pass_time(Moment(wall, boot, "boot"))
        assert passes(control) is wanted
    control.pass_time(Moment(1000.0, 70.0, "boot"))
    assert not passes(control), "what is over does not come back"


def test_a_grace_that_nobody_began_counts_as_over() -> None:
    assert not passes(hard(5.0))


def test_a_record_cannot_claim_more_than_the_grace() -> None:
    control = hard(5.0, heard={"left": 500.0, "at": 1000.0, "boot": 70.0, "boot_id": "boot"})
    control.pass_time(Moment(1000.0, 70.0, "boot"))
    (left,) = control.lefts(Moment(1000.0, 70.0, "boot")).values()
    assert left == 5.0


def test_a_grace_is_shortened_and_never_lengthened() -> None:
    control, now = hard(5.0), Moment(1000.0, 70.0, "boot")
    control.pass_time(now)
    (name,) = control.lefts(now)
    control.shorten(name, 9.0, now)
    assert control.lefts(now) == {name: 5.0}
    control.shorten(name, 2.0, now)
    assert control.lefts(Moment(0.0, 71.0, "boot")) == {name: 1.0}
    assert control.lefts(Moment(0.0, 99.0, "boot")) == {name: 0.0}
    control.shorten("unknown", 1.0, now)
    control.pass_time(Moment(0.0, 72.0, "boot"))
    assert control.lefts(now) == {name: 0.0}
    assert not passes(control)


@pytest.mark.parametrize("later", ["unfreeze", "freeze"])
def test_what_takes_its_place_takes_its_grace(later: str) -> None:
    control, now = hard(0.0), Moment(1000.0, 70.0, "boot")
    control.pass_time(now)
    assert not passes(control)
    for one in store([record("LEARN", 2, {"topic": later, "namespace": "docs"}, thread=FLEET_CONTROL)]):
        control.apply(one)
    assert passes(control)
    assert control.lefts(now) == {}


def test_a_level_that_is_not_known_changes_nothing() -> None:
    control = hard(0.0)
    odd = {"topic": "freeze", "level": "mild", "namespace": "docs"}
    for one in store([record("LEARN", 9, odd, thread=FLEET_CONTROL)]):
        control.apply(one)
    assert [one.level for one in control.active()] == ["hard"]
