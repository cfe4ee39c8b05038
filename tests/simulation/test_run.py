"""One run in virtual time: with work that does not vary, what happens is known beforehand."""

from __future__ import annotations

from math import ceil
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncropel.offline.simulation.assumptions import Assumptions, Spread, Work
from syncropel.offline.simulation.plan import read_plan
from syncropel.offline.simulation.run import Path, Run, simulate

ANY = "least-loaded-worker"


def subtasks(count: int, target: str = ANY, **more: Any) -> list[dict[str, Any]]:
    return [{"goal": f"g{index}", "target": target, **more} for index in range(count)]


def steady(secs: float = 10.0, usd: float = 1.0, fails: float = 0.0) -> Work:
    return Work(Spread(secs, secs), Spread(usd, usd), fails)


ALL_FAIL = 1 - 1e-12


def ran(items: list[dict[str, Any]], join: str = "all", *, seed: str = "s", **given: Any) -> Run:
    budget = given.pop("budget", None)
    spec = read_plan({"subtasks": items, "join": join, **({} if budget is None else {"budget_usd": budget})})
    assumed = Assumptions(**{"workers": {"worker-a": 2}, "work": steady(), **given})
    return simulate(spec, assumed, seed)


@pytest.mark.parametrize(("count", "slots"), [(1, 1), (4, 2), (5, 2), (7, 3), (3, 9)])
def test_a_worker_does_as_much_at_once_as_it_has_slots(count: int, slots: int) -> None:
    run = ran(subtasks(count), workers={"worker-a": slots})
    assert (run.joined, run.secs, run.cost_usd) == (True, 10.0 * ceil(count / slots), count)
    assert run.attempts == count
    assert run.busy == {"worker-a": 10.0 * count}
    assert run.queued["worker-a"] == sum(10.0 * (index // slots) for index in range(count))


def test_work_goes_to_the_worker_with_the_least() -> None:
    run = ran(subtasks(4), workers={"worker-a": 1, "worker-b": 1})
    assert (run.secs, run.busy) == (20.0, {"worker-a": 20.0, "worker-b": 20.0})


def test_a_named_worker_does_its_own() -> None:
    run = ran([*subtasks(3, "worker-a"), *subtasks(1, "worker-b")], workers={"worker-a": 1, "worker-b": 1})
    assert (run.secs, run.busy) == (30.0, {"worker-a": 30.0, "worker-b": 10.0})


def test_a_subtask_begins_when_all_that_it_waits_for_was_accepted() -> None:
    items = subtasks(3)
    items[2]["depends_on"] = [0, 1]
    run = ran(items, of={1: steady(30.0)})
    assert (run.secs, run.path) == (40.0, Path(work=40.0))


def test_the_time_goes_along_the_chain_that_the_end_waited_for() -> None:
    items = subtasks(4, "worker-a")
    items[3]["depends_on"] = [2]
    run = ran(items, workers={"worker-a": 1})
    assert (run.secs, run.path) == (40.0, Path(work=20.0, queue=20.0))


def test_a_join_over_some_ends_with_the_last_that_it_needs_and_the_others_cost_on() -> None:
    run = ran(subtasks(2), "any", of={0: steady(5.0), 1: steady(20.0)})
    assert (run.joined, run.secs, run.cost_usd, run.later_usd) == (True, 5.0, 1.25, 0.75)


def test_an_expression_joins_as_it_would() -> None:
    expression = "children.filter(c, c.state == 'accept').size() >= 2 && parent.cost_usd < 10.0"
    run = ran(subtasks(3), expression, of={0: steady(50.0)}, workers={"worker-a": 3})
    assert (run.joined, run.secs) == (True, 10.0)


def test_failures_keep_it_from_joining_and_are_named() -> None:
    run = ran(subtasks(2), of={1: steady(fails=ALL_FAIL)})
    assert (run.joined, run.blame) == (False, (1,))
    assert run.why.startswith("all can no longer be satisfied: [1] failed on worker-a")


def test_a_retry_waits_for_its_operator_and_counts() -> None:
    run = ran(subtasks(1), work=steady(fails=ALL_FAIL), retries=2, retry_secs=60.0)
    assert (run.joined, run.attempts, run.secs) == (False, 3, 10.0 * 3 + 60.0 * 2)
    assert run.path == Path(work=30.0, waits=120.0)


def test_what_waited_for_a_failed_subtask_begins_after_its_retry() -> None:
    items = subtasks(2)
    items[1]["depends_on"] = [0]
    seeds = (f"{number}" for number in range(1000))
    run = next(
        found
        for seed in seeds
        if (found := ran(items, seed=seed, of={0: steady(fails=0.5)}, retries=1)).joined
        and found.attempts == 3
    )
    assert (run.secs, run.path) == (90.0, Path(work=30.0, waits=60.0))


def test_a_lost_attempt_goes_to_another_worker_later() -> None:
    seeds = (f"{number}" for number in range(1000))
    run = next(found for seed in seeds if (found := ran(subtasks(1), seed=seed, lost=0.5)).attempts == 2)
    assert run.joined
    assert 10.0 + 45.0 <= run.secs < 20.0 + 45.0
    assert run.path.waits == 45.0
    assert 1.0 <= run.cost_usd < 2.0


def test_where_one_worker_is_named_it_waits_for_that() -> None:
    seeds = (f"{number}" for number in range(1000))
    run = next(
        found for seed in seeds if (found := ran(subtasks(1, "worker-a"), seed=seed, lost=0.5)).attempts == 3
    )
    assert run.joined
    assert run.path.waits == 90.0


@pytest.mark.parametrize(
    ("more", "verdict", "secs", "usd"),
    [
        ({"timeout_secs": 4}, "timeout", 4.0, 0.4),
        ({"budget_usd": 0.25}, "failed", 2.5, 0.25),
        ({"timeout_secs": 2, "budget_usd": 0.25}, "timeout", 2.0, 0.2),
        ({"timeout_secs": 4, "budget_usd": 0.25}, "failed", 2.5, 0.25),
    ],
)
def test_an_attempt_ends_at_its_limits(more: dict[str, Any], verdict: str, secs: float, usd: float) -> None:
    run = ran(subtasks(1, **more))
    assert (run.joined, run.secs, run.cost_usd) == (False, pytest.approx(secs), pytest.approx(usd))
    assert f"[0] {verdict}" in run.why


def test_what_names_no_limit_has_that_of_the_engine() -> None:
    run = ran(subtasks(1), work=steady(5000.0))
    assert (run.secs, "timeout" in run.why) == (1800.0, True)


def test_a_budget_ends_what_runs_and_begins_nothing_more() -> None:
    run = ran(subtasks(6), budget=3.0)
    assert (run.joined, run.secs, run.attempts) == (False, pytest.approx(15.0), 6)
    assert run.cost_usd == pytest.approx(3.0)
    assert run.later_usd == pytest.approx(0.0)


def test_a_budget_that_is_not_spent_changes_nothing() -> None:
    assert ran(subtasks(3), budget=3.1) == ran(subtasks(3))


def test_what_waits_for_a_review_says_so() -> None:
    run = ran(subtasks(1), "children.all(c, c.approved)")
    assert (run.joined, run.blame) == (False, ())
    assert "waits for a review of [0]" in run.why


@st.composite
def plans(draw: st.DrawFn) -> tuple[list[dict[str, Any]], str, dict[str, Any]]:
    count = draw(st.integers(1, 8))
    items = subtasks(count)
    for index, item in enumerate(items):
        item["target"] = draw(st.sampled_from([ANY, "round-robin", "worker-a", "worker-b"]))
        if index and draw(st.booleans()):
            item["depends_on"] = draw(st.lists(st.integers(0, index - 1), max_size=2, unique=True))
        if draw(st.booleans()):
            item["budget_usd"] = draw(st.sampled_from([0.2, 0.5, 3.0]))
    join = draw(st.sampled_from(["all", "any", f"k_of_n:{(count + 1) // 2}"]))
    assumed = {
        "workers": {"worker-a": draw(st.integers(1, 3)), "worker-b": draw(st.integers(1, 3))},
        "work": Work(Spread(100.0, 400.0), Spread(0.3, 0.9), draw(st.sampled_from([0.0, 0.3, 0.9]))),
        "retries": draw(st.integers(0, 2)),
        "lost": draw(st.sampled_from([0.0, 0.3])),
        "budget": draw(st.sampled_from([None, 1.0, 100.0])),
    }
    return items, join, assumed


@settings(max_examples=150, deadline=None)
@given(plans(), st.integers(0, 10**9))
def test_every_run_ends_and_its_sums_agree(
    plan: tuple[list[dict[str, Any]], str, dict[str, Any]], seed: int
) -> None:
    items, join, assumed = plan
    run = ran(items, join, seed=str(seed), **assumed)
    assert run == ran(items, join, seed=str(seed), **assumed), "the same seed gives the same run"
    assert run.path.work + run.path.queue + run.path.waits == pytest.approx(run.secs, abs=1e-6)
    slots = sum(assumed["workers"].values())
    assert sum(run.busy.values()) <= slots * run.secs + 1e-6
    assert min(run.queued.values()) >= -1e-9
    assert run.joined == (not run.why)
    assert run.later_usd >= -1e-9
    if assumed["budget"] is not None:
        assert run.cost_usd <= assumed["budget"] + 1e-6


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 8), st.integers(0, 10**9))
def test_with_more_slots_nothing_is_drawn_otherwise(count: int, seed: int) -> None:
    work = Work(Spread(100.0, 400.0), Spread(0.3, 0.9), 0.2)
    few, many = (
        ran(subtasks(count, "worker-a"), seed=str(seed), work=work, workers={"worker-a": slots})
        for slots in (1, count)
    )
    assert (few.joined, few.cost_usd) == (many.joined, pytest.approx(many.cost_usd))
    assert many.secs <= few.secs + 1e-9
