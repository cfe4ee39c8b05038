"""A fan-out's budget can be raised, and a subtask's with its retry."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from syncropel.folds.fanout.reassignments import AMEND_BUDGET, BUDGET_EXCEEDED, BUDGET_WARNING, OVER_BUDGET
from syncropel.folds.fanout.state import FanOut
from syncropel.folds.fanout.subtasks import fan_out_children
from syncropel.record.model import StoredRecord
from tests.drain.test_reassignments_fold import done, fan_out, record, retry, spawned


def over(clock: int, budget: float = 1.0) -> StoredRecord:
    return record("LEARN", clock, {"topic": BUDGET_EXCEEDED, "spent_usd": budget, "budget_usd": budget})


def amend(clock: int, budget: Any) -> StoredRecord:
    return record("LEARN", clock, {"topic": AMEND_BUDGET, "budget_usd": budget})


def states(fanout: FanOut) -> list[str]:
    return [child.state for child in fan_out_children(fanout)]


def test_more_money_lets_the_rest_go_on_and_what_was_not_ended_yet_too() -> None:
    fanout = fan_out(spawned(1), over(2), amend(3, 2.5), budget=1.0)
    assert fanout.budget_usd == 2.5
    assert states(fanout) == ["in_progress", "pending"]
    assert fanout.end_reason(0, 1) == ""


def test_what_was_ended_for_its_cost_stays_ended_until_it_is_retried() -> None:
    ended = done(3, verdict="failed", reason=OVER_BUDGET)
    assert states(fan_out(spawned(1), over(2), ended, amend(4, 2), budget=1.0)) == ["failed", "pending"]
    retried = fan_out(spawned(1), over(2), ended, amend(4, 2), retry(5), budget=1.0)
    assert states(retried) == ["pending", "pending"]


def test_a_decision_about_the_budget_before_changes_nothing() -> None:
    fanout = fan_out(amend(1, 2.5), over(2), budget=1.0)
    assert not fanout.moves.exceeded
    assert fan_out(amend(1, 2.5), over(2, 2.5), budget=1.0).moves.exceeded


def test_the_warning_is_given_anew() -> None:
    warning = record("LEARN", 1, {"topic": BUDGET_WARNING, "budget_usd": 1.0})
    assert fan_out(warning, budget=1.0).moves.warned
    assert not fan_out(warning, amend(2, 2), budget=1.0).moves.warned


def test_what_is_no_budget_amends_nothing() -> None:
    for nothing in (None, 0, -1, True, "2", 1e200):
        fanout = fan_out(over(1), amend(2, nothing), budget=1.0)
        assert (fanout.budget_usd, fanout.moves.exceeded) == (1.0, True)


def test_a_fan_out_without_a_budget_can_be_given_one() -> None:
    assert fan_out(amend(1, 2)).budget_usd == 2.0


def test_a_retry_may_bring_a_budget_for_every_attempt_from_then_on() -> None:
    fanout = fan_out(retry(1, budget_usd=2), retry(2), retry(3, budget_usd="much"))
    first, second = fan_out_children(fanout)
    assert (first.subtask.budget_usd, second.subtask.budget_usd, first.attempt) == (2.0, None, 4)


_MONEY = st.tuples(
    st.sampled_from([AMEND_BUDGET, BUDGET_EXCEEDED, BUDGET_WARNING]), st.sampled_from([1.0, 2.0, 3.0])
)


@given(st.lists(_MONEY, max_size=8), st.randoms())
def test_it_is_exceeded_only_by_the_budget_that_is_in_force(told: list[Any], chance: Any) -> None:
    bodies = [{"topic": topic, "budget_usd": usd} for topic, usd in told]
    records = [record("LEARN", clock, body) for clock, body in enumerate(bodies, start=1)]
    fanout = fan_out(*records, budget=1.0)
    amended = [at for at, (topic, _) in enumerate(told) if topic == AMEND_BUDGET]
    since = amended[-1] + 1 if amended else 0
    budget = told[amended[-1]][1] if amended else 1.0
    assert fanout.budget_usd == budget
    about = [usd for topic, usd in told[since:] if topic == BUDGET_EXCEEDED]
    assert fanout.moves.exceeded == (budget in about if amended else bool(about))
    shuffled = list(records)
    chance.shuffle(shuffled)
    assert fan_out(*shuffled, budget=1.0) == fanout
