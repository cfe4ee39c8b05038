"""Triggers: a matching record opens one task, whatever happens in between."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from syncropel.engine.fanout.triggers import opening
from syncropel.folds.control.rules import TRIGGER, Rule
from syncropel.folds.tasks.state import TaskState, fold_task
from syncropel.record.model import Record, StoredRecord
from syncropel.record.threads import trigger_thread
from tests.engine.test_reconcile import PROMPT_SECS, Desk, at_desk

SPILT = 'record.topic == "spilt"'


async def trigger(desk: Desk, name: str = "wipe", expression: str = SPILT, **more: Any) -> None:
    body = {"expression": expression, "goal": "wipe up {id}", **more}
    await desk.say("PUT", f"/v1/config/rules/trigger/{name}", body)


async def spill(desk: Desk, what: str, **more: Any) -> str:
    body = {"topic": "spilt", "what": what, **more}
    record = {"thread": "kitchen", "actor": "did:sync:user:ann", "act": "KNOW", "body": body}
    return str((await desk.say("POST", "/v1/records", record))["id"])


def opened(desk: Desk) -> list[TaskState]:
    engine = desk.sim.coordinator.engine
    assert engine is not None
    return [state for _, state in engine.ingest.live.tasks.held() if state.trigger]


def test_a_matching_record_opens_one_task_and_others_none(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        await spill(desk, "before the rule")
        await trigger(desk)
        milk = await spill(desk, "milk")
        assert await spill(desk, "milk", again=True) != milk
        await desk.say("POST", "/v1/tasks", {"goal": "other", "alias": "O"})
        await asyncio.sleep(1)
        found = {state.triggered_by: state for state in opened(desk)}
        assert len(found) == 2
        task = found[milk]
        assert (task.trigger, task.goal, task.fanout) == ("wipe", f"wipe up {milk}", None)
        shown = await desk.say("GET", f"/v1/tasks/{task.alias}")
        assert (shown["trigger"], shown["triggered_by"]) == ("wipe", milk)

    at_desk(tmp_path, story)


def test_a_restart_opens_nothing_twice_and_what_was_missed_once(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        await trigger(desk)
        await spill(desk, "milk")
        await asyncio.sleep(1)
        engine = desk.sim.coordinator.engine
        assert engine is not None
        engine.fan_outs.triggers.on_records = lambda _: None  # type: ignore[method-assign, assignment]  # as when the end comes first
        ingest = engine.ingest
        ingest.live.rules.by_kind[TRIGGER] = ()
        await spill(desk, "tea")
        await asyncio.sleep(1)
        assert len(opened(desk)) == 1
        for _ in range(2):
            await desk.sim.coordinator.stop()
            await desk.sim.coordinator.start()
            await asyncio.sleep(PROMPT_SECS)
            assert len(opened(desk)) == 2

    at_desk(tmp_path, story)


def test_its_own_work_feeds_no_trigger(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        await trigger(desk, expression='record.act != "LEARN"', effect="worker-a")
        await spill(desk, "milk")
        await asyncio.sleep(PROMPT_SECS)
        (task,) = opened(desk)
        assert task.fanout is not None
        assert task.fanout.joined is not None
        assert len(desk.sim.runs) == 1

    at_desk(tmp_path, story)


def test_a_freeze_holds_it_and_the_unfreeze_lets_it_open(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        await trigger(desk)
        await desk.say("POST", "/v1/fleet/freeze", {"namespace": "kitchen", "level": "soft", "reason": "r"})
        await spill(desk, "milk", namespace="kitchen")
        await asyncio.sleep(PROMPT_SECS)
        assert opened(desk) == []
        await desk.say("POST", "/v1/fleet/unfreeze", {"namespace": "kitchen", "reason": "over"})
        await asyncio.sleep(PROMPT_SECS)
        (task,) = opened(desk)
        assert task.namespace == "kitchen"

    at_desk(tmp_path, story)


@given(st.text(min_size=1, max_size=8), st.text(max_size=8), st.sampled_from(["", "worker-a"]))
def test_what_is_opened_follows_from_rule_and_record_alone(name: str, what: str, target: str) -> None:
    rule = Rule(TRIGGER, name, 1, SPILT, target, (), "a", "r", (0, "r"), "wipe {id}")
    record = Record("kitchen", "did:sync:user:ann", "KNOW", {"what": what.encode().hex()}, 3).identified()
    thread = trigger_thread(name, record.id)
    first, again = (
        opening(rule, StoredRecord(record, sequence, 9.0), thread, "did:sync:instance:0", "default")
        for sequence in (1, 7)
    )
    assert first == again
    state = fold_task(thread, [StoredRecord(first, 1, 0.0)])
    assert (state.trigger, state.triggered_by, state.goal) == (name, record.id, f"wipe {record.id}")
    assert (state.fanout is not None) == bool(target)
