"""The order of a log: every fault of it is found where it is, and nothing else."""

from __future__ import annotations

import pytest

from syncropel.record.model import Record
from syncropel.record.threads import ENGINE_CONFIG, FLEET_CONTROL, NAMESPACE_REGISTRY, RULING

from .logs import Log, freeze, leading, log, unfreeze, words, write


def some(count: int, thread: str = "th_a") -> list[Record]:
    return [write("KNOW", thread, n=n) for n in range(count)]


def ruling(thread: str = ENGINE_CONFIG) -> Record:
    return write("KNOW", thread, topic="x")


def test_an_empty_log_has_nothing_wrong_with_it() -> None:
    proof = Log().proof()
    assert (proof.violations, proof.unknown(), proof.judged) == ([], [], 0)


def test_a_log_in_order_is_proven() -> None:
    proof = log(*some(3), freeze(), *some(2), leading(2), *some(2), unfreeze(), *some(1)).proof()
    assert (proof.violations, proof.unknown(), proof.judged, proof.beyond) == ([], [], 11, 0)


@pytest.mark.parametrize(
    ("gone", "told"),
    [
        ((1,), "record 1 is missing"),
        ((3,), "record 3 is missing"),
        ((2, 3, 4), "records 2 to 4 are missing"),
    ],
)
def test_what_is_missing_is_one_fault(gone: tuple[int, ...], told: str) -> None:
    proof = log(*some(6)).without(*gone).proof()
    assert words(proof) == [told]
    assert proof.unknown() == []


def test_two_gaps_are_two() -> None:
    assert log(*some(7)).without(2, 5, 6).found() == [("gap", 2, 2), ("gap", 5, 6)]


@pytest.mark.parametrize("thread", sorted(RULING))
def test_what_was_judged_before_a_ruling_record_and_stands_behind_it(thread: str) -> None:
    made = log(*some(2), ruling(thread), *some(4)).change(5, ruled=0)
    (violation,) = made.proof().violations
    assert (violation.rule, violation.sequence, violation.also) == ("judgement", 5, 0)
    assert "behind record 3, which rules over it, and was judged before" in violation.words()
    assert violation.id in {one.stored.record.id for one in made.entries}
    assert violation.thread == "th_a"


def test_a_ruling_record_is_judged_after_the_one_before_it_and_not_after_itself() -> None:
    made = log(ruling(), ruling(FLEET_CONTROL), ruling(NAMESPACE_REGISTRY))
    assert [one.ruled for one in made.entries] == [0, 1, 2]
    assert made.found() == []
    assert made.change(2, ruled=2).found() == [("judgement", 2, 2)]
    assert made.change(2, ruled=0).found() == [("judgement", 2, 2)]


@pytest.mark.parametrize("claimed", [1, 3, 5, 9, -1])
def test_what_says_it_was_judged_after_another_record(claimed: int) -> None:
    """One that rules over nobody, one above it, or none."""
    assert log(*some(2), ruling(), *some(3)).change(5, ruled=claimed).found() == (
        [] if claimed == 3 else [("judgement", 5, 5)]
    )


def test_the_same_fault_of_records_in_a_row_is_one() -> None:
    made = log(ruling(), *some(5))
    for sequence in (3, 4, 5):
        made.change(sequence, ruled=0)
    assert made.found() == [("judgement", 3, 5)]
    assert "record 3 (" in words(made.proof())[0]
    assert ", and 2 behind it up to 5, is behind record 1" in words(made.proof())[0]


def test_faults_that_differ_or_lie_apart_are_several() -> None:
    made = log(ruling(), *some(6)).change(3, ruled=0).change(4, ruled=2).change(6, ruled=0)
    assert made.found() == [("judgement", 3, 3), ("judgement", 4, 4), ("judgement", 6, 6)]


def test_a_freeze_that_changed_places_with_what_it_rules_over() -> None:
    assert log(*some(2), freeze(), *some(3)).swap(3, 4).found() == [("judgement", 3, 3), ("judgement", 5, 6)]


def test_a_ruling_record_that_is_missing_leaves_open_what_rested_on_it() -> None:
    """It is one fault: the records behind it say themselves that it was there."""
    proof = log(*some(2), freeze(), *some(3), unfreeze(), *some(2)).without(3).proof()
    assert words(proof) == ["record 3 is missing"]
    assert proof.unknown() == [
        "records that rest on a missing or altered record: 1",
        "records whose freezes or namespace depend on a missing or altered record: 6",
    ]


def test_what_was_judged_before_a_missing_ruling_record_is_still_found_behind_it() -> None:
    made = log(ruling(), *some(1), ruling(), *some(3)).change(5, ruled=1).without(3)
    assert made.found() == [("gap", 3, 3), ("judgement", 5, 5)]


def test_of_several_missing_ones_any_may_have_ruled() -> None:
    made = log(*some(1), ruling(), ruling(), *some(1), ruling(), *some(2)).without(2, 3)
    assert made.found() == [("gap", 2, 3)]
    assert made.without(5).found() == [("gap", 2, 3), ("gap", 5, 5)]


def test_a_missing_record_excuses_nobody_who_names_another() -> None:
    made = log(*some(1), ruling(), *some(4)).without(4).change(5, ruled=3)
    assert made.found() == [("gap", 4, 4), ("judgement", 5, 5)]


