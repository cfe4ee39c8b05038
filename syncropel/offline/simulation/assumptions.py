"""What a simulation assumes of the work and of the workers that do it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Final

_Z95: Final = 1.6448536269514722
"""The 95th percentile of the standard normal distribution."""


@dataclass(frozen=True, slots=True)
class Spread:
    """A quantity that varies: half of the draws are below `median`, and 19 of 20 below `p95`.

    Draws follow a log-normal distribution: never negative, with a long tail, as the durations and prices of
    agents have.
    """

    median: float
    p95: float

    def draw(self, random: Random) -> float:
        """One value. Takes the same amount of randomness whatever the spread is."""
        normal = random.gauss(0.0, 1.0)
        if self.median <= 0.0 or self.p95 <= self.median:
            return self.median
        return self.median * math.exp(normal * math.log(self.p95 / self.median) / _Z95)


@dataclass(frozen=True, slots=True)
class Work:
    """One attempt at a subtask: how long it takes (seconds), what it costs (US dollars), and how likely it is
    to fail (0 to 1).
    """

    secs: Spread = Spread(300.0, 1200.0)
    cost_usd: Spread = Spread(0.0, 0.0)
    fails: float = 0.0


@dataclass(frozen=True, slots=True)
class Assumptions:
    """`workers`: slots by alias. `work`: of every subtask that is not in `of`, by index.

    `retries`: how often an operator tries a failed subtask again, `retry_secs` after it failed. `lost`: how
    likely an attempt loses its instance (0 to 1); the subtask is given to another `moved_secs` later.
    """

    workers: Mapping[str, int]
    work: Work = Work()
    of: Mapping[int, Work] = field(default_factory=dict)
    retries: int = 0
    retry_secs: float = 60.0
    lost: float = 0.0
    moved_secs: float = 45.0

    def work_of(self, index: int) -> Work:
        return self.of.get(index, self.work)

    def with_another_slot(self, alias: str) -> Assumptions:
        """The same with one more slot at a worker."""
        return replace(self, workers={**self.workers, alias: self.workers[alias] + 1})
