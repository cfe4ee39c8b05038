"""Reviews in the fan-out fold: a rejection begins the next attempt, and no join counts a rejected one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncropel.folds.base.order import fold_order
from syncropel.folds.fanout.join import decide, parse_join
from syncropel.folds.fanout.progress import progress_of
from syncropel.folds.fanout.reviews import REVIEW, Note, Said, parse_review
from syncropel.folds.fanout.state import FanOut
from syncropel.folds.fanout.subtasks import fan_out_children
from syncropel.folds.fanout.tally import tally_of
from syncropel.folds.tasks.state import REJECTIONS, fold_task
from syncropel.folds.tasks.trust import Trust, contributions
from syncropel.record.model import Record
from syncropel.wire.review_limits import MOST_NOTES, MOST_TEXT
from tests.folds.build import (
    COORDINATOR,
    OPERATOR,
    THREAD,
    WORKER_A,
    done,
    fold,
    fold_fan_out,
    parent,
    record,
    retry,
    spawned,
    store,
    subtask,
)

COMMIT = "ab" * 20
TWO = parent([subtask(), subtask()])


def reviewed(
    index: int, clock: int, verdict: str = "reject", *, attempt: int = 1, actor: str = OPERATOR, **more: Any
) -> Record:
    said = {"index": index, "attempt": attempt, "verdict": verdict, "commit": COMMIT, "text": "no", **more}
    hint = {"hint": f"attempt {attempt}: no"} if verdict == "reject" else {}
    return record("LEARN", clock, {"topic": REVIEW, **said, **hint}, actor=actor)


def joined(clock: int, rejections: int = 0) -> Record:
    body = {"fulfills": TWO.id, "verdict": "accept", **({REJECTIONS: rejections} if rejections else {})}
    return record("KNOW", clock, body, actor=COORDINATOR)


def accepted(index: int, clock: int, attempt: int = 1) -> list[Record]:
    return [spawned(index, clock, attempt=attempt), done(index, clock + 2, attempt=attempt)]


def states(fanout: FanOut) -> list[str]:
    return [child.state for child in fan_out_children(fanout)]


def test_a_rejection_begins_the_next_attempt_with_its_hint() -> None:
    fanout = fold_fan_out(TWO, *accepted(0, 1), reviewed(0, 9))
    assert (fanout.attempt(0), fanout.hint(0), states(fanout)) == (2, "attempt 1: no", ["pending"] * 2)
    assert fanout.reports[0, 1].verdict == "accept", "the attempt's own result stays"
    assert fanout.reviews.rejected == {(0, 1)}
    rejection = fanout.reviews.rejection(0, 1)
    assert rejection is not None
    assert (rejection.by, rejection.said.commit) == (OPERATOR, COMMIT)
    assert fanout.reviews.rejection(0, 2) is None


def test_an_approval_changes_no_attempt() -> None:
    fanout = fold_fan_out(TWO, *accepted(0, 1), reviewed(0, 9, "accept"))
    assert (fanout.attempt(0), states(fanout)) == (1, ["accept", "pending"])
    assert [one.said.verdict for one in fanout.reviews.of(0)] == ["accept"]
    after = fold_fan_out(TWO, *accepted(0, 1), joined(8), reviewed(0, 9, "accept"))
    assert after.reviews.count(0) == 1, "also after the join: it is about a commit"


@pytest.mark.parametrize(
    ("records", "attempt", "rejected"),
    [
        ([reviewed(0, 9), reviewed(0, 10)], 2, 1),
        ([reviewed(0, 9), retry(0, 10)], 3, 1),
        ([retry(0, 9), reviewed(0, 10)], 2, 1),
        ([reviewed(0, 9, attempt=2)], 1, 0),
        ([reviewed(0, 9), reviewed(0, 10, attempt=2)], 3, 2),
        ([reviewed(7, 9)], 1, 0),
        ([reviewed(0, 9, "perhaps")], 1, 0),
        ([reviewed(0, 9, text="", notes=[])], 1, 0),
        ([reviewed(0, 9, notes="many")], 1, 0),
        ([joined(8), reviewed(0, 9)], 1, 0),
    ],
    ids=["twice", "then-retried", "retried-first", "not-yet", "each", "no-such", "odd", "wordless", "shape",
         "joined"],
)  # fmt: skip
def test_a_rejection_counts_while_its_attempt_is_the_current_one(
    records: list[Record], attempt: int, rejected: int
) -> None:
    fanout = fold_fan_out(TWO, *accepted(0, 1), *records)
    assert (fanout.attempt(0), len(fanout.reviews.rejected)) == (attempt, rejected)


def test_a_join_that_did_not_know_of_a_rejection_is_none() -> None:
    base = [TWO, *accepted(0, 1), *accepted(1, 4), reviewed(0, 9)]
    state = fold(*base, joined(10))
    assert state.fanout is not None
    assert (state.fanout.joined, state.status) == (None, "in_progress")
    knowing = fold(*base, *accepted(0, 10, attempt=2), joined(14, rejections=1))
    assert knowing.status == "approved"
    before = fold(TWO, *accepted(0, 1), *accepted(1, 4), joined(8), reviewed(0, 9))
    assert (before.status, before.fanout and before.fanout.attempt(0)) == ("approved", 1)


def test_a_join_over_approvals_waits_for_reviews_and_no_longer() -> None:
    rule = parse_join("children.all(c, c.approved)", 2)
    base = [TWO, *accepted(0, 1), *accepted(1, 4)]

    def decision(value: bool, *records: Record) -> tuple[bool, bool, str]:
        found = decide(rule, fan_out_children(fold_fan_out(*base, *records)), value)
        return found.satisfied, found.satisfiable, found.cause

    assert decision(False) == (False, True, "waits for a review of [0], [1]")
    assert decide(rule, fan_out_children(fold_fan_out(*base)), False).unreviewed == (0, 1)
    assert decide(rule, fan_out_children(fold_fan_out(*base[:-1])), False).unreviewed == (), "[1] may run yet"
    assert decision(False, reviewed(0, 9, "accept")) == (False, True, "waits for a review of [1]")
    both = [reviewed(0, 9, "accept"), reviewed(1, 10, "accept")]
    assert decision(True, *both)[0]
    assert decision(False, *both)[1] is False, "nothing can change any more"
    tally = tally_of(fan_out_children(fold_fan_out(*base, *both)))
    assert [one["approved"] for one in tally.cel_children()] == [True, True]
    assert decision(False, *both, reviewed(0, 11)) == (False, True, "waits for [0] pending spawn")
    plain = decide(parse_join("false", 2), fan_out_children(fold_fan_out(*base)), False)
    assert not plain.satisfiable


def test_a_rejected_result_is_no_evidence_of_trust_and_an_approved_one_is() -> None:
    assert contributions(fold(TWO, *accepted(0, 1), reviewed(0, 9)))[WORKER_A] == Trust(1, 0)
    assert contributions(fold(TWO, *accepted(0, 1), reviewed(0, 9, "accept")))[WORKER_A] == Trust(1, 1)


def test_each_attempt_has_the_hint_that_it_was_begun_with() -> None:
    moved = record("LEARN", 12, {"topic": "fanout_reassign_subtask", "index": 0, "attempt": 2})
    fanout = fold_fan_out(TWO, *accepted(0, 1), reviewed(0, 9), moved, retry(0, 13, "third"))
    assert [fanout.hint(0, attempt) for attempt in range(1, 5)] == ["", *["attempt 1: no"] * 2, "third"]
    assert fanout.hint(0) == "third"


def test_the_hint_quotes_each_line_with_its_note() -> None:
    said = Said(
        0, 1, COMMIT, "reject", "Keep the old name.",
        (
            Note("off by one", "src/a.py", 12, "new", "return n + 1"),
            Note("why is it gone?", "src/a.py", 3, "old"),
            Note("no tests", "tests"),
            Note("say why in the message"),
        ),
    )  # fmt: skip
    assert said.hint("task/T+0").split("\n") == [
        f"Attempt 1 was rejected in review. Its work is on the branch task/T+0, at {COMMIT[:12]}.",
        "",
        "Keep the old name.",
        "",
        "src/a.py:12 — `return n + 1` — off by one",
        "src/a.py:3 (before the change) — why is it gone?",
        "tests — no tests",
        "- say why in the message",
    ]
    assert Said(0, 2, "", "reject", "no").hint("") == "Attempt 2 was rejected in review.\n\nno"
    assert parse_review(said.as_body()) == said


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"index": True}, "whole numbers"),
        ({"attempt": 0}, "whole numbers"),
        ({"verdict": "maybe"}, "accept, reject"),
        ({"commit": "a\nb"}, "control character"),
        ({"commit": 7}, "commit must be a text"),
        ({"text": "\0"}, "NUL"),
        ({"text": "x" * (MOST_TEXT + 1)}, f"at most {MOST_TEXT}"),
        ({"text": "  "}, "needs a text or a note"),
        ({"notes": [{"text": "x"}] * (MOST_NOTES + 1)}, f"at most {MOST_NOTES}"),
        ({"notes": ["x"]}, "note 0 must be an object"),
        ({"notes": [{"text": " "}]}, "note 0 has no text"),
        ({"notes": [{"text": "x", "line": 1}]}, "need a path"),
        ({"notes": [{"text": "x", "quote": "y"}]}, "need a path"),
        ({"notes": [{"text": "x", "path": "p", "line": 0}]}, "line must be"),
        ({"notes": [{"text": "x", "path": "p", "line": True}]}, "line must be"),
        ({"notes": [{"text": "x", "path": "p", "side": "left"}]}, "side must be"),
        ({"notes": [{"text": "x", "path": "p\n- forged"}]}, "control character"),
        ({"notes": [{"text": "x", "path": "p", "quote": "a\nb"}]}, "one line"),
    ],
)
def test_what_is_no_review_says_what_is_wrong(more: dict[str, Any], problem: str) -> None:
    body = {"index": 0, "attempt": 1, "verdict": "reject", "commit": "", "text": "no"}
    with pytest.raises(ValueError, match=problem):
        parse_review({**body, **more})


_SLOTS = st.tuples(st.integers(0, 1), st.integers(1, 3))


@st.composite
def histories(draw: st.DrawFn) -> list[Record]:
    """Whatever may happen to a fan-out of two, each at a clock of its own."""
    made: list[Record] = [TWO]
    for clock in range(1, draw(st.integers(1, 14))):
        (index, attempt), what = draw(_SLOTS), draw(st.integers(0, 6))
        if what <= 1:
            made.append(spawned(index, clock, attempt=attempt))
        elif what == 2:
            made.append(done(index, clock, draw(st.sampled_from(["accept", "failed"])), attempt=attempt))
        elif what == 3:
            made.append(retry(index, clock))
        elif what == 4:
            made.append(joined(clock, draw(st.integers(0, 2))))
        else:
            verdict = draw(st.sampled_from(["accept", "reject", "reject"]))
            made.append(reviewed(index, clock, verdict, attempt=attempt))
    return made


def seen(records: Sequence[Record]) -> tuple[Any, ...]:
    state = fold_task(THREAD, store(records))
    fanout = state.fanout
    assert fanout is not None
    at = {key: astuple(one)[:-1] for key, one in fanout.reports.items() if one}
    times = {key: (one[0], one[1], one[2]) for key, one in at.items()}
    attempts = [fanout.attempt(0), fanout.attempt(1)]
    reviews = [[one.record for one in fanout.reviews.of(index)] for index in (0, 1)]
    ended = fanout.joined.record if fanout.joined is not None else ""
    return state.status, attempts, states(fanout), reviews, sorted(fanout.reviews.rejected), ended, times


@given(histories(), st.randoms())
def test_no_order_of_arrival_gives_two_states(records: list[Record], random: Any) -> None:
    shuffled = list(records)
    random.shuffle(shuffled)
    assert seen(shuffled) == seen(records)


@given(histories())
def test_a_join_that_stands_knew_of_every_rejection_before_it(records: list[Record]) -> None:
    fanout = fold_fan_out(*records)
    if fanout.joined is None:
        return
    ordered = [one.record for one in fold_order(store(records))]
    place = next(at for at, one in enumerate(ordered) if one.id == fanout.joined.record)
    before = fold_fan_out(*ordered[:place])
    assert ordered[place].body.get(REJECTIONS, 0) >= len(before.reviews.rejected)
    assert fanout.reviews.rejected == before.reviews.rejected, "none is rejected after the join"
    for index, attempt in before.reviews.rejected:
        assert before.attempt(index) > attempt, "what was counted is another attempt"


@given(histories())
def test_a_rejected_attempt_is_never_the_one_that_counts(records: list[Record]) -> None:
    fanout = fold_fan_out(*records)
    counted = {(child.index, child.attempt) for child in fan_out_children(fanout)}
    assert not counted & fanout.reviews.rejected
    decision = decide(parse_join("all", 2), fan_out_children(fanout))
    assert not (decision.satisfied and counted & fanout.reviews.rejected)


@given(histories())
def test_progress_kept_up_to_date_says_what_a_fresh_look_says(records: list[Record]) -> None:
    state = fold_task(THREAD, store(records[:1]))
    assert state.fanout is not None
    for stored in store(records)[1:]:
        progress_of(state.fanout)
        state.apply(stored)
    kept = progress_of(state.fanout)
    assert kept.children() == fan_out_children(state.fanout)
    assert kept.cel_children() == tally_of(fan_out_children(state.fanout)).cel_children()
