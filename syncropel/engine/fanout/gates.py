"""Gates before a subtask starts: preconditions that must hold, and rules by which an operator is asked.

The last results of preconditions are kept for display only. Whether a subtask may start is evaluated again
each time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from syncropel.engine.fanout.spawn import child_intend
from syncropel.engine.ingest.door import Ingest
from syncropel.folds.control.rules import AITL, PRECONDITION, Rule
from syncropel.folds.fanout.approvals import ASKED, Ask
from syncropel.folds.fanout.subtasks import Child
from syncropel.folds.tasks.state import TaskState
from syncropel.peer.runtime import Runtime
from syncropel.policy.evaluation_functions import EvaluationFunctions, task_fields
from syncropel.policy.expression_contexts import record_fields, subtask_fields
from syncropel.policy.rule_evaluation import Answer, ask
from syncropel.record.model import Record

log = logging.getLogger("syncropel.engine.gates")

_REST_SECS: Final = 30.0
"""How long a rule that exceeded its budget is not evaluated again: its last result holds until then."""
_AT_A_STRETCH: Final = 50
"""Subtasks evaluated before the event loop gets a turn."""


@dataclass(frozen=True)
class Looked:
    """Subtasks that may start, and bodies of the questions to write."""

    passed: list[Child]
    asks: list[dict[str, Any]]


class Gates:
    """Evaluates the rules for subtasks that could start."""

    def __init__(self, ingest: Ingest, did: str, runtime: Runtime) -> None:
        self._ingest = ingest
        self._did = did
        self._runtime = runtime
        self._held: dict[str, dict[tuple[int, int], str]] = {}
        self._ran_away: dict[str, tuple[float, Answer]] = {}

    def threads(self) -> list[str]:
        """The fan-outs with held subtasks."""
        return list(self._held)

    def why(self, thread: str, child: Child) -> str:
        """Which rule holds this attempt, and what is wrong with it; empty when none does."""
        return self._held.get(thread, {}).get((child.index, child.attempt), "")

    def forget(self, thread: str) -> None:
        """The fan-out is over."""
        self._held.pop(thread, None)

    async def look(self, state: TaskState, waiting: Sequence[Child]) -> Looked:
        """Which of the subtasks may start now, and about which an operator is to be asked; the others are
        held, with the reason shown.
        """
        rules, fanout = self._ingest.live.rules, state.fanout
        assert fanout is not None
        if not (rules.of(PRECONDITION) or rules.of(AITL) or fanout.asks):
            self.forget(state.thread)
            return Looked(list(waiting), [])
        before, held = self._held.get(state.thread, {}), {}
        looked = Looked([], [])
        for turn, child in enumerate(waiting, start=1):
            why = await self._held_by(rules.of(PRECONDITION), state, child)
            known = fanout.asks.get(child.index)
            if not why and known is not None and not known.verdict:
                why = _waits_for_a_word(known, state, child)
            if why:
                held[child.index, child.attempt] = why
            elif known is None and (body := await self._to_ask(rules.of(AITL), state, child)):
                looked.asks.append(body)
            else:
                looked.passed.append(child)
            if turn % _AT_A_STRETCH == 0:
                await asyncio.sleep(0)
        for slot, why in held.items():
            if before.get(slot) != why:
                name = state.alias or state.thread
                log.warning("%s [%d]: %s", name, slot[0], why, extra={"thread_id": state.thread})
        if held:
            self._held[state.thread] = held
        else:
            self.forget(state.thread)
        return looked

    async def _to_ask(self, rules: Sequence[Rule], state: TaskState, child: Child) -> dict[str, Any] | None:
        """The body of the question about a subtask, when a rule requires one; a rule that fails requires it
        too.
        """
        if not rules:
            return None
        evaluation, values = self._evaluation(state), asked_about(state, child, self._did)
        for rule in rules:
            answer = await self._ask(rule, values.__getitem__, evaluation)
            if answer.yes or answer.problem:
                about = {"index": child.index, "attempt": child.attempt, "rule": rule.name}
                return {"topic": ASKED, **about, "problem": answer.problem}
        return None

    async def _ask(self, rule: Rule, load: Callable[[str], Any], evaluation: EvaluationFunctions) -> Answer:
        # One thread evaluates expensive expressions: a runaway rule must not occupy it every second.
        rests_until, answer = self._ran_away.get(rule.record, (0.0, Answer(False)))
        if rests_until > self._runtime.monotonic():
            return answer
        answer = await ask(rule, load, evaluation)
        if answer.ran_away:
            self._ran_away[rule.record] = (self._runtime.monotonic() + _REST_SECS, answer)
        else:
            self._ran_away.pop(rule.record, None)
        return answer

    def _evaluation(self, state: TaskState) -> EvaluationFunctions:
        asked_by = state.fanout.asked_by if state.fanout is not None else ""
        return EvaluationFunctions(self._ingest.live, self._runtime.now(), self._did, asked_by)

    async def _held_by(self, rules: Sequence[Rule], state: TaskState, child: Child) -> str:
        evaluation, values = self._evaluation(state), held_over(state, child)
        for rule in rules:
            answer = await self._ask(rule, values.__getitem__, evaluation)
            if not answer.yes:
                problem = f", which fails: {answer.problem}" if answer.problem else ""
                return f"held by precondition {rule.name}{problem}"
        return ""


def held_over(state: TaskState, child: Child) -> dict[str, Any]:
    """The data for a precondition of a task that is fanned out."""
    assert state.fanout is not None
    return {"task": task_fields(state), "subtask": subtask_fields(child), "actor": state.fanout.asked_by}


def asked_about(state: TaskState, child: Child, did: str, intend: Record | None = None) -> dict[str, Any]:
    """The data for an aitl rule: the child INTEND that would be sent now, or this one."""
    assert state.fanout is not None
    record = intend or child_intend(state.fanout, child, state.clock + 1, did)
    return {"task": task_fields(state), "record": record_fields(record, {state.fanout.spec.namespace})}


def _waits_for_a_word(known: Ask, state: TaskState, child: Child) -> str:
    name, problem = state.alias or state.thread, f", which fails: {known.problem}" if known.problem else ""
    command = f"spl task approve {name} --subtask {child.index}"
    return f"waits for your decision (aitl {known.rule}{problem}): {command}"
