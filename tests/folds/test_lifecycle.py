"""The lifecycle of a thread: what each record does to it, and that the order of arrival does nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncropel.folds.base.lifecycle import Arc, Lifecycle, Turn, moment
from syncropel.folds.fanout.child import COMPLETE, NOT_STARTED, SESSION
from syncropel.folds.fanout.state import SPAWNED
from syncropel.folds.replay.fork import fork
from syncropel.record.model import MAX_CLOCK, Record
from tests.folds.build import record, threads

NOBODY = "ab" * 32
AIM = record("INTEND", 0, {"goal": "deploy v2"})
PART = record("INTEND", 1, {"goal": "test v2"})
NEXT = record("INTEND", 9, {"goal": "deploy v3"})
NO_FULFILMENT: list[Any] = ["", None, True, 7, [AIM.id], {}]
NO_CANCELLATION: list[Any] = ["", None, False, 0, [], {}]


def live(*records: Record) -> Lifecycle:
    life = Lifecycle()
    for one in records:
        life.apply(one)
    return life


def told(life: Lifecycle) -> tuple[Any, ...]:
    """All that is asked of a lifecycle."""
    arc = life.arc
    return arc, life.phase, arc.opening, arc.opened_at, arc.closing, arc.open, life.intends(), life.settled()


def then(act: str, clock: int = 5, **body: Any) -> Record:
    """A record by somebody else after the opening INTEND."""
    return record(act, clock, body, actor="did:sync:agent:bot")


@pytest.mark.parametrize(
    ("records", "phase"),
    [
        ((), "open"),
        ((then("DO"),), "active"),
        ((then("CALL"),), "active"),
        ((then("KNOW"),), "observed"),
        *(((then(act),), "open") for act in ("GET", "PUT", "MAP", "LEARN")),
        ((PART,), "open"),
        ((then("DO", 2), then("KNOW", 3)), "observed"),
        ((then("KNOW", 2), then("CALL", 3)), "active"),
        ((then("DO", 2), then("LEARN", 3), then("PUT", 4)), "active"),
        ((then("DO", 2), PART), "active"),
        # fulfilled
        ((then("KNOW", fulfills=AIM.id),), "closed"),
        ((then("KNOW", fulfills=AIM.id, verdict="accept"),), "closed"),
        ((then("KNOW", fulfills=NOBODY),), "observed"),
        ((then("KNOW", fulfills=AIM.id[:10]),), "observed"),
        ((then("KNOW", fulfills=AIM.id.upper()),), "observed"),
        *(((then("KNOW", fulfills=value),), "observed") for value in NO_FULFILMENT),
        *(((then(act, fulfills=AIM.id),), phase) for act, phase in (("DO", "active"), ("LEARN", "open"))),
        ((PART, then("KNOW", fulfills=PART.id)), "observed"),
        ((PART, then("KNOW", fulfills=AIM.id)), "closed"),
        # cancelled
        ((then("DO", cancels=AIM.id),), "closed"),
        ((then("DO", cancels=True),), "closed"),
        ((then("DO", cancels="nobody wants it"),), "closed"),
        ((then("DO", cancels=NOBODY),), "active"),
        *(((then("DO", cancels=value),), "active") for value in NO_CANCELLATION),
        ((then("DO", cancels=AIM.id, topic=SPAWNED),), "active"),
        ((then("KNOW", cancels=AIM.id),), "observed"),
        ((then("CALL", cancels=AIM.id),), "active"),
        ((PART, then("DO", cancels=PART.id)), "active"),
        # rejected
        ((then("KNOW", verdict="reject"),), "closed"),
        ((then("KNOW", verdict="reject", fulfills=AIM.id),), "closed"),
        ((then("KNOW", verdict="reject", fulfills=NOBODY),), "observed"),
        ((PART, then("KNOW", verdict="reject", fulfills=PART.id)), "observed"),
        ((then("KNOW", verdict="reject", fulfills=None),), "closed"),
        *(((then("KNOW", verdict=value),), "observed") for value in ("accept", "failed", ["reject"], None)),
        *(((then(act, verdict="reject"),), phase) for act, phase in (("DO", "active"), ("LEARN", "open"))),
        # once closed
        *(((then("DO", cancels=True), then(act, 6)), "closed") for act in ("DO", "CALL", "KNOW", "LEARN")),
        ((then("KNOW", fulfills=AIM.id), then("KNOW", 6, verdict="reject")), "closed"),
        ((then("KNOW", fulfills=AIM.id), NEXT), "open"),
        ((then("KNOW", fulfills=AIM.id), NEXT, then("DO", 10)), "active"),
        ((then("KNOW", fulfills=AIM.id), NEXT, then("KNOW", 10, fulfills=AIM.id)), "observed"),
        ((then("KNOW", fulfills=AIM.id), NEXT, then("KNOW", 10, fulfills=NEXT.id)), "closed"),
        ((then("KNOW", fulfills=AIM.id), then("DO", 6), NEXT), "open"),
        # of a run
        ((then("KNOW", kind=SESSION),), "observed"),
        ((then("KNOW", kind=COMPLETE),), "closed"),
        ((then("KNOW", kind=NOT_STARTED),), "closed"),
        ((then("DO", kind=COMPLETE),), "active"),
        ((then("KNOW", kind=COMPLETE, fulfills=NOBODY),), "observed"),
    ],
)
def test_what_follows_the_opening_intend(records: tuple[Record, ...], phase: str) -> None:
    assert live(AIM, *records).phase == phase


@pytest.mark.parametrize(
    ("records", "phase"),
    [
        ((), "open"),
        ((then("DO"),), "active"),
        ((then("KNOW"),), "observed"),
        ((then("LEARN"),), "open"),
        ((then("KNOW", kind=COMPLETE),), "closed"),
        ((then("DO", cancels=True),), "closed"),
        ((then("KNOW", verdict="reject"),), "closed"),
        ((then("KNOW", fulfills=NOBODY),), "observed"),
        ((then("KNOW"), NEXT), "open"),
        ((then("KNOW"), NEXT, then("KNOW", 10, fulfills=NEXT.id)), "closed"),
    ],
)
def test_a_thread_that_no_intend_opened(records: tuple[Record, ...], phase: str) -> None:
    assert live(*records).phase == phase


@pytest.mark.parametrize(
    ("records", "left"),
    [
        ((AIM,), [AIM]),
        ((AIM, PART), [AIM, PART]),
        ((AIM, PART, then("KNOW", fulfills=PART.id)), [AIM]),
        ((AIM, PART, then("DO", cancels=PART.id)), [AIM]),
        ((AIM, PART, then("KNOW", fulfills=AIM.id)), []),
        ((AIM, PART, then("DO", cancels=AIM.id)), []),
        ((AIM, PART, then("DO", cancels=True)), []),
        ((AIM, PART, then("KNOW", verdict="reject")), []),
        ((AIM, then("KNOW", fulfills=AIM.id), NEXT), [NEXT]),
        ((AIM, PART, then("KNOW", 2, fulfills=AIM.id), NEXT, then("KNOW", 10, fulfills=PART.id)), [NEXT]),
        ((AIM, then("KNOW", fulfills=NOBODY)), [AIM]),
    ],
)
def test_which_intends_are_open(records: tuple[Record, ...], left: list[Record]) -> None:
    assert list(live(*records).arc.open) == [one.id for one in left]


@pytest.mark.parametrize(
    ("closing", "way"),
    [
        (then("KNOW", fulfills=AIM.id), "fulfilled"),
        (then("KNOW", fulfills=AIM.id, verdict="reject"), "rejected"),
        (then("KNOW", verdict="reject"), "rejected"),
        (then("DO", cancels=AIM.id), "cancelled"),
        (then("DO", cancels=True), "cancelled"),
        (then("KNOW", kind=COMPLETE), "fulfilled"),
        (then("KNOW", kind=NOT_STARTED), "cancelled"),
    ],
)
def test_what_closed_it(closing: Record, way: str) -> None:
    later = then("KNOW", 8, verdict="reject")
    arc = live(AIM, closing, later).arc
    assert arc.closing is not None
    assert (arc.closing.record, arc.closing.way) == (closing.id, way)


def test_a_clock_that_is_behind_does_not_keep_a_thread_open() -> None:
    aim = record("INTEND", 1_000, {"goal": "deploy"})
    for closing in (then("KNOW", 900, fulfills=aim.id), then("DO", 900, cancels=aim.id)):
        life = live(aim, closing, then("DO", 950))
        assert (life.phase, list(life.arc.open)) == ("closed", [])


def test_a_record_that_names_nothing_counts_at_its_clock() -> None:
    aim = record("INTEND", 1_000, {"goal": "deploy"})
    assert live(aim, then("DO", 900, cancels=True)).phase == "open"
    assert live(aim, then("KNOW", 900)).phase == "open"


def test_a_clock_above_the_ceiling_has_not_the_last_word() -> None:
    assert live(AIM, then("KNOW", MAX_CLOCK, verdict="reject")).phase == "open"
    assert live(AIM, then("KNOW", 2), then("DO", MAX_CLOCK)).phase == "observed"


def test_at_one_clock_an_intend_comes_first_and_a_know_last() -> None:
    aim = record("INTEND", 5)
    assert live(then("KNOW"), record("DO", 5), aim).phase == "observed"
    assert live(then("DO", cancels=True), aim).phase == "closed"


@given(threads(most=40), st.randoms())
def test_any_order_of_arrival_folds_to_the_same_state(made: list[Record], random: Any) -> None:
    life, looked, done = live(*made), Lifecycle(), list[Record]()
    random.shuffle(made)
    for one in made:
        looked.apply(one)
        done.append(one)
        assert told(looked) == told(live(*random.sample(done, len(done))))
    assert looked == life
    assert told(looked) == told(life) == told(fork(life))


@given(threads(most=40))
def test_it_is_what_each_record_does_in_turn(made: list[Record]) -> None:
    life = live(*made)
    opening, closed, left = _by_hand(made)
    assert list(life.arc.open) == left
    assert life.arc.opening == opening
    assert (life.phase == "closed") is closed


@given(threads(most=40))
def test_a_closed_thread_has_no_open_intend(made: list[Record]) -> None:
    life = live(*made)
    intends = any(one.act == "INTEND" for one in made)
    assert bool(life.arc.open) is (intends and life.phase != "closed")
    assert set(life.intends()) == {one.id for one in made if one.act == "INTEND"}


@pytest.mark.parametrize("reopened", [False, True])
def test_what_is_said_late_costs_no_look_at_all_that_was_said_before(
    reopened: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thousands of rejections at one clock, each in its place by its id, with a look after each."""
    looks, closing = 0, Arc._closing

    def counted(arc: Arc, opening: Turn) -> Turn | None:
        nonlocal looks
        looks += 1
        return closing(arc, opening)

    monkeypatch.setattr(Arc, "_closing", counted)
    life, count = live(AIM, *([NEXT] if reopened else [])), 2_000
    rejections = [then("KNOW", 5, verdict="reject", n=n) for n in range(count)]
    for one in rejections:
        life.apply(one)
        assert life.phase == ("open" if reopened else "closed")
    assert looks <= 3 * count
    first = min(one.id for one in rejections)
    assert reopened or (life.arc.closing is not None and life.arc.closing.record == first)


