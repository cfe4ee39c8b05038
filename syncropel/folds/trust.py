"""Trust: the share of an actor's results that were accepted, from the fan-outs in the log."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from syncropel.folds.fanout import ACCEPT
from syncropel.folds.task import TaskState


@dataclass(frozen=True, slots=True)
class Trust:
    """How many of an actor's results there are, and how many of these were accepted."""

    results: int = 0
    accepted: int = 0

    @property
    def score(self) -> float:
        """From 0 to 1, by Laplace's rule: nobody is trusted or distrusted wholly on little evidence."""
        return (self.accepted + 1) / (self.results + 2)

    def judged(self, verdict: str) -> Trust:
        """With one more result."""
        return Trust(self.results + 1, self.accepted + (verdict == ACCEPT))


def trust_by_actor(tasks: Iterable[TaskState]) -> dict[str, Trust]:
    """Everyone who reported a result, all attempts counted."""
    found: dict[str, Trust] = {}
    for state in tasks:
        if state.fanout is not None:
            for report in list(state.fanout.reports.values()):
                if not report.worker:
                    continue  # nobody's work: it was not let begin
                found[report.worker] = found.get(report.worker, Trust()).judged(report.verdict)
    return found
