"""Preconditions: a subtask waits until every one of them is true of it, and starts by itself then."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from syncropel.engine.gates import Gates
from syncropel.engine.runtime import Runtime
from syncropel.folds.fanout import children
from syncropel.folds.rules import PRECONDITION, Rules
from syncropel.folds.task import fold_task
from syncropel.record import Record, StoredRecord
from syncropel.threads import ENGINE_CONFIG
from tests.engine.test_reconcile import PROMPT_SECS, Desk, at_desk
from tests.folds.build import COORDINATOR, parent, store, subtask


async def rule(desk: Desk, name: str, expression: str) -> None:
    await desk.say("PUT", f"/v1/config/rules/precondition/{name}", {"expression": expression})


async def whys(desk: Desk) -> list[str]:
    return [one["why"] for one in (await desk.say("GET", "/v1/tasks/T-1/join"))["subtasks"]]


def test_a_subtask_waits_and_starts_when_another_task_makes_it_true(
    tmp_path: Path,
) -> None:
    async def story(desk: Desk) -> None:
        await desk.say("POST", "/v1/tasks", {"goal": "the gate", "alias": "GATE"})
        await rule(desk, "gate", 'subtask.index == 0 || task("GATE").status == "approved"')
        await desk.fan_out("worker-a", "worker-a")
        await asyncio.sleep(PROMPT_SECS)
        assert desk.states() == ["accept", "pending"]
        assert await whys(desk) == ["", "held by precondition gate"]
        await desk.post("KNOW", {"verdict": "accept"}, name="GATE")
        await asyncio.sleep(PROMPT_SECS)
        assert desk.joined()

    at_desk(tmp_path, story)


def test_taking_the_rule_away_lets_it_start_at_once(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        await rule(desk, "never", "false")
        await desk.fan_out("worker-a")
        await asyncio.sleep(PROMPT_SECS)
        assert await whys(desk) == ["held by precondition never"]
        await desk.say("POST", "/v1/config/rules/precondition/never/remove", {})
        await asyncio.sleep(PROMPT_SECS)
        assert desk.joined()

    at_desk(tmp_path, story)


def test_a_precondition_that_fails_or_runs_away_holds_and_is_told(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        await rule(desk, "typed", 'subtask.budget_usd > 1.0 || subtask.goal == "none"')
        await desk.fan_out("worker-a")
        await asyncio.sleep(PROMPT_SECS)
        (why,) = await whys(desk)
        assert why.startswith("held by precondition typed, which fails: ")
        deep = "true"
        for name in "abcdef":
            deep = f"[1,2,3,4,5,6,7,8,9,0].all({name}, {deep})"
        await rule(desk, "typed", deep)
        await asyncio.sleep(PROMPT_SECS)
        (why,) = await whys(desk)
        assert "steps" in why
        assert desk.states() == ["pending"]

    at_desk(tmp_path, story)


class _Live:
    """Just the rules."""

    def __init__(self, expressions: list[str]) -> None:
        self.rules = Rules()
        for clock, expression in enumerate(expressions):
            body = {"topic": PRECONDITION, "name": f"r{clock}", "expression": expression, "priority": clock}
            made = Record(ENGINE_CONFIG, COORDINATOR, "LEARN", body, clock).identified()
            self.rules.apply(StoredRecord(made, clock + 1, 0.0))


class _Ingest:
    def __init__(self, live: Any) -> None:
        self.live = live


_INDEXES = st.sets(st.integers(0, 4))


@settings(deadline=None)
@given(st.lists(_INDEXES, max_size=4), st.integers(1, 5))
def test_exactly_those_pass_of_which_every_rule_is_true(allowed: list[set[int]], count: int) -> None:
    expressions = [f"subtask.index in {sorted(indexes)}" for indexes in allowed]
    state = fold_task("th_task", store([parent([subtask() for _ in range(count)])]))
    assert state.fanout is not None
    gates = Gates(_Ingest(_Live(expressions)), COORDINATOR, Runtime())  # type: ignore[arg-type]  # only rules
    kids = children(state.fanout)
    passed = [kid.index for kid in asyncio.run(gates.passed(state, kids))]
    assert passed == [index for index in range(count) if all(index in one for one in allowed)]
    for kid in kids:
        first = next((at for at, one in enumerate(allowed) if kid.index not in one), None)
        expected = "" if first is None else f"held by precondition r{first}"
        assert gates.why("th_task", kid) == expected
    assert gates.threads() == (["th_task"] if len(passed) < count else [])
