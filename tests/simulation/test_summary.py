"""Many runs together: shares, quantiles, and who holds them up."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

import pytest

from syncropel.errors import InvalidFanOut, SyncropelError
from syncropel.offline.simulation.assumptions import Assumptions, Spread, Work
from syncropel.offline.simulation.plan import read_plan, workers_for
from syncropel.offline.simulation.run import Path, Run
from syncropel.offline.simulation.summary import Quantiles, quantiles, simulate_many, summary_of

TWO = Assumptions({"worker-a": 1, "worker-b": 2})


def run(joined: bool = True, secs: float = 10.0, **changes: Any) -> Run:
    usual: dict[str, Any] = {
        "cost_usd": 1.0,
        "later_usd": 0.0,
        "attempts": 2,
        "why": "" if joined else "failed",
        "blame": (),
        "path": Path(secs),
        "busy": {"worker-a": secs, "worker-b": secs},
        "queued": {"worker-a": 0.0, "worker-b": 0.0},
    }
    return Run(joined, secs, **{**usual, **changes})


def queued(a: float, b: float) -> Mapping[str, float]:
    return {"worker-a": a, "worker-b": b}


def test_quantiles_are_values_that_were_seen() -> None:
    assert quantiles([7.0]) == Quantiles(7.0, 7.0, 7.0)
    assert quantiles([float(n) for n in range(100, 0, -1)]) == Quantiles(6.0, 51.0, 96.0)


def test_the_time_is_that_of_the_runs_that_joined_and_the_cost_that_of_all() -> None:
    found = summary_of([run(secs=10.0), run(False, 99.0, cost_usd=5.0, blame=(1,))], TWO)
    assert (found.joins, found.secs, found.why) == (0.5, Quantiles(10.0, 10.0, 10.0), "failed")
    assert found.cost_usd == Quantiles(1.0, 5.0, 5.0)
    assert found.blame == ((1, 0.5),)


def test_where_none_joins_there_is_no_time() -> None:
    assert summary_of([run(False)], TWO).secs is None


def test_the_worst_is_blamed_first() -> None:
    found = summary_of([run(False, blame=(3, 1)), run(False, blame=(1,))], TWO)
    assert found.blame == ((1, 1.0), (3, 0.5))


def test_the_time_is_shared_out() -> None:
    found = summary_of([run(path=Path(6.0, 3.0, 1.0)), run(path=Path(10.0))], TWO)
    assert found.path == (0.8, 0.15, 0.05)
    assert summary_of([run(secs=0.0)], TWO).path == (0.0, 0.0, 0.0)


def test_the_bottleneck_is_where_attempts_wait_longest_most_often() -> None:
    runs = [run(queued=queued(5.0, 1.0)), run(queued=queued(4.0, 1.0)), run(queued=queued(0.0, 1.0))]
    found = summary_of(runs, TWO)
    assert found.bottleneck is not None
    assert (found.bottleneck.alias, found.bottleneck.bottleneck) == ("worker-a", 2 / 3)
    a, b = found.workers
    assert (a.busy, a.queued_secs, b.busy, b.queued_secs) == (1.0, 1.5, 0.5, 0.5)


@pytest.mark.parametrize("waits", [queued(0.0, 0.0), queued(0.0, 9.0)])
def test_without_waiting_or_with_an_idle_worker_there_is_none(waits: Mapping[str, float]) -> None:
    busy = {"worker-a": 1.0, "worker-b": 1.0}
    assert summary_of([run(queued=waits, busy=busy)], TWO).bottleneck is None


def test_a_spread_is_what_it_says() -> None:
    random, spread = Random(1), Spread(100.0, 400.0)
    drawn = sorted(spread.draw(random) for _ in range(20_000))
    assert drawn[10_000] == pytest.approx(100.0, rel=0.05)
    assert drawn[19_000] == pytest.approx(400.0, rel=0.05)
    assert drawn[0] > 0
    assert Spread(5.0, 5.0).draw(random) == 5.0
    assert Spread(0.0, 0.0).draw(random) == 0.0


def test_each_run_has_a_seed_of_its_own_and_all_follow_from_one() -> None:
    spec = read_plan({"subtasks": [{"goal": "g", "target": "round-robin"}]})
    heard: list[int] = []
    first, again, other = (
        simulate_many(spec, Assumptions({"worker-a": 1}), seed, 30, heard.append) for seed in (1, 1, 2)
    )
    assert first == again != other
    assert heard[:30] == [*range(1, 31)]
    assert first.secs is not None
    assert first.secs.p5 < first.secs.p50 < first.secs.p95


def test_a_join_that_needs_luck_gets_its_share() -> None:
    spec = read_plan({"subtasks": [{"goal": "g", "target": "worker-a"}]})
    assumed = Assumptions({"worker-a": 1}, Work(fails=0.25))
    assert simulate_many(spec, assumed, 0, 2000).joins == pytest.approx(0.75, abs=0.03)


PLAN = {"subtasks": [{"goal": "g", "target": "worker-q"}, {"goal": "h", "target": "round-robin"}]}


def test_workers_are_those_that_the_targets_name() -> None:
    assert workers_for(read_plan(PLAN), {}) == {"worker-q": 4}
    assert workers_for(read_plan({"subtasks": PLAN["subtasks"][1:]}), {}) == {"worker-a": 4, "worker-b": 4}
    assert workers_for(read_plan(PLAN), {"worker-q": 1, "worker-z": 2}) == {"worker-q": 1, "worker-z": 2}
    with pytest.raises(InvalidFanOut, match="subtask 0: worker-q is not among the workers: worker-z"):
        workers_for(read_plan(PLAN), {"worker-z": 2})


@pytest.mark.parametrize(
    "body",
    [
        {"subtasks": []},
        {**PLAN, "join": "k_of_n:9"},
        {**PLAN, "join": "children.size()"},
        {"subtasks": [{"goal": "g", "target": "worker-a", "depends_on": [0]}]},
    ],
)
def test_a_plan_is_refused_as_the_daemon_refuses_it(body: dict[str, Any]) -> None:
    with pytest.raises(SyncropelError):
        read_plan(body)
