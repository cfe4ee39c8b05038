"""Rules of the whole fleet over HTTP: said at the coordinator, judged on workers, told where from."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
import pytest

from syncropel.cel.expression import InvalidExpression
from syncropel.engine.control.accounts import FLEET_SCOPES
from syncropel.settings.config import FleetSettings

from .conftest import NOOP, Api, MakeApi, assert_error, beat, record, until

COORDINATOR = "did:sync:instance:00000000000000c0"
WORKER = replace(NOOP, fleet=FleetSettings("worker-a", "http://127.0.0.1:1"))


@pytest.fixture
async def worker(make_api: MakeApi) -> Api:
    """A worker that heard from its coordinator, which is away now."""
    api = await make_api(WORKER)
    api.engine.membership.let_in(COORDINATOR)
    return api


async def put(api: Api, name: str, expression: str, **fields: Any) -> httpx.Response:
    body = {"expression": expression, "effect": "deny", **fields}
    return await api.operator.put(f"/v1/config/rules/permission/{name}", json=body)


async def rules(api: Api) -> dict[str, Any]:
    return {one["name"]: one for one in (await api.get("/v1/config/rules/permission"))["data"]}


async def carried(api: Api) -> list[dict[str, Any]]:
    """The records by which this coordinator's rules travel."""
    found = await api.get("/v1/records", thread="th_fleet_control", topic="permission_rule")
    return list(found["data"])


def fleet_rule(name: str, expression: str, **changes: Any) -> dict[str, Any]:
    """A rule as a coordinator sends it."""
    body = {
        "topic": "permission_rule",
        "name": name,
        "expression": expression,
        "effect": "deny",
        "priority": 0,
        "ops": [],
        "author": "did:sync:user:ada",
        "rule": "ab" * 32,
    }
    whole = {"thread": "th_fleet_control", "actor": COORDINATOR, "act": "LEARN", "clock": 3, "body": body}
    return {**whole, **changes}


async def test_a_rule_of_the_coordinator_is_the_fleets_and_is_said_once(api: Api) -> None:
    await api.operator.post("/v1/fleet/heartbeat", json=beat("a"))
    before = await api.get("/v1/fleet/status")
    assert before["rules"] == []
    answer = await put(api, "people", "false", actor="did:sync:user:ada")
    assert answer.json()["waiting"] == ["worker-a"]
    (word,) = await carried(api)
    assert (word["actor"], word["body"]["author"]) == (api.engine.instance.did, "did:sync:user:ada")
    assert word["body"]["rule"] == answer.json()["record"]
    listed = await rules(api)
    assert listed["people"]["origin"] == "fleet"
    assert [one["alias"] for one in listed["people"]["confirmed"]] == [api.engine.settings.fleet.alias]
    assert listed["people"]["waiting"] == ["worker-a"]
    assert {listed[name]["origin"] for name in listed if name.startswith("freeze-")} == {"default"}
    status = await api.get("/v1/fleet/status")
    assert [(one["name"], one["state"], one["waiting"]) for one in status["rules"]] == [
        ("people", "set", ["worker-a"])
    ]


async def test_a_heartbeat_that_lacks_a_rule_brings_it_and_one_that_has_it_confirms(
    api: Api,
) -> None:
    await put(api, "people", "false")
    (word,) = await carried(api)
    answer = (await api.operator.post("/v1/fleet/heartbeat", json=beat("a"))).json()
    assert [one["body"]["name"] for one in answer["control"]] == ["people"]
    digest = api.engine.control.propagation.digest()
    full = (await api.operator.post("/v1/fleet/heartbeat", json=beat("a", control=digest))).json()
    assert full["control"] == []
    assert len((await rules(api))["people"]["confirmed"]) == 2
    await api.operator.post("/v1/config/rules/permission/people/remove", json={})
    assert api.engine.control.propagation.digest() != digest
    assert "people" not in await rules(api)
    assert (await api.get("/v1/fleet/status"))["rules"][0]["state"] == "removed"
    assert word["id"] not in {one["body"]["rule"] for one in await carried(api)}


