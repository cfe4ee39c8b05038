"""In whose name a request writes: what a token may name, and what is written when nobody is named."""

from __future__ import annotations

from typing import Any

import pytest

from syncropel.record.model import parse_record

from .conftest import ACTOR, DID, Api, MakeApi, assert_error, record, without_auth

OWN = "did:sync:service:sa-x"
WORKER = "did:sync:instance:00000000000000aa"
SIGNED: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", "/v1/tasks", {"goal": "g"}),
    ("POST", "/v1/tasks/T-0/fan-out", {"subtasks": [{"goal": "g", "target": f"specific:{DID}"}]}),
    ("POST", "/v1/tasks/T-1/retry", {"index": 0}),
    ("POST", "/v1/tasks/T-1/amend", {"join": "any"}),
    ("POST", "/v1/dispatch", {"goal": "g", "target": f"specific:{DID}"}),
    ("POST", "/v1/fleet/freeze", {"namespace": "docs", "reason": "r"}),
    ("POST", "/v1/namespaces", {"namespace": "ops"}),
    ("PUT", "/v1/namespaces/strict", {"strict": False}),
    ("POST", "/v1/drain", {"state": "start"}),
    ("PUT", "/v1/config/rules/permission/p", {"expression": "true", "effect": "allow"}),
    ("PUT", "/v1/config/rules/health/h", {"expression": "true", "effect": "warning"}),
    ("PUT", "/v1/config/cors", {"origins": ["https://a.example"]}),
    ("POST", "/v1/records", {"thread": "t", "act": "KNOW", "body": {}}),
]


async def bearer(api: Api, **grants: Any) -> dict[str, str]:
    made = await api.operator.post(
        "/v1/service-accounts", json={"sa_id": "sa-x", "scopes": ["admin"], **grants}
    )
    assert made.status_code == 201, made.text
    return {"authorization": f"Bearer {made.json()['token']}"}


async def ready(api: Api) -> None:
    """What the requests above are about."""
    for name in ("T-0", "T-1"):
        await api.task(alias=name)
    await api.fan_out("T-1", {"target": "worker-z"}, {"target": "worker-z"})


async def authors(api: Api, since: int) -> set[str]:
    """Who wrote what came after this, the engine's own records left out."""
    found = (await api.get("/v1/records", since=since))["data"]
    return {one["actor"] for one in found} - {DID}


@pytest.mark.parametrize(("method", "path", "body"), SIGNED)
async def test_what_names_nobody_is_the_accounts_own(
    api: Api, method: str, path: str, body: dict[str, Any]
) -> None:
    await ready(api)
    headers = await bearer(api)
    before = api.engine.store.last_sequence
    answer = await api.tcp.request(method, path, json=body, headers=headers)
    assert answer.is_success, answer.text
    assert await authors(api, before) == {OWN}


@pytest.mark.parametrize(("method", "path", "body"), SIGNED)
async def test_no_other_name_is_taken_from_a_token(
    api: Api, method: str, path: str, body: dict[str, Any]
) -> None:
    await ready(api)
    headers = await bearer(api)
    before = api.engine.store.last_sequence
    for actor in (ACTOR, DID, WORKER, f"{OWN}y"):
        answer = await api.tcp.request(method, path, json={**body, "actor": actor}, headers=headers)
        assert_error(answer, 403, "ACTOR_NOT_ALLOWED", actor)
    assert api.engine.store.last_sequence == before
    answer = await api.tcp.request(method, path, json={**body, "actor": OWN}, headers=headers)
    assert answer.is_success, answer.text


@pytest.mark.parametrize(("method", "path", "body"), SIGNED[:-1])
async def test_the_operator_is_whoever_they_say(
    api: Api, method: str, path: str, body: dict[str, Any]
) -> None:
    await ready(api)
    before = api.engine.store.last_sequence
    refused = await api.operator.request(method, path, json={**body, "actor": WORKER})
    assert_error(refused, 403, "ACTOR_NOT_ALLOWED", WORKER)
    answer = await api.operator.request(method, path, json={**body, "actor": ACTOR})
    assert answer.is_success, answer.text
    assert await authors(api, before) == {ACTOR}


async def test_a_batch_signs_each_record_that_names_nobody(api: Api) -> None:
    headers = await bearer(api)
    batch = [record(actor=None, clock=1), record(clock=2), record(actor=OWN, clock=3)]
    answer = await api.tcp.post("/v1/records/batch", json=batch, headers=headers)
    told = [one.get("error", {}).get("code") for one in answer.json()["data"]]
    assert told == [None, "ACTOR_NOT_ALLOWED", None]
    lines = b"\n".join([b'{"thread":"t","act":"KNOW","clock":4}', b'{"thread":"t","act":"KNOW","clock":5}'])
    answer = await api.tcp.post("/v1/records/batch", content=lines, headers=headers)
    assert answer.json()["created"] == 2
    assert await authors(api, 0) == {OWN}


async def test_patterns_say_whom_an_account_may_write_as(api: Api) -> None:
    headers = await bearer(api, allowed_actors=["did:sync:agent:*", OWN])
    for actor, status in (("did:sync:agent:dev", 201), (OWN, 201), (ACTOR, 403), (WORKER, 403)):
        answer = await api.tcp.post("/v1/records", json=record(actor=actor), headers=headers)
        assert answer.status_code == status, answer.text
    changed = await api.operator.put("/v1/service-accounts/sa-x", json={"allowed_actors": ["*"]})
    assert (changed.json()["allowed_actors"], changed.json()["scopes"]) == (["*"], ["admin"])
    assert (await api.tcp.post("/v1/records", json=record(), headers=headers)).is_success
    answer = await api.tcp.post("/v1/records", json=record(actor=WORKER), headers=headers)
    assert_error(answer, 403, "ACTOR_NOT_ALLOWED")
    assert (await api.operator.put("/v1/service-accounts/sa-x", json={"scopes": ["admin"]})).is_success
    (account,) = (await api.get("/v1/service-accounts"))["data"]
    assert account["allowed_actors"] == ["*"]


