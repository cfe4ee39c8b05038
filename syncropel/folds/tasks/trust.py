"""Trust: the share of an actor's results that were accepted, from the fan-outs and verdicts in the log.

A result is a worker's report about an attempt, or the judgement of somebody who had no part in the work. A
verdict on one's own work is counted separately: it is no evidence.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from syncropel.folds.fanout.state import ACCEPT
from syncropel.folds.tasks.state import TaskState


@dataclass(frozen=True, slots=True)
class Trust:
    """How many results an actor has, and how many of these were accepted.

    `own`: tasks that the actor judged although the work was theirs, which is no evidence.
    """

    results: int = 0
    accepted: int = 0
    own: int = 0

    @property
    def score(self) -> float:
        """From 0 to 1, by Laplace's rule: nobody is fully trusted or distrusted on little evidence."""
        return (self.accepted + 1) / (self.results + 2)

    def judged(self, verdict: str) -> Trust:
        """With one more result."""
        return Trust(self.results + 1, self.accepted + (verdict == ACCEPT), self.own)

    def judged_own(self) -> Trust:
        """With one more task of their own that they judged."""
        return Trust(self.results, self.accepted, self.own + 1)


def trust_by_actor(tasks: Iterable[TaskState]) -> dict[str, Trust]:
    """Everyone with a result: all attempts count, and each judge once per task, with the latest judgement."""
    found: dict[str, Trust] = {}
    for state in tasks:
        if state.fanout is not None:
            for report in list(state.fanout.reports.values()):
                if not report.worker:
                    continue  # nobody's work: it was not allowed to begin
                found[report.worker] = found.get(report.worker, Trust()).judged(report.verdict)
        for judge, verdict in list(state.verdicts.items()):
            if state.did_work(judge):
                found[judge] = found.get(judge, Trust()).judged_own()
                continue
            for worker in list(state.workers):
                found[worker] = found.get(worker, Trust()).judged(verdict)
    return found