async def test_health_and_routing_rules_stay_where_they_were_written(api: Api) -> None:
    health = {"expression": "engine.records > 0", "effect": "warning"}
    await api.operator.put("/v1/config/rules/health/log", json=health)
    await api.operator.put("/v1/config/rules/routing/any", json={"expression": "''"})
    assert await carried(api) == []
    for kind in ("health", "routing"):
        (one,) = (await api.get(f"/v1/config/rules/{kind}"))["data"]
        assert one["origin"] == "here"


async def test_a_rule_that_was_posted_as_a_record_is_said_to_the_fleet_too(api: Api) -> None:
    body = {"topic": "permission_rule", "name": "raw", "expression": "false", "effect": "deny"}
    await api.post(thread="th_engine_config", act="LEARN", body=body)
    (word,) = await until(lambda: carried(api))
    assert word["body"]["name"] == "raw"


async def test_the_fleets_freeze_text_is_judged_on_a_worker_until_it_is_put_back(worker: Api) -> None:
    freeze = {"topic": "freeze", "level": "soft", "namespace": "docs", "reason": "x", "at": 1}
    await worker.wrote(thread="th_fleet_control", act="LEARN", body=freeze, clock=1)
    frozen = record(act="DO", body={"namespace": "docs"})
    assert_error(await worker.operator.post("/v1/records", json=frozen), 403, "NAMESPACE_FROZEN", "docs")
    text = (await rules(worker))["freeze-soft"]["expression"]
    await worker.wrote(**fleet_rule("freeze-soft", "record.act == 'CALL'"))
    assert (await worker.operator.post("/v1/records", json=frozen)).status_code == 201
    call = await worker.operator.post("/v1/records", json=record(act="CALL"))
    assert_error(call, 403, "NAMESPACE_FROZEN", "freeze-soft")
    shown = (await rules(worker))["freeze-soft"]
    assert (shown["origin"], shown["default"], shown["actor"]) == ("fleet", False, "did:sync:user:ada")
    await worker.wrote(**fleet_rule("freeze-soft", text, clock=4))
    assert (await worker.operator.post("/v1/records", json=record(act="CALL"))).status_code == 201
    again = record(act="DO", body={"namespace": "docs", "n": 2})
    assert_error(await worker.operator.post("/v1/records", json=again), 403, "NAMESPACE_FROZEN", "docs")


async def test_a_worker_leaves_the_fleets_rules_alone_and_may_have_its_own(worker: Api) -> None:
    await worker.wrote(**fleet_rule("people", "true"))
    for name in ("people", "freeze-soft"):
        there = "http://127.0.0.1:1"
        assert_error(await put(worker, name, "false"), 409, "CONFLICT", name, "coordinator", there)
        removing = await worker.operator.post(f"/v1/config/rules/permission/{name}/remove", json={})
        assert_error(removing, 409, "CONFLICT", there)
    restoring = await worker.operator.post("/v1/config/rules/restore-defaults", json={})
    assert_error(restoring, 409, "CONFLICT", "coordinator")
    assert (await put(worker, "mine", "false")).status_code == 201
    assert {name: one["origin"] for name, one in (await rules(worker)).items()} == {
        "freeze-emergency": "default",
        "freeze-hard": "default",
        "freeze-soft": "default",
        "people": "fleet",
        "mine": "here",
    }


async def test_a_rule_that_does_not_compile_is_refused_on_the_fleets_thread_too(worker: Api) -> None:
    with pytest.raises(InvalidExpression, match="recrod"):
        await worker.wrote(**fleet_rule("broken", "recrod.act == 'DO'"))


@pytest.mark.parametrize(("settings", "status"), [(NOOP, 403), (WORKER, 201)])
async def test_the_shared_token_gives_rules_to_a_worker_but_not_to_the_coordinator(
    make_api: MakeApi, settings: Any, status: int
) -> None:
    api = await make_api(settings)
    fleet = await api.bearer(*FLEET_SCOPES, sa_id="sa-fleet")
    rule = fleet_rule("people", "true")
    assert (await api.tcp.post("/v1/records", json=rule, headers=fleet)).status_code == status
    batch = await api.tcp.post("/v1/records/batch", json=[rule], headers=fleet)
    assert batch.json()["errors"] == (0 if status == 201 else 1)
