"""The fold of who leads: the highest term counts, in whatever order claims come."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncropel.folds.fleet.leadership import HIGHEST_TERM, Former, Leadership, leads_over, read_claim
from syncropel.record.model import Record
from tests.folds.build import COORDINATOR, OPERATOR, WORKER_A, WORKER_B, store

DIDS = (WORKER_A, WORKER_B, COORDINATOR)
RANKS = st.tuples(st.integers(2, 5), st.sampled_from(DIDS))


def claim(clock: int, term: Any = 2, did: str = WORKER_A, actor: str = "", **more: Any) -> Record:
    body = {"topic": "leading", "did": did, "term": term, "address": f"http://{clock}", "since": 1.5, **more}
    return Record("th_instance_registry", actor or did, "KNOW", body, clock).identified()


def told(clock: int, term: Any = 2, how: str = "acknowledged") -> Record:
    body = {"topic": "leading_told", "term": term, "did": COORDINATOR, "how": how}
    return Record("th_instance_registry", WORKER_A, "KNOW", body, clock).identified()


def fold(*records: Record) -> Leadership:
    found = Leadership()
    for stored in store(records):
        found.apply(stored)
    return found


def rank(found: Leadership) -> Any:
    return None if found.leader is None else found.leader.rank


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_the_highest_term_leads_and_in_one_term_the_lowest_did(order: tuple[int, ...]) -> None:
    records = [claim(9, 2, WORKER_A), claim(1, 3, WORKER_B), claim(5, 3, WORKER_A), claim(7, 3, COORDINATOR)]
    found = fold(*(records[at] for at in order))
    assert rank(found) == (3, WORKER_A)
    assert [one.did for one in found.rivals] == sorted([WORKER_B, COORDINATOR])
    assert found.rank_of(WORKER_A) == (3, WORKER_A)
    assert found.rank_of(OPERATOR) == (1, OPERATOR)


@pytest.mark.parametrize("order", list(permutations(range(2))))
def test_of_two_claims_of_one_rank_the_newer_says_where_it_is(order: tuple[int, ...]) -> None:
    records = [claim(1), claim(2)]
    found = fold(*(records[at] for at in order))
    assert found.leader is not None
    assert found.leader.address == "http://2"
    assert found.rivals == []


@pytest.mark.parametrize(
    "record",
    [
        claim(1, 1),
        claim(1, 0),
        claim(1, -2),
        claim(1, True),
        claim(1, 2.0),
        claim(1, "2"),
        claim(1, None),
        claim(1, HIGHEST_TERM + 1),
        claim(1, did="did:sync:user:ann"),
        claim(1, did=WORKER_A, actor=WORKER_B),
        Record("th_fleet_control", WORKER_A, "KNOW", claim(1).body, 1).identified(),
        Record("th_instance_registry", WORKER_A, "LEARN", claim(1).body, 1).identified(),
    ],
)
def test_what_is_no_claim_changes_nothing(record: Record) -> None:
    assert fold(record) == Leadership()


def test_a_claim_says_what_others_are_told() -> None:
    former = {"did": COORDINATOR, "url": "http://old"}
    body = claim(1, proof="p", alias="worker-a", former=former).body
    found = read_claim(body)
    assert found is not None
    assert found.former == Former(COORDINATOR, "http://old")
    assert found.fields() == {key: value for key, value in body.items() if key not in ("topic", "former")}
    assert read_claim({**found.fields(), "former": "x"}) is not None
    assert fold(claim(1, proof="p")).spent("p") == 2
    assert fold(claim(1, proof="p")).spent("q") is None


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_newest_word_on_the_former_coordinator_counts(order: tuple[int, ...]) -> None:
    records = [told(1), told(2, how="gone"), told(3, term=3)]
    assert fold(*(records[at] for at in order)).told == {2: "gone", 3: "acknowledged"}


@pytest.mark.parametrize("record", [told(1, how="maybe"), told(1, term="2"), told(1, term=True)])
def test_what_says_nothing_of_the_former_coordinator_is_left_out(record: Record) -> None:
    assert fold(record).told == {}


@given(RANKS, RANKS, RANKS)
def test_the_order_of_ranks_is_total(one: Any, two: Any, three: Any) -> None:
    assert not leads_over(one, one)
    assert leads_over(one, two) + leads_over(two, one) == (one != two)
    if leads_over(one, two) and leads_over(two, three):
        assert leads_over(one, three)


@given(st.lists(st.tuples(RANKS, st.integers(0, 9)), max_size=8, unique_by=lambda one: one[1]), st.randoms())
def test_any_order_of_records_gives_the_same_state(claims: Any, random: Any) -> None:
    records = [claim(clock, term, did) for (term, did), clock in claims]
    shuffled = random.sample(records, len(records))
    first, second = fold(*records), fold(*shuffled)
    assert (first.leader, first.claims, first.rivals) == (second.leader, second.claims, second.rivals)
    if claims:
        assert all(rank(first) == one or leads_over(rank(first), one) for one, _ in claims)
