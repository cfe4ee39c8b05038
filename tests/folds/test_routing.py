"""Where a subtask goes follows from its arguments alone."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncropel.folds.fleet.routing import Candidate, Route, route
from syncropel.record.threads import INSTANCE_DID_PREFIX

_ALIASES = st.sampled_from(["worker-a", "worker-b", "worker-c", "coordinator"])
_CANDIDATES = st.lists(
    st.builds(
        Candidate,
        st.integers(0, 9).map(lambda n: f"{INSTANCE_DID_PREFIX}{n:016x}"),
        _ALIASES,
        st.sampled_from(["worker", "coordinator"]),
        st.sampled_from(["live", "stale", "archived", "draining", "left"]),
    ),
    max_size=6,
    unique_by=lambda one: one.did,
)
_TARGETS = st.one_of(
    st.sampled_from(["worker-a", "worker-b", "worker-z", "least-loaded-worker", "round-robin"]),
    st.integers(0, 9).map(lambda n: f"specific:{INSTANCE_DID_PREFIX}{n:016x}"),
)


def worker(letter: str, status: str = "live", role: str = "worker") -> Candidate:
    return Candidate(f"{INSTANCE_DID_PREFIX}{ord(letter):016x}", f"worker-{letter}", role, status)


A, B, C = (worker(letter) for letter in "abc")


@given(_TARGETS, _CANDIDATES, st.integers(0, 20), st.randoms())
def test_the_order_of_candidates_does_not_matter(
    target: str, candidates: list[Candidate], turn: int, random: Any
) -> None:
    load = Counter({one.did: index % 3 for index, one in enumerate(candidates)})
    shuffled = list(candidates)
    random.shuffle(shuffled)
    assert route(target, shuffled, load, turn).did == route(target, candidates, load, turn).did


def test_of_two_live_instances_with_one_name_always_the_same_is_meant() -> None:
    other = Candidate(C.did, A.alias, "worker", "live")
    assert route("worker-a", [A, other], {}, 0) == route("worker-a", [other, A], {}, 0) == Route(A.did)


@given(_TARGETS, _CANDIDATES, st.integers(0, 20))
def test_only_a_live_instance_is_chosen_and_otherwise_it_is_said_why(
    target: str, candidates: list[Candidate], turn: int
) -> None:
    found = route(target, candidates, {}, turn)
    if found.did is None:
        assert found.why
    else:
        (chosen,) = [one for one in candidates if one.did == found.did]
        assert chosen.status == "live"


def test_least_loaded_then_lowest_alias() -> None:
    assert route("least-loaded-worker", [C, B, A], {A.did: 2, B.did: 1, C.did: 1}, 0) == Route(B.did)
    assert route("least-loaded-worker", [C, B, A], {}, 7) == Route(A.did)


def test_least_loaded_spreads_evenly() -> None:
    load: Counter[str] = Counter()
    for _ in range(9):
        chosen = route("least-loaded-worker", [A, B, C], load, 0).did
        assert chosen is not None
        load[chosen] += 1
    assert set(load.values()) == {3}


def test_round_robin_takes_turns_by_alias() -> None:
    assert [route("round-robin", [C, A, B], {}, turn).did for turn in range(4)] == [
        A.did,
        B.did,
        C.did,
        A.did,
    ]


@pytest.mark.parametrize("target", ["least-loaded-worker", "round-robin"])
def test_a_coordinator_and_the_absent_get_no_work(target: str) -> None:
    there = [worker("a", "stale"), worker("b", role="coordinator"), worker("c", "draining")]
    assert route(target, there, {}, 0) == Route(None, "no worker is live")


def test_a_name_says_who_is_missing() -> None:
    assert route("worker-a", [A, B], {}, 0) == Route(A.did)
    assert route(f"specific:{B.did}", [A, B], {}, 0) == Route(B.did)
    assert route("worker-a", [worker("a", "archived")], {}, 0) == Route(None, "worker-a is archived")
    assert route("worker-z", [A], {}, 0) == Route(None, "worker-z has never joined this fleet")
    assert route(f"specific:{C.did}", [A], {}, 0) == Route(None, f"{C.did} has never joined this fleet")