@pytest.mark.parametrize("actors", [[""], ["a\nb"], ["x" * 513], [f"a{n}" for n in range(65)]])
async def test_what_is_no_pattern_is_refused(api: Api, actors: list[str]) -> None:
    body = {"sa_id": "sa-x", "scopes": ["admin"], "allowed_actors": actors}
    assert_error(await api.operator.post("/v1/service-accounts", json=body), 400, "BAD_REQUEST")


async def test_an_account_of_before_keeps_its_actors_but_no_instances(api: Api) -> None:
    headers = await bearer(api)
    await api.wrote(
        thread="th_engine_config",
        act="LEARN",
        body={"topic": "service_account", "sa_id": "sa-x", "scopes": ["admin"]},
    )
    assert (await api.tcp.post("/v1/records", json=record(), headers=headers)).is_success
    for actor in (DID, WORKER):
        answer = await api.tcp.post("/v1/records", json=record(actor=actor), headers=headers)
        assert_error(answer, 403, "ACTOR_NOT_ALLOWED")
    (token,) = (await api.get("/v1/tokens"))["data"]
    assert token["allowed_actors"] is None
    listed: Any
    for listed in ("x", {}, [7]):
        await api.wrote(
            thread="th_engine_config",
            act="LEARN",
            body={"topic": "service_account", "sa_id": "sa-x", "scopes": [], "allowed_actors": listed},
        )
        answer = await api.tcp.post("/v1/records", json=record(clock=9), headers=headers)
        assert_error(answer, 403, "ACTOR_NOT_ALLOWED", "nobody")


async def test_without_auth_actors_are_free_but_the_table_holds(make_api: MakeApi) -> None:
    api = await make_api(without_auth())
    assert (await api.tcp.post("/v1/records", json=record())).status_code == 201
    unsigned = await api.tcp.post("/v1/records", json=record(actor=None))
    assert unsigned.json()["actor"] == "did:sync:user:operator"
    assert_error(await api.tcp.post("/v1/records", json=record(actor=WORKER)), 403, "ACTOR_NOT_ALLOWED")
    for thread, topic in (
        ("th_fleet_control", "unfreeze"),
        ("th_fleet_control", "note"),
        ("th_engine_config", "permission_rule"),
        ("th_consent", "grant"),
        ("t", "fanout_spawned"),
        ("t", "fanout_child_done"),
    ):
        forged = record(thread=thread, act="LEARN", body={"topic": topic})
        assert_error(await api.tcp.post("/v1/records", json=forged), 403, "WRONG_AUTHOR", topic)


async def test_a_fan_out_is_not_joined_before_it_begins(api: Api) -> None:
    body = {"task": True, "goal": "g", "alias": "T", "subtasks": [{"goal": "g", "target": "worker-z"}]}
    parent = record(thread="th_sly", act="INTEND", body=body, clock=5)
    known = parse_record(parent).id
    for clock in (9, 3):
        early = record(thread="th_sly", body={"fulfills": known, "verdict": "accept"}, clock=clock)
        assert (await api.operator.post("/v1/records", json=early)).status_code == 201
    assert_error(await api.operator.post("/v1/records", json=parent), 409, "CONFLICT", "fulfilled")
    other = record(thread="th_fair", act="INTEND", body={**body, "alias": "U"}, clock=5)
    assert (await api.operator.post("/v1/records", json=record(thread="th_fair"))).status_code == 201
    assert (await api.operator.post("/v1/records", json=other)).status_code == 201
    assert (await api.operator.post("/v1/records", json=other)).status_code == 200


async def test_without_auth_a_bundle_is_no_way_around_the_table(make_api: MakeApi) -> None:
    maker = await make_api()
    await maker.task(alias="T")
    await maker.fan_out("T", {"target": "worker-z"})
    thread = (await maker.get("/v1/tasks/T"))["thread"]
    before = (await maker.operator.get("/v1/threads/snapshot", params={"threads": thread})).content
    await maker.wrote(
        thread=thread, act="DO", body={"topic": "fanout_spawned", "index": 0, "instance": "x"}, clock=50
    )
    await maker.operator.post("/v1/fleet/freeze", json={"namespace": "docs", "reason": "r"})
    forged = (await maker.operator.get("/v1/threads/snapshot", params={"threads": thread})).content
    control = (
        await maker.operator.get("/v1/threads/snapshot", params={"threads": "th_fleet_control"})
    ).content
    api = await make_api(without_auth())
    path = "/v1/threads/restore"
    query = {"take_up_work": "true", "on_conflict": "skip"}
    assert (await api.tcp.post(path, content=before, params=query)).status_code == 200
    refused = await api.tcp.post(path, content=forged, params=query)
    assert_error(refused, 403, "WRONG_AUTHOR", "fanout_spawned")
    refused = await api.tcp.post(path, content=control, params={"reserved": "true"})
    assert_error(refused, 403, "WRONG_AUTHOR", "only by the operator")
    assert (await api.get("/v1/fleet/status"))["freezes"] == []
    for content, words in ((forged, query), (control, {"reserved": "true"})):
        assert (await api.operator.post(path, content=content, params=words)).status_code == 200
