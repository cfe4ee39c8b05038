"""The last rule that lets the daemon or an operator in stays: however it is to be taken away."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from syncropel.folds.control.rules import PERMISSION

from .conftest import DID, Api, assert_error

OPERATOR = "did:sync:user:operator"
ADA, BOB = "did:sync:user:ada", "did:sync:user:bob"
CONFIG = "th_engine_config"
DAEMON = f"current_actor() == '{DID}'"


def only(actor: str) -> str:
    return f"current_actor() == '{actor}'"


async def put(api: Api, name: str, expression: str, actor: str = OPERATOR, **more: Any) -> httpx.Response:
    body = {"expression": expression, "effect": "allow", "actor": actor, **more}
    return await api.operator.put(f"/v1/config/rules/permission/{name}", json=body)


async def remove(api: Api, name: str, actor: str = OPERATOR) -> httpx.Response:
    path = f"/v1/config/rules/permission/{name}/remove"
    return await api.operator.post(path, json={"actor": actor})


async def enable(api: Api, actor: str = OPERATOR) -> httpx.Response:
    return await api.operator.post("/v1/config/permissions/enable", json={"actor": actor})


async def enforced(api: Api, *rules: str) -> None:
    """Enforce a rule for the daemon, and these, named r0, r1 …"""
    assert (await put(api, "daemon", DAEMON)).status_code == 201
    for number, expression in enumerate(rules):
        assert (await put(api, f"r{number}", expression)).status_code == 201
    answer = await enable(api)
    assert answer.status_code == 201, answer.text


def names(api: Api) -> set[str]:
    return {name for kind, name in api.engine.ingest.live.rules.known if kind == PERMISSION}


async def still_in(api: Api, actor: str = OPERATOR) -> None:
    headers = {"x-syncropel-actor": actor}
    assert (await api.operator.get("/v1/config/rules/permission", headers=headers)).status_code == 200
    answer = await api.operator.post("/v1/config/permissions/disable", json={"actor": actor})
    assert answer.status_code == 201


async def test_the_last_rule_that_lets_the_operator_in_is_not_removed(api: Api) -> None:
    await enforced(api, only(OPERATOR))
    refused = await remove(api, "r0")
    assert_error(
        refused, 409, "CONFLICT", "removing 'r0' would lock the operator out", OPERATOR, "record_write"
    )
    assert "spl config add-permission-rule operators" in refused.json()["hint"]
    assert "r0" in names(api)
    await still_in(api)
    assert (await remove(api, "r0")).status_code == 201, "while nothing is enforced nobody is locked out"


async def test_one_that_is_not_the_last_is(api: Api) -> None:
    await enforced(api, only(OPERATOR), "current_actor().startsWith('did:sync:user:')")
    assert (await remove(api, "r0")).status_code == 201
    assert_error(await remove(api, "r1"), 409, "CONFLICT", "operator")
    await still_in(api)


@pytest.mark.parametrize(
    "narrowed",
    [
        {"expression": "false"},
        {"expression": only(OPERATOR), "effect": "deny"},
        {"expression": "true", "effect": "deny"},
        {"expression": only(OPERATOR), "ops": ["record_write"]},
        {"expression": only(OPERATOR), "ops": ["config_read", "thread_read"]},
        {"expression": f"{only(OPERATOR)} && record.act == 'DO'"},
        {"expression": f"{only(OPERATOR)} && thread == 'elsewhere'"},
        {"expression": only(OPERATOR) + " && 1 / 0 == 1"},
        {"expression": only("did:sync:user:nobody") + " && op != 'config_read'"},
    ],
    ids=lambda one: " ".join(map(str, one.values())),
)
async def test_nor_is_it_rewritten_so_that_it_does_not(api: Api, narrowed: dict[str, Any]) -> None:
    await enforced(api, only(OPERATOR))
    refused = await put(api, "r0", **narrowed)
    assert_error(refused, 409, "CONFLICT", "changing 'r0' so would lock the operator out")
    assert (await put(api, "r0", f"{only(OPERATOR)} || {only(ADA)}")).status_code == 201, "wider is no matter"
    await still_in(api)


async def test_nor_put_behind_one_that_denies(api: Api) -> None:
    await enforced(api, only(OPERATOR))
    assert (await put(api, "r0", only(OPERATOR), priority=1)).status_code == 201
    assert (await put(api, "late", only(OPERATOR), effect="deny", priority=50)).status_code == 201
    assert_error(await put(api, "r0", only(OPERATOR), priority=60), 409, "CONFLICT", "operator")
    assert_error(await put(api, "late", only(OPERATOR), effect="deny", priority=0), 409, "CONFLICT")
    await still_in(api)


async def test_the_daemons_own_rule_stays_too(api: Api) -> None:
    await enforced(api, only(OPERATOR))
    refused = await remove(api, "daemon")
    assert_error(refused, 409, "CONFLICT", "removing 'daemon' would lock this daemon out", DID)
    assert "allow-daemon" in refused.json()["hint"]


async def test_a_rule_that_denies_may_go(api: Api) -> None:
    await enforced(api, only(OPERATOR), "false")
    assert (await put(api, "no-bob", only(BOB), effect="deny", priority=1)).status_code == 201
    for name in ("no-bob", "r1"):
        assert (await remove(api, name)).status_code == 201
    await still_in(api)


async def test_whoever_hands_over_to_a_person_whom_a_rule_names_may_go(api: Api) -> None:
    await enforced(api, only(OPERATOR), only(ADA))
    assert (await remove(api, "r0")).status_code == 201
    assert_error(await remove(api, "r1", ADA), 409, "CONFLICT", ADA)
    await still_in(api, ADA)


@pytest.mark.parametrize("left", ["did:sync:agent:dev", "did:sync:service:ci", DID])
async def test_that_a_robot_stays_in_is_not_enough(api: Api, left: str) -> None:
    await enforced(api, only(OPERATOR), only(left))
    assert_error(await remove(api, "r0"), 409, "CONFLICT", "the operator")
    await still_in(api)


async def test_enabling_asks_whether_a_person_gets_in(api: Api) -> None:
    assert_error(await enable(api), 409, "CONFLICT", "enabling now would lock this daemon out")
    await put(api, "daemon", DAEMON)
    refused = await enable(api)
    assert_error(refused, 409, "CONFLICT", "enabling now would lock the operator out", OPERATOR)
    assert "spl config add-permission-rule operators" in refused.json()["hint"]
    await put(api, "reads", only(OPERATOR), ops=["config_read", "thread_read"])
    refused = await enable(api)
    assert_error(refused, 409, "CONFLICT", "record_write is not allowed for " + OPERATOR)
    assert not api.engine.ingest.live.rules.enforced
    await put(api, "ada", only(ADA))
    assert (await enable(api)).status_code == 201, "one person who gets in will do"
    await still_in(api, ADA)


def raw(body: dict[str, Any], actor: str = OPERATOR, **more: Any) -> dict[str, Any]:
    return {"thread": CONFIG, "actor": actor, "act": "LEARN", "body": body, **more}


async def test_a_raw_record_is_judged_the_same(api: Api) -> None:
    switch = raw({"topic": "permissions_enabled", "enabled": True})
    assert_error(await api.operator.post("/v1/records", json=switch), 409, "CONFLICT", "enabling now")
    await enforced(api, only(OPERATOR))
    gone = raw({"topic": PERMISSION, "name": "r0", "removed": True})
    assert_error(await api.operator.post("/v1/records", json=gone), 409, "CONFLICT", "removing 'r0'")
    denied = raw({"topic": PERMISSION, "name": "r0", "expression": "false", "effect": "allow"})
    assert_error(await api.operator.post("/v1/records", json=denied), 409, "CONFLICT", "changing 'r0' so")
    late = raw(gone["body"], clock=0)
    answer = await api.operator.post("/v1/records", json=late)
    assert "r0" in names(api), f"what comes before the rule does not take it away: {answer.text}"
    await still_in(api)


async def test_two_removals_in_one_batch_do_not_both_pass(api: Api) -> None:
    await enforced(api, only(OPERATOR), only(OPERATOR))
    both = [raw({"topic": PERMISSION, "name": name, "removed": True}) for name in ("r0", "r1")]
    answer = await api.operator.post("/v1/records/batch", json=both)
    assert [one["status"] for one in answer.json()["data"]] == ["created", "error"]
    await still_in(api)


async def test_two_removals_that_race_do_not_both_pass(durable: Api) -> None:
    await enforced(durable, only(OPERATOR), only(OPERATOR))
    answers = await asyncio.gather(remove(durable, "r0"), remove(durable, "r1"))
    assert sorted(one.status_code for one in answers) == [201, 409]
    await still_in(durable)


async def test_a_removal_that_races_with_the_switch_does_not_slip_through(durable: Api) -> None:
    await put(durable, "daemon", DAEMON)
    await put(durable, "r0", only(OPERATOR))
    answers = await asyncio.gather(enable(durable), remove(durable, "r0"))
    assert sorted(one.status_code for one in answers) == [201, 409]
    if durable.engine.ingest.live.rules.enforced:
        await still_in(durable)


async def test_what_is_shut_already_can_still_be_mended(api: Api) -> None:
    """A rule may be added that shuts everybody out; whoever can still write takes it away again."""
    await enforced(api, only(OPERATOR))
    assert (await put(api, "no-reads", "op != 'record_write'", effect="deny", priority=1)).status_code == 201
    assert (await put(api, "r0", f"{only(OPERATOR)} || {only(ADA)}")).status_code == 201
    assert (await remove(api, "no-reads")).status_code == 201
    await still_in(api)


async def test_a_token_does_not_take_the_operators_rule_away(api: Api) -> None:
    await enforced(api, only(OPERATOR), "current_actor().startsWith('did:sync:service:')")
    headers = await api.bearer("config:write", "config:read")
    path = "/v1/config/rules/permission/r0/remove"
    for actor in ("did:sync:service:sa-0", "did:sync:user:mallory"):
        answer = await api.tcp.post(path, json={"actor": actor}, headers=headers)
        assert answer.status_code in (403, 409), answer.text
    assert "r0" in names(api)
    await still_in(api)


async def test_the_last_rule_that_lets_a_worker_enforce_permissions_stays(api: Api) -> None:
    """The coordinator itself enforces nothing; a worker says that it does."""
    worker = "did:sync:instance:00000000000000aa"
    beat = {
        "did": worker,
        "alias": "worker-a",
        "role": "worker",
        "endpoint": "http://127.0.0.1:1",
        "version": "1",
    }

    async def beats(*, permissions: bool, **more: Any) -> None:
        whole = {**beat, "uptime_secs": 1.0, "permissions": permissions, **more}
        assert (await api.operator.post("/v1/fleet/heartbeat", json=whole)).status_code == 200

    assert (await put(api, "daemons", "current_actor().startsWith('did:sync:instance:')")).status_code == 201
    assert (await put(api, "people", only(OPERATOR))).status_code == 201
    await beats(permissions=True)
    assert_error(await remove(api, "people"), 409, "CONFLICT", f"the operator of {worker}", OPERATOR)
    assert_error(await remove(api, "daemons"), 409, "CONFLICT", f"the worker {worker}")
    assert_error(await put(api, "daemons", DAEMON), 409, "CONFLICT", f"the worker {worker}")
    assert (await put(api, "people", f"{only(OPERATOR)} || {only(ADA)}")).status_code == 201
    assert (await put(api, "others", "false")).status_code == 201
    assert (await remove(api, "others")).status_code == 201
    await beats(permissions=False)
    assert (await remove(api, "people")).status_code == 201
    assert (await remove(api, "daemons")).status_code == 201
