"""Routing rules: choose an instance for a subtask whose target is open. The first match by priority wins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from syncropel.cel.budget import INLINE_STEPS, Budget
from syncropel.errors import SyncropelError
from syncropel.folds.control.rules import Rule
from syncropel.folds.fanout.state import FanOut
from syncropel.folds.fanout.subtasks import Child
from syncropel.folds.fleet.routing import Candidate
from syncropel.policy.evaluation_functions import EvaluationFunctions
from syncropel.policy.expression_contexts import compile_in, subtask_fields

OPEN_TARGETS: Final = ("least-loaded-worker", "round-robin")
"""Targets that leave the choice to this instance; rules are evaluated for these only."""


def choose(
    rules: Sequence[Rule],
    fanout: FanOut,
    child: Child,
    alias: str,
    goal: str,
    candidates: Sequence[Candidate],
    load: Mapping[str, int],
    evaluation: EvaluationFunctions,
) -> str:
    """The target that the rules choose for this subtask: `specific:<did>` of a live instance, otherwise its
    own.

    A rule returns an alias or a DID. A rule that returns an empty text, fails, or names no live instance is
    skipped. Unless a rule decides otherwise, a retry stays where its agent's session is.
    """
    own = child.subtask.target
    if own not in OPEN_TARGETS:
        return own
    if not rules:
        return _at_its_session(fanout, child, candidates) or own
    values = routed_over(fanout, child, alias, goal, candidates, load)
    functions = evaluation.functions()
    for rule in rules:
        try:
            expression = compile_in("routing", rule.expression)
            chosen = expression.evaluate_lazily(values.__getitem__, functions, Budget(INLINE_STEPS, 0.05))
        except SyncropelError as error:
            evaluation.note(rule, error.message)
            continue
        live = [one.did for one in candidates if one.status == "live" and chosen in (one.alias, one.did)]
        if live and chosen:
            return f"specific:{live[0]}"
    return _at_its_session(fanout, child, candidates) or own


def _at_its_session(fanout: FanOut, child: Child, candidates: Sequence[Candidate]) -> str:
    """The live instance that has the agent session of the previous attempt, as a target; otherwise empty."""
    before = fanout.reports.get((child.index, child.attempt - 1))
    if before is None or not (before.agent or {}).get("session"):
        return ""
    live = any(one.did == before.worker and one.status == "live" for one in candidates)
    return f"specific:{before.worker}" if live else ""


def routed_over(
    fanout: FanOut,
    child: Child,
    alias: str,
    goal: str,
    candidates: Sequence[Candidate],
    load: Mapping[str, int],
) -> dict[str, Any]:
    """The data that a routing rule is evaluated with."""
    return {
        "subtask": subtask_fields(child),
        "parent": {
            "thread": fanout.thread,
            "alias": alias,
            "goal": goal,
            "namespace": fanout.spec.namespace,
            "domain": fanout.domain,
            "join": fanout.join,
        },
        "instances": [
            {
                "did": one.did,
                "alias": one.alias,
                "role": one.role,
                "status": one.status,
                "load": load.get(one.did, 0),
            }
            for one in candidates
        ],
    }
