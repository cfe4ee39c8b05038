"""Trust: the share of an actor's results that were accepted, from the fan-outs and verdicts in the log.

A result is a worker's report about an attempt, or the judgement of somebody who had no part in the work. A
verdict on one's own work is counted separately: it is no evidence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from syncropel.folds.fanout.reviews import REJECTS
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

    def plus(self, other: Trust) -> Trust:
        """With another part of the log."""
        return Trust(self.results + other.results, self.accepted + other.accepted, self.own + other.own)

    def minus(self, other: Trust) -> Trust:
        """Without what a part of the log said before it changed."""
        return Trust(self.results - other.results, self.accepted - other.accepted, self.own - other.own)

    def judged_own(self) -> Trust:
        """With one more task of their own that they judged."""
        return Trust(self.results, self.accepted, self.own + 1)


NOBODY: Final = Trust()


def contributions(state: TaskState) -> dict[str, Trust]:
    """What one task says of each actor: all attempts count, each judge once, with the latest judgement."""
    found: dict[str, Trust] = {}
    if state.fanout is not None:
        for slot, report in state.fanout.reports.items():
            if not report.worker:
                continue  # nobody's work: it was not allowed to begin
            verdict = REJECTS if slot in state.fanout.reviews.rejected else report.verdict
            found[report.worker] = found.get(report.worker, NOBODY).judged(verdict)
    for judge, verdict in state.verdicts.items():
        if state.did_work(judge):
            found[judge] = found.get(judge, NOBODY).judged_own()
            continue
        for worker in state.workers:
            found[worker] = found.get(worker, NOBODY).judged(verdict)
    return found
