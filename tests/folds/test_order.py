"""Fold order follows from content: clock, then parents, then id."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from syncropel.folds.base.order import fold_order, rank
from syncropel.record.model import Record, StoredRecord
from syncropel.record.threads import clock_ceiling
from tests.folds.build import THREAD, record, store, threads


def ids(ordered: list[StoredRecord]) -> list[str]:
    return [stored.record.id for stored in ordered]


@settings(max_examples=60)
@given(threads(), st.randoms(use_true_random=False))
def test_arrival_does_not_matter(records: list[Record], random: object) -> None:
    """Any permutation of the same records has the same fold order."""
    shuffled = list(records)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert ids(fold_order(store(shuffled))) == ids(fold_order(store(records)))


@settings(max_examples=60)
@given(threads())
def test_nothing_is_lost_and_the_rules_hold(records: list[Record]) -> None:
    """Ranks never go back, nor clocks on one side of the ceiling; at one clock no record stands before its
    parent."""
    ordered = [stored.record for stored in fold_order(store(records))]
    assert sorted(one.id for one in ordered) == sorted(one.id for one in records)
    places = {one.id: place for place, one in enumerate(ordered)}
    for before, after in pairwise(ordered):
        assert before.clock is not None
        assert after.clock is not None
        assert rank(before) <= rank(after)
        assert before.clock <= after.clock or before.clock > clock_ceiling(THREAD)
    for one in ordered:
        for parent in one.parents:
            if parent in places and ordered[places[parent]].clock == one.clock:
                assert places[parent] < places[one.id]


def test_equal_clocks_without_parents_go_by_id() -> None:
    records = [record("DO", 3, {"n": n}, actor=f"did:{n}") for n in range(8)]
    assert ids(fold_order(store(records))) == sorted(one.id for one in records)


def test_a_parent_comes_first_whatever_its_id() -> None:
    """Both directions of the accident of hashing are tried."""
    for n in range(10):
        first = record("DO", 1, {"n": n}, actor="did:a")
        second = record("DO", 1, {}, actor="did:b", parents=[first.id])
        third = record("DO", 1, {}, actor="did:c", parents=[second.id])
        assert ids(fold_order(store([third, second, first]))) == [first.id, second.id, third.id]


def test_a_parent_outside_the_thread_or_at_another_clock_changes_nothing() -> None:
    late = record("DO", 5, {}, actor="did:late")
    early = record("DO", 1, {}, parents=[late.id, "0" * 64])
    assert ids(fold_order(store([late, early]))) == [early.id, late.id]


def test_a_chain_of_thousands_at_one_clock_is_ordered() -> None:
    """No recursion, no quadratic walk."""
    chain = [record("DO", 0, {}, actor="did:0")]
    for n in range(1, 3000):
        chain.append(record("DO", 0, {}, actor=f"did:{n}", parents=[chain[-1].id]))
    assert ids(fold_order(store(reversed(chain)))) == [one.id for one in chain]