@pytest.mark.parametrize("seen", [False, True])
def test_thousands_of_intends_are_folded_once(seen: bool) -> None:
    life = Lifecycle()
    for clock in range(0, 4_000, 2):
        intend = record("INTEND", clock)
        life.apply(intend)
        if seen:
            assert life.phase == "open"
        life.apply(record("KNOW", clock + 1, {"fulfills": intend.id}))
        if seen:
            assert life.phase == "closed"
    assert (life.phase, life.arc.open) == ("closed", [])


def _by_hand(made: Iterable[Record]) -> tuple[str, bool, list[str]]:
    """The opening INTEND, whether the thread is closed, and its open INTENDs: each record where it counts."""
    when = {one.id: (moment(one), one.id) for one in made if one.act == "INTEND"}
    events: list[tuple[tuple[Any, ...], str, str]] = [((*at, 0), "intend", one) for one, at in when.items()]
    for one in made:
        at, (ends, named) = (moment(one), one.id), _named(one)
        if ends and not named:
            events.append(((*at, 1), "all", ""))
        elif ends and named in when:
            events.append(((*max(at, when[named]), 1), "one", named))
    opening, closed, left = "", False, list[str]()
    for _, what, about in sorted(events):
        if what == "intend":
            opening, closed = opening or about, False
            left.append(about)
        elif what == "all" or about == opening:
            opening, closed, left = "", True, []
        elif about in left:
            left.remove(about)
    return opening, closed, left


def _named(one: Record) -> tuple[bool, str]:
    """Whether a record settles something, and the INTEND that it names."""
    body = one.body
    if (
        one.act == "DO"
        and body.get("cancels")
        and body.get("topic") not in ("fanout_spawned", "fanout_child_done")
    ):
        return True, body["cancels"] if isinstance(body["cancels"], str) else ""
    if one.act == "KNOW" and isinstance(body.get("fulfills"), str):
        return True, body["fulfills"]
    return one.act == "KNOW" and (body.get("verdict") == "reject" or body.get("topic") == COMPLETE), ""
