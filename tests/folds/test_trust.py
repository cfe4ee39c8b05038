"""Trust, folded from what workers reported."""

from __future__ import annotations

import pytest

from syncropel.folds.trust import Trust, trust_by_actor
from tests.folds.build import WORKER_A, WORKER_B, done, fold, parent, record, spawned, subtask


def test_every_attempt_counts_for_whoever_reported_it() -> None:
    task = fold(
        parent([subtask(), subtask()]),
        spawned(0, 1),
        done(0, 2),
        done(1, 3, "failed"),
        done(1, 4, attempt=2, worker=WORKER_B),
    )
    assert trust_by_actor([task]) == {WORKER_A: Trust(2, 1), WORKER_B: Trust(1, 1)}


def test_a_task_without_a_fan_out_says_nothing() -> None:
    assert trust_by_actor([fold(record("INTEND", 0, {"task": True}))]) == {}


@pytest.mark.parametrize(("trust", "score"), [(Trust(), 0.5), (Trust(2, 2), 0.75), (Trust(2, 0), 0.25)])
def test_little_evidence_moves_little(trust: Trust, score: float) -> None:
    assert trust.score == score
