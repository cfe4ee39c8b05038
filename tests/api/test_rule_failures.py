"""A rule that cannot be evaluated is told of: once in the log for each reason, and counted in lists of rules.

And what an expression gives when it is tried is what the rule gives.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from .conftest import ACTOR, DID, NOOP, Api, open_api, record, until

OPERATOR = "did:sync:user:operator"


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    async with open_api(tmp_path, NOOP) as made:
        yield made


async def put(api: Api, kind: str, name: str, expression: str, **fields: Any) -> None:
    answer = await api.operator.put(
        f"/v1/config/rules/{kind}/{name}", json={"expression": expression, **fields}
    )
    assert answer.status_code == 201, answer.text


async def listed(api: Api, kind: str, name: str) -> dict[str, Any]:
    rows = (await api.get(f"/v1/config/rules/{kind}"))["data"]
    return next(one for one in rows if one["name"] == name)


async def enforce(api: Api, expression: str) -> None:
    mine = f"current_actor() == '{DID}' || current_actor() == '{OPERATOR}'"
    await put(api, "permission", "admins", mine, effect="allow", priority=1)
    await put(api, "permission", "tried", expression, effect="allow", priority=5, ops=["record_write"])
    enabled = await api.operator.post("/v1/config/permissions/enable", json={})
    assert enabled.status_code == 201, enabled.text


async def write(api: Api, **changes: Any) -> int:
    return (await api.operator.post("/v1/records", json=record(**changes))).status_code


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.name == "syncropel.policy.rules"]


async def test_a_permission_rule_that_fails_is_counted_and_said_once_for_each_reason(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    await enforce(api, "record.body.level > 3")
    assert (await listed(api, "permission", "tried"))["failures"] == 0
    for body in ({}, {}, {"level": "high"}, {"level": "high"}, {"level": 4}):
        await write(api, body=body)
    row = await listed(api, "permission", "tried")
    assert (row["failures"], row["last_error"]) == (4, "no such overload: >(string, int)")
    assert row["last_failed_at"] > 1_700_000_000
    assert said(caplog) == [
        "permission rule 'tried' cannot be evaluated: no such key: 'level'",
        "permission rule 'tried' cannot be evaluated: no such overload: >(string, int)",
    ]
    await put(api, "permission", "tried", "record.body.?level.orValue(0) > 3", effect="allow", priority=5)
    row = await listed(api, "permission", "tried")
    assert (row["failures"], row["last_error"], row["last_failed_at"]) == (0, "", 0.0)


async def test_reasons_without_end_do_not_fill_the_log(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    await enforce(api, "{'a': true}[record.body.key]")
    for at in range(30):
        await write(api, body={"key": f"key-{at}"})
    assert len(said(caplog)) == 20
    assert (await listed(api, "permission", "tried"))["failures"] == 30


async def test_every_kind_of_rule_is_counted(api: Api) -> None:
    await put(api, "precondition", "held", "subtask.budget_usd > 1.0")
    await put(api, "trigger", "pulled", "record.body.nothing == 1", goal="look")
    await put(api, "health", "well", "engine.records / 0 == 1", effect="warning")
    await put(api, "fold", "folded", "record.body.nothing")
    await put(api, "routing", "routed", "instances[9].did")
    await api.task(alias="T")
    assert (await api.fan_out("T", {"target": "least-loaded-worker"})).status_code == 201
    await api.get("/v1/tasks/T")
    await api.operator.get("/v1/engine/health", params={"details": "true"})
    for kind, name in (
        ("precondition", "held"),
        ("trigger", "pulled"),
        ("health", "well"),
        ("fold", "folded"),
    ):
        row = await until(partial(_failed, api, kind, name))
        assert row["last_error"], kind
    await api.operator.post("/v1/config/rules/precondition/held/remove", json={})
    await put(api, "aitl", "asked", "record.body.nothing == 1")
    assert await until(lambda: _failed(api, "aitl", "asked"))
    await api.operator.post("/v1/config/rules/aitl/asked/remove", json={})
    await api.operator.post("/v1/tasks/T/approve", json={"subtask": 0})
    assert await until(lambda: _failed(api, "routing", "routed"))


async def _failed(api: Api, kind: str, name: str) -> dict[str, Any] | None:
    row = await listed(api, kind, name)
    return row if row["failures"] else None


WRITES: list[dict[str, Any]] = [
    {"body": {}},
    {"body": {"level": 4, "namespace": "docs"}},
    {"thread": "th_task", "body": {"level": 1}, "act": "DO"},
    {"actor": "did:sync:user:eve", "body": {"level": 9}},
]


@pytest.mark.parametrize(
    "expression",
    [
        "record.body.?level.orValue(0) > 3",
        f"current_actor() == '{ACTOR}'",
        "actor == record.actor && op == 'record_write' && thread == record.thread",
        "current_actor() == actor && instance_did() != actor",
        "'docs' in record.namespaces || record.namespace == 'docs'",
        "record.clock == -1 && record.id == ''",
        "record.act == 'DO' && size(record.parents) == 0 && record.data_type == ''",
        "record.body.level > 3",
    ],
)
async def test_a_permission_rule_gives_when_it_is_tried_what_it_gives_in_force(
    api: Api, expression: str
) -> None:
    tried = []
    for changes in WRITES:
        asked = {"context": "permission", "expression": expression, "record": record(**changes)}
        answer = await api.operator.post("/v1/expr/eval", json=asked)
        assert answer.status_code in (200, 422), answer.text
        tried.append(answer.status_code == 200 and answer.json()["value"] is True)
    await enforce(api, expression)
    assert [await write(api, **changes) == 201 for changes in WRITES] == tried


async def test_rules_about_work_are_tried_over_the_first_subtask(api: Api) -> None:
    await put(api, "precondition", "never", "false")
    await api.task(alias="T", actor="did:sync:user:ada", namespace="docs")
    body = {"goal": "deploy", "target": f"specific:{DID}", "budget_usd": 2.5}
    fanned = await api.operator.post(
        "/v1/tasks/T/fan-out", json={"subtasks": [body], "actor": "did:sync:user:ada"}
    )
    assert fanned.status_code == 201, fanned.text
    cases = {
        "precondition": "subtask.goal == 'deploy' && task.alias == 'T' && actor == 'did:sync:user:ada'"
        " && current_actor() == actor",
        "aitl": "record.act == 'INTEND' && record.body.goal == 'deploy' && record.body.budget_usd == 2.5"
        " && record.namespaces == ['docs'] && task.alias == 'T' && current_actor() == 'did:sync:user:ada'",
        "routing": f"parent.alias == 'T' && subtask.index == 0 && current_actor() == '{DID}' ? 'yes' : 'no'",
        "join": "children[0].goal == 'deploy' && parent.namespace == 'docs' && parent.join == 'all'",
    }
    for context, expression in cases.items():
        asked = {"context": context, "expression": expression, "thread": "T"}
        answer = await api.operator.post("/v1/expr/eval", json=asked)
        assert answer.status_code == 200, answer.text
        assert answer.json()["value"] in (True, "yes"), context
    asked = {"context": "precondition", "expression": "subtask.index == 0"}
    assert (await api.operator.post("/v1/expr/eval", json=asked)).status_code == 400


async def test_a_fold_rule_is_tried_with_the_state_of_its_beginning(api: Api) -> None:
    await api.task(alias="T", namespace="docs")
    thread = (await api.get("/v1/tasks/T"))["thread"]
    asked = {
        "context": "fold_rule",
        "expression": "state == '' && record.namespaces == ['docs'] ? record.body.word : state",
        "record": record(thread=thread, body={"word": "red", "namespace": "other"}),
    }
    assert (await api.operator.post("/v1/expr/eval", json=asked)).json()["value"] == "red"


HOSTILE = [
    "timestamp('2024-01-01T00:00:00Z').getFullYear('" + "z" * 5_000 + "')",
    "0.0 / 0.0",
    "[1.0 / 0.0, {'a': -1.0 / 0.0}]",
    "18446744073709551615u",
    "b'\\xff\\xfe'",
    "optional.none()",
    "type(type(1))",
    "[" * 59 + "]" * 59,
    "duration('1h') + timestamp('9999-12-31T23:59:59Z')",
    "{1: 2, true: 3, '1': 4}",
    "'\\U0010FFFF\\u0000'",
    "record.body",
    "record.body.deep",
    "thread('\\u0000').id + task('x').alias + string(trust('y'))",
    "google.protobuf.Timestamp",
    "google.cloud",
    "int",
]


@pytest.mark.parametrize("expression", HOSTILE)
async def test_no_expression_makes_a_route_fail(api: Api, expression: str) -> None:
    deep: Any = 1
    for _ in range(90):
        deep = [deep]
    whole = record(body={"deep": deep, "big": 2**53 - 1, "text": "\u2028"})
    asked = {"context": "permission", "expression": expression, "record": whole}
    answer = await api.operator.post("/v1/expr/eval", json=asked)
    assert answer.status_code in (200, 422), answer.text
    assert answer.json()
    await enforce(api, "true")
    rule = {"expression": expression, "effect": "allow", "priority": 4}
    put = await api.operator.put("/v1/config/rules/permission/hostile", json=rule)
    assert put.status_code in (201, 422), put.text
    assert await write(api, body=whole["body"]) == (403 if put.status_code == 201 else 201)
