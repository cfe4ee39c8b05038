"""Commands print what a newer daemon says, also the words that they do not know."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel

from syncropel.wire import FreezeOut

from .conftest import FakeDaemon, Ran
from .wire import THREAD, WORKER_A, child, fleet, instance, join, task


def sent(model: BaseModel) -> dict[str, Any]:
    document: dict[str, Any] = model.model_dump(mode="json")
    return document


def newer_fleet() -> dict[str, Any]:
    freeze = FreezeOut(level="hard", namespace="docs", reason="r", grace_secs=1.0, at=1.0, record="ab" * 32)
    document = sent(fleet(instance(WORKER_A, "worker-a", 9201), freezes=[freeze]))
    document["instances"][0] |= {"status": "hibernating", "role": "observer", "dreams": 4}
    document["freezes"][0]["level"] = "lockdown"
    rule = {"name": "freeze-hard", "state": "suspended", "actor": "", "record": "cd" * 32}
    return document | {"rules": [rule]}


@pytest.mark.parametrize("output", [[], ["-o", "json"]])
def test_the_fleet_is_printed_as_it_came(
    spl: Callable[..., Ran], daemon: FakeDaemon, output: list[str]
) -> None:
    daemon.answer("/v1/fleet/status", newer_fleet())
    ran = spl("fleet", "status", *output)
    assert (ran.code, ran.err) == (0, "")
    assert "lockdown" in ran.out
    assert "suspended" in ran.out
    ran = spl("fleet", "list", *output)
    assert (ran.code, ran.err) == (0, "")
    assert "hibernating" in ran.out


@pytest.mark.parametrize("output", [[], ["-o", "json"]])
def test_tasks_and_subtasks_are_printed_as_they_came(
    spl: Callable[..., Ran], daemon: FakeDaemon, output: list[str]
) -> None:
    document = sent(join(child(0, "Write")))
    document["subtasks"][0]["state"] = "dreaming"
    daemon.answer("/v1/tasks/TUT-001/join", document)
    daemon.answer("/v1/tasks/TUT-001", sent(task(status="paused")))
    daemon.answer("/v1/tasks", {"object": "list", "data": [sent(task(status="paused"))]})
    for words in (["join-status", "TUT-001"], ["list"]):
        ran = spl("task", *words, *output)
        assert (ran.code, ran.err) == (0, ""), words
        assert "dreaming" in ran.out or "paused" in ran.out


def test_rules_drains_and_comparisons_are_printed_as_they_came(
    spl: Callable[..., Ran], daemon: FakeDaemon
) -> None:
    rule = {
        "kind": "oracle_rule", "name": "a", "priority": 1, "expression": "true", "effect": "ponder",
        "ops": [], "actor": "", "record": "", "origin": "moon",
    }  # fmt: skip
    daemon.answer("/v1/config/rules/permission", {"data": [rule], "enabled": True})
    ran = spl("config", "list-permission-rules")
    assert (ran.code, ran.err) == (0, "")
    assert "moon" in ran.out
    drains = {
        "did": WORKER_A, "alias": "worker-a", "status": "draining", "fleet_wide": False, "deadline": 61.0,
        "then": "wait on", "reason": "", "actor": "", "at": 1.0, "confirmed": True, "in_flight": 0, "held": 0,
    }  # fmt: skip
    told = {"at": 1.0, "draining": True, "in_flight": 0, "held": 0, "instances": [drains]}
    daemon.answer("/v1/drain", told)
    ran = spl("drain", "status")
    assert (ran.code, ran.err) == (0, "")
    assert "wait on in 60s" in ran.out
    side = {
        "thread": {"id": THREAD, "kind": "dream", "title": "", "status": "", "records": 1, "participants": 1,
                   "first_sequence": 1, "last_sequence": 1, "last_activity": 1.0},
        "records": 1, "status": "open", "wall_secs": None, "cost_usd": None,
    }  # fmt: skip
    row = {"kind": "moved", "step": "INTEND"}
    diff = {
        "left": side, "right": side, "rows": [row], "total_rows": 1, "first_divergence": 0, "facts": [],
        "same": 0, "differs": 0, "left_only": 0, "right_only": 0,
    }  # fmt: skip
    daemon.answer(f"/v1/threads/{THREAD}/diff", diff)
    ran = spl("debug", "thread-diff", THREAD, THREAD)
    assert ran.err == ""
    assert "?     -     -  INTEND" in ran.out
