"""Routing rules choose for subtasks that left it open, and never strand one."""

from __future__ import annotations

import pytest

from syncropel.engine.ingest.live import LiveFolds
from syncropel.folds.control.rules import ROUTING, parse_rule
from syncropel.folds.fanout.spec import parse_fan_out
from syncropel.folds.fanout.state import FanOut
from syncropel.folds.fanout.subtasks import fan_out_children
from syncropel.folds.fleet.routing import Candidate
from syncropel.policy.evaluation_functions import EvaluationFunctions
from syncropel.policy.target_selection import choose

CANDIDATES = [
    Candidate("did:a", "worker-a", "worker", "live"),
    Candidate("did:b", "worker-b", "worker", "stale"),
]


@pytest.mark.parametrize(
    ("target", "rules", "chosen"),
    [
        ("round-robin", [], "round-robin"),
        ("round-robin", ["'worker-a'"], "specific:did:a"),
        ("round-robin", ["''", "instances[0].did"], "specific:did:a"),
        ("round-robin", ["'worker-b'"], "round-robin"),
        ("round-robin", ["subtask.goal == 'g' ? 'worker-a' : ''"], "specific:did:a"),
        ("round-robin", ["1 / 0 == 1 ? 'x' : 'y'", "'worker-a'"], "specific:did:a"),
        ("worker-b", ["'worker-a'"], "worker-b"),
    ],
)
def test_a_rule_chooses_among_the_live(target: str, rules: list[str], chosen: str) -> None:
    spec = parse_fan_out({"subtasks": [{"goal": "g", "target": target}], "join": "all", "goal": "p"})
    fanout = FanOut("th", "i", spec, 0.0, 0, "all")
    parsed = [parse_rule(ROUTING, {"name": f"r{at}", "expression": text}) for at, text in enumerate(rules)]
    evaluation = EvaluationFunctions(LiveFolds(), 0.0, "did:me", "did:me")
    assert choose(parsed, fanout, fan_out_children(fanout)[0], "T", "p", CANDIDATES, {}, evaluation) == chosen


@pytest.mark.parametrize(
    ("worker", "agent", "chosen"),
    [
        ("did:a", {"session": "s"}, "specific:did:a"),
        ("did:a", {"session": ""}, "round-robin"),
        ("did:a", None, "round-robin"),
        ("did:b", {"session": "s"}, "round-robin"),
        ("did:gone", {"session": "s"}, "round-robin"),
    ],
)
def test_a_retry_stays_where_its_agent_s_session_is(worker: str, agent: object, chosen: str) -> None:
    spec = parse_fan_out({"subtasks": [{"goal": "g", "target": "round-robin"}], "join": "all", "goal": "p"})
    fanout = FanOut("th", "i", spec, 0.0, 0, "all")
    told = {"index": 0, "attempt": 1, "verdict": "failed", "worker": worker, "agent": agent}
    fanout.record_report(told, (1, "r"), 0.0)
    fanout.record_retry({"index": 0})
    evaluation = EvaluationFunctions(LiveFolds(), 0.0, "did:me", "did:me")

    child = fan_out_children(fanout)[0]

    assert child.attempt == 2
    assert choose([], fanout, child, "T", "p", CANDIDATES, {}, evaluation) == chosen