def test_a_ruling_record_that_was_altered_is_as_one_that_is_missing() -> None:
    made = log(*some(2), freeze(), *some(3))
    made.unsound = {3}
    assert made.found() == []
    assert made.proof().unknown()[0] == "records that rest on a missing or altered record: 1"
    made.unsound, made.unreadable = set(), {3}
    assert made.found() == []
    assert made.proof().unknown()[0] == "records that rest on a missing or altered record: 1"


def test_an_ordinary_record_that_was_altered_rules_over_nobody() -> None:
    made = log(*some(2), ruling(), *some(3))
    made.unsound = {2, 5}
    assert made.found() == []
    made.unsound, made.unreadable = {2}, {5}
    assert made.found() == []


def test_what_is_missing_before_one_that_cannot_be_read_is_named() -> None:
    made = log(*some(6)).without(2, 3)
    made.unreadable = {4}
    assert made.found() == [("gap", 2, 3)]


def test_terms_rise_with_their_leading_records() -> None:
    assert log(*some(1), leading(2), *some(1), leading(7), *some(1)).found() == []


@pytest.mark.parametrize(
    ("sequence", "term", "told"),
    [
        (1, 2, "has term 2, which begins with no `leading` record"),
        (2, 1, "has term 1, and the `leading` record of term 3 is not behind it"),
        (3, 1, "has term 1, behind records of term 3"),
        (4, 4, "has term 4, which begins with no `leading` record"),
        (4, 0, "has term 0, behind records of term 3"),
        (4, -1, "has term -1, behind records of term 3"),
    ],
)
def test_a_term_that_is_not_the_one_in_force(sequence: int, term: int, told: str) -> None:
    proof = log(*some(1), leading(3), *some(3)).change(sequence, term=term).proof()
    assert [(one.rule, one.sequence, one.also) for one in proof.violations] == [("term", sequence, 0)]
    assert words(proof)[0].endswith(told)


def test_a_term_whose_leading_record_is_missing_is_left_open() -> None:
    proof = log(*some(1), leading(3), *some(3)).without(2).proof()
    assert words(proof) == ["record 2 is missing"]
    assert proof.unknown() == ["records that rest on a missing or altered record: 1"]


def test_a_record_that_is_missing_excuses_no_term_that_falls() -> None:
    assert log(*some(2), leading(3), *some(3)).without(2).change(5, term=1).found() == [
        ("gap", 2, 2),
        ("term", 5, 5),
    ]


def test_restored_history_is_counted_apart() -> None:
    made = log(*some(2), ruling())
    made.add(freeze(), *some(2, "th_b"), leading(4), judged=False)
    made.change(7, term=1)
    made.add(*some(2))
    for sequence in (8, 9):
        made.change(sequence, ruled=4, term=4)
    proof = made.proof()
    assert (words(proof), proof.elsewhere, proof.judged, proof.earlier) == ([], 4, 5, 0)
    assert proof.unknown() == ["records that nobody judged here, restored or written while no daemon ran: 4"]


def test_a_log_may_begin_with_restored_history() -> None:
    proof = Log().add(*some(3), judged=False).add(*some(2)).proof()
    assert (words(proof), proof.elsewhere, proof.earlier, proof.judged) == ([], 3, 0, 2)


def test_a_term_whose_leading_record_is_missing_goes_on() -> None:
    made = log(*some(1), leading(3), *some(2)).add(*some(2, "th_b"), judged=False).add(*some(1)).without(2)
    assert made.found() == [("gap", 2, 2)]
    assert made.change(5, term=1).found() == [("gap", 2, 2), ("term", 5, 5)]
    assert made.proof().elsewhere == 2


def test_restored_history_begins_no_term_and_goes_back_to_none() -> None:
    made = log(leading(3), *some(1))
    made.add(*some(2, "th_b"), judged=False)
    assert made.change(3, term=4).found() == [("term", 3, 3)]
    assert made.change(3, term=2).found() == [("term", 3, 3)]


def test_what_an_earlier_release_wrote_is_counted_apart() -> None:
    made = log(*some(2), freeze(), leading(5), *some(1))
    for sequence in range(1, 6):
        made.change(sequence, term=0, ruled=None)
    made.add(*some(2)).change(6, term=5, ruled=3).change(7, term=5, ruled=3)
    proof = made.proof()
    assert (words(proof), proof.earlier, proof.elsewhere, proof.judged) == ([], 5, 0, 2)
    assert proof.unknown() == ["records from before this log noted how they were judged: 5"]


def test_nothing_of_an_earlier_release_comes_behind_one_of_this() -> None:
    made = log(*some(4)).change(1, term=0, ruled=None).change(3, term=0, ruled=None)
    assert made.found() == [("term", 3, 3)]
    assert made.proof().earlier == 1


def test_a_judgement_without_a_term_is_none() -> None:
    assert log(*some(2)).change(1, term=0).found() == [("term", 1, 1)]


def test_only_so_many_are_named() -> None:
    made = log(ruling(), *some(250))
    for sequence in range(2, 250, 2):
        made.change(sequence, ruled=0)
    proof = made.proof()
    assert (len(proof.violations), proof.beyond) == (100, 24)
