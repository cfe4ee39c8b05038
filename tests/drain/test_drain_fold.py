"""The drain fold: any order of the same records gives the same drains."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from syncropel.folds.control.drains import WHOLE_FLEET, Drains
from syncropel.record.model import Record, StoredRecord
from syncropel.record.threads import FLEET_CONTROL

WORKER = "did:sync:instance:000000000000000a"
OTHER = "did:sync:instance:000000000000000b"
ACTOR = "did:sync:user:operator"


def stored(clock: int, body: dict[str, Any], act: str = "LEARN", actor: str = ACTOR) -> StoredRecord:
    record = Record(FLEET_CONTROL, actor, act, body, clock).identified()
    return StoredRecord(record, clock + 1, 1_700_000_000.0)


def drain(clock: int, state: str, instance: str = WORKER, **more: Any) -> StoredRecord:
    return stored(clock, {"topic": "drain", "instance": instance, "state": state, "at": 5.0, **more})


def fold(records: list[StoredRecord]) -> Drains:
    drains = Drains()
    for one in records:
        drains.apply(one)
    return drains


_BODIES = st.fixed_dictionaries(
    {
        "topic": st.sampled_from(["drain", "drain", "freeze"]),
        "instance": st.sampled_from([WORKER, OTHER, WHOLE_FLEET, 7]),
        "state": st.sampled_from(["start", "stop", "pause"]),
    },
    optional={
        "deadline": st.sampled_from([None, 10.0, "soon"]),
        "then": st.sampled_from(["end", "reassign"]),
    },
)


@given(st.lists(st.tuples(st.integers(0, 5), _BODIES), max_size=8), st.randoms())
def test_any_order_and_any_repetition_gives_the_same_drains(made: list[Any], chance: Any) -> None:
    records = [stored(clock, body) for clock, body in made]
    shuffled = records + records[: len(records) // 2]
    chance.shuffle(shuffled)
    assert fold(shuffled).drains == fold(records).drains


def test_the_newest_word_counts() -> None:
    assert not fold([drain(2, "stop"), drain(1, "start")]).drains
    assert fold([drain(2, "start"), drain(1, "stop")]).covering(WORKER)


def test_the_fleets_drain_covers_everybody_and_lifts_by_itself() -> None:
    drains = fold([drain(1, "start", WHOLE_FLEET), drain(2, "start")])
    assert [one.instance for one in drains.covering(WORKER)] == [WHOLE_FLEET, WORKER]
    assert [one.instance for one in drains.covering(OTHER)] == [WHOLE_FLEET]
    drains.apply(drain(3, "stop", WHOLE_FLEET))
    assert [one.instance for one in drains.covering(WORKER)] == [WORKER]
    assert not drains.covering(OTHER)


def test_a_drain_is_due_from_its_deadline_on_and_without_one_never() -> None:
    (due,) = fold([drain(1, "start", deadline=10.0, then="end")]).covering(WORKER)
    assert (due.is_due(9.9), due.is_due(10.0), due.then) == (False, True, "end")
    (patient,) = fold([drain(1, "start")]).covering(WORKER)
    assert (patient.is_due(1e12), patient.then) == (False, "reassign")


def test_a_record_elsewhere_or_of_another_act_drains_nothing() -> None:
    body = {"topic": "drain", "instance": WORKER, "state": "start"}
    elsewhere = StoredRecord(Record("music", ACTOR, "LEARN", body, 1).identified(), 1, 0.0)
    assert not fold([elsewhere, stored(1, body, act="KNOW")]).drains
