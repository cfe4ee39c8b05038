"""Gates: a subtask waits for its preconditions, and for an operator's word when a rule wants one."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncropel.engine.fanout.gates import Gates
from syncropel.folds.control.rules import PRECONDITION, Rules
from syncropel.folds.fanout.subtasks import fan_out_children
from syncropel.folds.tasks.state import fold_task
from syncropel.peer.runtime import Runtime
from syncropel.policy.expression_contexts import compile_in
from syncropel.record.model import Record, StoredRecord
from syncropel.record.threads import ENGINE_CONFIG
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
        done = {"fulfills": desk.task("GATE").intend}
        await desk.post("KNOW", done, name="GATE", actor="did:sync:agent:dev")
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
        assert "was stopped" in why
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


compile_in("precondition", "true")  # the parser's tables are made once, not within an example

_INDEXES = st.sets(st.integers(0, 4))


@given(st.lists(_INDEXES, max_size=4), st.integers(1, 5))
def test_exactly_those_pass_of_which_every_rule_is_true(allowed: list[set[int]], count: int) -> None:
    expressions = [f"subtask.index in {sorted(indexes)}" for indexes in allowed]
    state = fold_task("th_task", store([parent([subtask() for _ in range(count)])]))
    assert state.fanout is not None
    gates = Gates(_Ingest(_Live(expressions)), COORDINATOR, Runtime())  # type: ignore[arg-type]  # only rules
    children = fan_out_children(state.fanout)
    passed = [child.index for child in asyncio.run(gates.look(state, children)).passed]
    assert passed == [index for index in range(count) if all(index in one for one in allowed)]
    for child in children:
        first = next((at for at, one in enumerate(allowed) if child.index not in one), None)
        expected = "" if first is None else f"held by precondition r{first}"
        assert gates.why("th_task", child) == expected
    assert gates.threads() == (["th_task"] if len(passed) < count else [])


async def aitl(desk: Desk, name: str, expression: str) -> None:
    await desk.say("PUT", f"/v1/config/rules/aitl/{name}", {"expression": expression})


async def pending(desk: Desk) -> int:
    return int((await desk.say("GET", "/v1/engine/health"))["aitl_pending"])


def test_an_operator_is_asked_once_and_the_work_waits_for_the_word(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(desk: Desk) -> None:
        await aitl(desk, "second", 'record.body.index == 1 && task.alias == "T-1" && record.act == "INTEND"')
        await desk.fan_out("worker-a", "worker-a")
        await asyncio.sleep(PROMPT_SECS)
        assert desk.states() == ["accept", "pending"]
        assert await pending(desk) == 1
        assert (await whys(desk))[1] == (
            "waits for your decision (aitl second): spl task approve T-1 --subtask 1"
        )
        assert caplog.messages.count(f"T-1 [1]: {(await whys(desk))[1]}") == 1
        asked = await desk.say("GET", f"/v1/threads/{desk.task().thread}/records")
        assert [one["body"].get("topic") for one in asked["data"]].count("aitl_asked") == 1
        await desk.say("POST", "/v1/tasks/T-1/answer", {"index": 1, "verdict": "accept"})
        await asyncio.sleep(PROMPT_SECS)
        assert desk.joined()
        assert await pending(desk) == 0

    at_desk(tmp_path, story)


def test_a_rejected_subtask_never_begins_and_a_retry_is_asked_anew(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        await aitl(desk, "all", "true")
        await desk.fan_out("worker-a")
        await asyncio.sleep(PROMPT_SECS)
        await desk.say("POST", "/v1/tasks/T-1/answer", {"index": 0, "verdict": "reject", "reason": "no"})
        await asyncio.sleep(1)
        assert (desk.states(), desk.sim.runs) == (["reject"], [])
        join = await desk.say("GET", "/v1/tasks/T-1/join")
        assert join["explanation"].endswith("[0] reject: no")
        await desk.say("POST", "/v1/tasks/T-1/retry", {"index": 0})
        await asyncio.sleep(PROMPT_SECS)
        assert (desk.states(), desk.sim.runs, await pending(desk)) == (["pending"], [], 1)
        await desk.say("POST", "/v1/tasks/T-1/answer", {"index": 0, "verdict": "accept"})
        await asyncio.sleep(PROMPT_SECS)
        assert desk.joined()

    at_desk(tmp_path, story)


def test_a_rule_that_fails_asks_too_and_says_so(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        await aitl(desk, "broken", "record.body.nothing > 1")
        await desk.fan_out("worker-a")
        await asyncio.sleep(PROMPT_SECS)
        (why,) = await whys(desk)
        assert why.startswith("waits for your decision (aitl broken, which fails: ")

    at_desk(tmp_path, story)


def test_a_question_outlives_a_restart_of_the_coordinator(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        await aitl(desk, "all", "true")
        await desk.fan_out("worker-a")
        await asyncio.sleep(PROMPT_SECS)
        await desk.sim.coordinator.stop()
        await desk.sim.coordinator.start()
        await asyncio.sleep(PROMPT_SECS)
        assert await pending(desk) == 1
        records = await desk.say("GET", f"/v1/threads/{desk.task().thread}/records")
        assert [one["body"].get("topic") for one in records["data"]].count("aitl_asked") == 1

    at_desk(tmp_path, story)
