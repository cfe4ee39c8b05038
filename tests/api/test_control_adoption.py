"""What a coordinator tells a worker over HTTP, and who may."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from syncropel.engine.control.accounts import FLEET_ACCOUNT, FLEET_SCOPES
from syncropel.settings.config import FleetSettings

from .conftest import DID, NOOP, Api, MakeApi, assert_error, record

COORDINATOR = "did:sync:instance:00000000000000c0"
WORKER = replace(NOOP, fleet=FleetSettings("worker-a", "http://127.0.0.1:1"))
FREEZE = record(
    thread="th_fleet_control",
    act="LEARN",
    clock=3,
    body={"topic": "freeze", "level": "soft", "namespace": "docs", "reason": "wrong prices", "at": 1},
)


@pytest.fixture
async def worker(make_api: MakeApi) -> Api:
    """A worker that heard from its coordinator, which is away now."""
    api = await make_api(WORKER)
    api.engine.membership.let_in(COORDINATOR)
    return api


def message(*records: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"coordinator": COORDINATOR, "to": DID, "base": "", "records": list(records), **changes}


async def fleet_token(api: Api) -> dict[str, str]:
    return await api.bearer(*FLEET_SCOPES, sa_id=FLEET_ACCOUNT)


async def test_a_worker_answers_with_what_it_enforces(worker: Api) -> None:
    token = await fleet_token(worker)
    before = worker.engine.control.propagation.digest()
    told = await worker.tcp.post("/v1/fleet/control", json=message(FREEZE), headers=token)
    assert told.json() == {
        "did": DID,
        "taken": True,
        "version": worker.engine.control.adoption.version,
        "digest": worker.engine.control.propagation.digest(),
        "grace": {},
    }
    assert told.json()["digest"] != before
    (freeze,) = (await worker.get("/v1/fleet/status"))["freezes"]
    assert (freeze["namespace"], freeze["actor"]) == ("docs", FREEZE["actor"])
    late = await worker.tcp.post("/v1/fleet/control", json=message(replace=True), headers=token)
    assert (late.json()["taken"], late.json()["version"]) == (False, told.json()["version"])
    refused = await worker.operator.post("/v1/records", json=record(act="DO", body={"namespace": "docs"}))
    assert_error(refused, 403, "NAMESPACE_FROZEN", "wrong prices")


@pytest.mark.parametrize("scopes", [("fleet:write",), ("admin",)])
async def test_nobody_else_tells_it_anything(worker: Api, scopes: tuple[str, ...]) -> None:
    other = await worker.bearer(*scopes)
    for answer in (
        await worker.tcp.post("/v1/fleet/control", json=message(FREEZE), headers=other),
        await worker.operator.post("/v1/fleet/control", json=message(FREEZE)),
    ):
        assert_error(answer, 403, "WRONG_AUTHOR", "http://127.0.0.1:1")
    assert (await worker.get("/v1/fleet/status"))["freezes"] == []


async def test_what_is_meant_for_another_instance_is_not_taken(worker: Api) -> None:
    asked = message(FREEZE, to="did:sync:instance:000000000000000b")
    answer = await worker.tcp.post("/v1/fleet/control", json=asked, headers=await fleet_token(worker))
    assert_error(answer, 409, "CONFLICT", DID)


async def test_a_coordinator_is_told_nothing(api: Api) -> None:
    told = await api.tcp.post("/v1/fleet/control", json=message(FREEZE), headers=await fleet_token(api))
    assert_error(told, 403, "FORBIDDEN", "the shared fleet token may only beat and report")
    by_operator = await api.operator.post("/v1/fleet/control", json=message(FREEZE))
    assert_error(by_operator, 409, "CONFLICT", "coordinator")
    assert (await api.get("/v1/fleet/status"))["freezes"] == []
