"""What many runs of a simulation say together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from syncropel.offline.simulation.run import Run, simulate

if TYPE_CHECKING:
    from syncropel.folds.fanout.spec import FanOutSpec
    from syncropel.offline.simulation.assumptions import Assumptions

_BUSY: Final = 0.5
"""A worker that is busy for less of the time than this is no bottleneck."""


@dataclass(frozen=True, slots=True)
class Quantiles:
    """5 of 100 values are below `p5`, half below `p50`, 95 of 100 below `p95`."""

    p5: float
    p50: float
    p95: float


@dataclass(frozen=True, slots=True)
class WorkerLoad:
    """`busy`: the share of its slots' time that it worked, from 0 to 1. `queued_secs`: how long an attempt
    waited for a slot, on average over all runs. `bottleneck`: in which share of the runs attempts waited
    longest at this worker.
    """

    alias: str
    slots: int
    busy: float
    queued_secs: float
    bottleneck: float


@dataclass(frozen=True, slots=True)
class Summary:
    """`joins`: the share of the runs that joined, from 0 to 1. `secs`: to the join; None when none joined.
    `cost_usd`: of all runs, when they joined or nothing could change any more; `later_usd`: the mean cost of
    what ran on. `path`: where the time went, as shares of work, queue, and waits. `blame`: by index, in which
    share of the runs a subtask kept the fan-out from joining, the worst first. `why`: how the first run that
    did not join ended.
    """

    runs: int
    joins: float
    secs: Quantiles | None
    cost_usd: Quantiles
    later_usd: float
    attempts: float
    path: tuple[float, float, float]
    workers: tuple[WorkerLoad, ...]
    blame: tuple[tuple[int, float], ...]
    why: str

    @property
    def bottleneck(self) -> WorkerLoad | None:
        """The worker at which attempts wait longest most often; None when hardly any wait."""
        worst = max(self.workers, key=lambda one: one.bottleneck)
        return worst if worst.bottleneck > 0 and worst.busy >= _BUSY else None


def simulate_many(
    spec: FanOutSpec,
    assumed: Assumptions,
    seed: int,
    runs: int,
    done: Callable[[int], None] = lambda _: None,
) -> Summary:
    """Run it so often; `done` hears how many are over. The same seed gives the same summary."""
    found = []
    for number in range(runs):
        found.append(simulate(spec, assumed, f"{seed}/{number}"))
        done(number + 1)
    return summary_of(found, assumed)


def summary_of(runs: Sequence[Run], assumed: Assumptions) -> Summary:
    """The summary of at least one run."""
    joined = [run for run in runs if run.joined]
    count = len(runs)
    blame = Counter(index for run in runs for index in run.blame)
    whole = sum(run.path.work + run.path.queue + run.path.waits for run in runs) or 1.0
    return Summary(
        count,
        len(joined) / count,
        quantiles([run.secs for run in joined]) if joined else None,
        quantiles([run.cost_usd for run in runs]),
        sum(run.later_usd for run in runs) / count,
        sum(run.attempts for run in runs) / count,
        (
            sum(run.path.work for run in runs) / whole,
            sum(run.path.queue for run in runs) / whole,
            sum(run.path.waits for run in runs) / whole,
        ),
        tuple(_load(alias, slots, runs) for alias, slots in assumed.workers.items()),
        tuple((index, times / count) for index, times in blame.most_common()),
        next((run.why for run in runs if not run.joined), ""),
    )


def _load(alias: str, slots: int, runs: Sequence[Run]) -> WorkerLoad:
    there = sum(run.secs for run in runs) * slots
    attempts = sum(run.attempts for run in runs) or 1
    longest = sum(run.queued[alias] > 0 and run.queued[alias] >= max(run.queued.values()) for run in runs)
    return WorkerLoad(
        alias,
        slots,
        sum(run.busy[alias] for run in runs) / there if there > 0 else 0.0,
        sum(run.queued[alias] for run in runs) / attempts,
        longest / len(runs),
    )


def quantiles(values: Sequence[float]) -> Quantiles:
    """The quantiles of at least one value: each is one of them."""
    ordered = sorted(values)

    def at(share: float) -> float:
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    return Quantiles(at(0.05), at(0.5), at(0.95))
