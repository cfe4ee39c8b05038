"""Gates before a subtask starts: the preconditions that operators set as rules.

What they said last is kept only to be told. Whether a subtask may start is asked anew at every look.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from syncropel.engine.ingest import Ingest
from syncropel.engine.runtime import Runtime
from syncropel.folds.fanout import Child
from syncropel.folds.rules import PRECONDITION, Rule
from syncropel.folds.task import TaskState
from syncropel.policy.asking import ask
from syncropel.policy.contexts import subtask_fields
from syncropel.policy.ground import Ground, task_fields

log = logging.getLogger("syncropel.engine.gates")

_AT_A_STRETCH: Final = 50
"""Subtasks that are asked about before the event loop has its turn again."""


class Gates:
    """Asks the precondition rules about subtasks that could start."""

    def __init__(self, ingest: Ingest, did: str, runtime: Runtime) -> None:
        self._ingest = ingest
        self._did = did
        self._runtime = runtime
        self._held: dict[str, dict[tuple[int, int], str]] = {}

    def threads(self) -> list[str]:
        """The fan-outs of which something is held."""
        return list(self._held)

    def why(self, thread: str, kid: Child) -> str:
        """Which rule holds this attempt, and what is wrong with it; empty when none does."""
        return self._held.get(thread, {}).get((kid.index, kid.attempt), "")

    def forget(self, thread: str) -> None:
        """The fan-out is over."""
        self._held.pop(thread, None)

    async def passed(self, state: TaskState, waiting: Sequence[Child]) -> list[Child]:
        """Those of the subtasks that may start now; the others are held and told."""
        rules = self._ingest.live.rules.of(PRECONDITION)
        if not rules:
            self.forget(state.thread)
            return list(waiting)
        before, held, passed = self._held.get(state.thread, {}), {}, []
        for turn, kid in enumerate(waiting, start=1):
            why = await self._held_by(rules, state, kid)
            if why:
                held[kid.index, kid.attempt] = why
            else:
                passed.append(kid)
            if turn % _AT_A_STRETCH == 0:
                await asyncio.sleep(0)
        for slot, why in held.items():
            if before.get(slot) != why:
                name = state.alias or state.thread
                log.warning("%s [%d] is %s", name, slot[0], why, extra={"thread_id": state.thread})
        if held:
            self._held[state.thread] = held
        else:
            self.forget(state.thread)
        return passed

    async def _held_by(self, rules: Sequence[Rule], state: TaskState, kid: Child) -> str:
        fanout = state.fanout
        assert fanout is not None
        functions = Ground(self._ingest.live, self._runtime.now(), self._did, fanout.asked_by).functions()
        values = {"task": task_fields(state), "subtask": subtask_fields(kid), "actor": fanout.asked_by}
        for rule in rules:
            answer = await ask(rule, values.__getitem__, functions)
            if not answer.yes:
                problem = f", which fails: {answer.problem}" if answer.problem else ""
                return f"held by precondition {rule.name}{problem}"
        return ""
