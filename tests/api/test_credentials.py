"""Credentials of instances at the door: what a worker may do with its own, and nobody with another's."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncropel.engine.control.accounts import FLEET_SCOPES
from syncropel.record.threads import RESERVED
from syncropel.settings.config import FleetSettings
from syncropel.settings.keyring import bearer_hash

from .conftest import ACTOR, DID, NOOP, Api, MakeApi, assert_error, beat, record, without_auth
from .test_auth import NEEDS, filled

A, B = beat("a")["did"], beat("b")["did"]
SECRETS = {A: f"spl_instance_{A[-16:]}_{'a1' * 24}", B: f"spl_instance_{B[-16:]}_{'b2' * 24}"}
BEATS = {A: beat("a"), B: beat("b")}
COORDINATOR = "did:sync:instance:00000000000000c0"
DOWN = f"spl_coordinator_{COORDINATOR[-16:]}_{'c3' * 24}"
WORKER = replace(NOOP, fleet=FleetSettings("worker-a", "http://127.0.0.1:1"))


def shows(did: str) -> dict[str, str]:
    return {"authorization": f"Bearer {SECRETS[did]}"}


async def issue(api: Api, did: str, /, **changes: Any) -> Any:
    body = {"did": did, "sha256": bearer_hash(SECRETS[did])} | changes
    return await api.operator.post("/v1/fleet/credentials", json=body)


async def joined(api: Api) -> Api:
    """Two workers, each with a credential, and live."""
    for did in (A, B):
        assert (await issue(api, did)).is_success
        answer = await api.tcp.post("/v1/fleet/heartbeat", json=BEATS[did], headers=shows(did))
        assert answer.status_code == 200, answer.text
    return api


async def given_to(api: Api, did: str, name: str = "T") -> tuple[str, dict[str, Any], int]:
    """A fan-out whose one subtask was given to this worker: thread, report, and the report's clock."""
    await api.task(alias=name)
    await api.fan_out(name, {"target": f"specific:{did}"})
    thread = (await api.get(f"/v1/tasks/{name}"))["thread"]
    await api.engine.fan_outs.reconciler.drain()
    state = api.engine.ingest.live.tasks[thread]
    assert state.fanout is not None
    spawn = state.fanout.spawns[0, 1]
    body = {"topic": "fanout_child_done", "index": 0, "attempt": 1, "worker": did, "verdict": "accept"}
    return thread, {**body, "child_thread": spawn.child_thread}, spawn.key[0] + 1


def report(thread: str, body: dict[str, Any], clock: int, actor: str) -> dict[str, Any]:
    return record(thread=thread, actor=actor, act="DO", body=body, clock=clock)


async def row(api: Api, did: str) -> dict[str, Any]:
    found: dict[str, Any] = await api.get(f"/v1/fleet/instances/{did}")
    return found


async def test_a_credential_is_given_once_and_known_by_its_hash(api: Api) -> None:
    first = await issue(api, A)
    assert first.json()["record"]
    assert (await issue(api, A)).json()["record"] == ""
    assert_error(await issue(api, B, sha256=bearer_hash(SECRETS[A])), 409, "CONFLICT", "another")
    for bad in ({"did": ACTOR}, {"sha256": "z" * 64}):
        assert_error(await issue(api, A, **bad), 400, "BAD_REQUEST")
    (stored,) = (await api.get("/v1/records", topic="instance_credential"))["data"]
    assert stored["body"] | {"at": 0} == {
        "topic": "instance_credential", "did": A, "sha256": bearer_hash(SECRETS[A]), "at": 0,
    }  # fmt: skip


async def test_a_worker_beats_for_itself_alone(api: Api) -> None:
    await joined(api)
    assert (await row(api, A))["credential"] == "own"
    assert_error(
        await api.tcp.post("/v1/fleet/heartbeat", json=BEATS[B], headers=shows(A)), 403, "WRONG_AUTHOR", A, B
    )
    fleet = await api.bearer(*FLEET_SCOPES, sa_id="sa-fleet")
    answer = await api.tcp.post("/v1/fleet/heartbeat", json=BEATS[B], headers=fleet)
    assert_error(answer, 403, "WRONG_AUTHOR", "its own credential")
    for scope in ("fleet:write", "admin"):
        for one in (BEATS[B], beat("c")):
            account = await api.bearer(scope)
            answer = await api.tcp.post("/v1/fleet/heartbeat", json=one, headers=account)
            assert_error(answer, 403, "WRONG_AUTHOR", "the account")
    assert_error(await api.operator.post("/v1/fleet/heartbeat", json=BEATS[B]), 403, "WRONG_AUTHOR")


async def test_a_coordinator_tells_only_a_proven_worker_how_it_identifies_itself(api: Api) -> None:
    await joined(api)
    told: dict[str, str] = {}
    for did in (A, B, A):
        asking = BEATS[did] | {"asks_credential": True}
        answer = await api.tcp.post("/v1/fleet/heartbeat", json=asking, headers=shows(did))
        assert told.setdefault(did, answer.json()["credential"]) == answer.json()["credential"]
    assert told == {did: bearer_hash(api.engine.keyring.towards(did)) for did in (A, B)}
    assert len(set(told.values()) - {""}) == 2
    answer = await api.tcp.post("/v1/fleet/heartbeat", json=BEATS[A], headers=shows(A))
    assert answer.json()["credential"] == "", "only when it asks"
    unproven, fleet = beat("c"), await api.bearer(*FLEET_SCOPES, sa_id="sa-fleet")
    asking = unproven | {"asks_credential": True}
    answer = await api.tcp.post("/v1/fleet/heartbeat", json=asking, headers=fleet)
    assert (answer.status_code, answer.json()["credential"]) == (200, "")
    assert not api.engine.keyring.towards(unproven["did"])


async def test_the_shared_token_beats_and_reports_unverified(api: Api) -> None:
    fleet = await api.bearer(*FLEET_SCOPES, sa_id="sa-fleet")
    assert (await api.tcp.post("/v1/fleet/heartbeat", json=BEATS[A], headers=fleet)).status_code == 200
    assert (await row(api, A))["credential"] == "shared"
    thread, body, clock = await given_to(api, A)
    forged = report(thread, {**body, "worker": B}, clock, B)
    assert_error(await api.tcp.post("/v1/records", json=forged, headers=fleet), 403, "WRONG_AUTHOR")
    control = record(thread="th_fleet_control", act="LEARN", body={"topic": "unfreeze"})
    assert_error(await api.tcp.post("/v1/records", json=control, headers=fleet), 403, "WRONG_AUTHOR")
    freeze = {"namespace": "docs", "reason": "r"}
    assert_error(await api.tcp.post("/v1/fleet/freeze", json=freeze, headers=fleet), 403, "FORBIDDEN", "beat")
    told = await api.tcp.post("/v1/records", json=report(thread, body, clock, A), headers=fleet)
    assert told.status_code == 201, told.text
    assert (await issue(api, A)).is_success
    answer = await api.tcp.post("/v1/records", json=report(thread, body, clock, A), headers=fleet)
    assert_error(answer, 403, "WRONG_AUTHOR", "its own credential")


async def test_a_stolen_credential_reports_for_nobody_else(api: Api) -> None:
    await joined(api)
    thread, body, clock = await given_to(api, B)
    for actor, worker in ((B, B), (A, B), (A, A), (ACTOR, B), (DID, B)):
        forged = report(thread, {**body, "worker": worker}, clock, actor)
        for answer in (
            await api.tcp.post("/v1/records", json=forged, headers=shows(A)),
            await api.tcp.post("/v1/records", json=forged, headers=await api.bearer("admin")),
        ):
            assert answer.status_code == 403, answer.text
    assert (await api.get("/v1/tasks/T/join"))["completed"] == 0
    true = await api.tcp.post("/v1/records", json=report(thread, body, clock, B), headers=shows(B))
    assert true.status_code == 201, true.text
    assert (await api.get("/v1/tasks/T/join"))["completed"] == 1


TOPICS = (
    "freeze", "unfreeze", "drain", "permission_rule", "instance_credential", "instance_credential_revoked",
    "instance_state", "service_account", "api_token", "namespace_created", "fanout_spawned",
    "fanout_child_done", "fanout_retry_subtask", "fanout_end_subtask", "fanout_end_child", "aitl_answered",
    "syncropel.dispatch.session.v1", "task_cancelled", "kill_drill", "note", "",
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_whatever_a_worker_posts_only_its_own_report_is_taken(api: Api, data: st.DataObject) -> None:
    if A not in api.engine.ingest.live.credentials.known:
        await joined(api)
        await given_to(api, A, "MINE")
        await given_to(api, B, "OTHERS")
    live = api.engine.ingest.live
    mine, others = live.aliases["MINE"], live.aliases["OTHERS"]
    fanout = live.tasks[mine].fanout
    assert fanout is not None
    child = fanout.spawns[0, 1].child_thread
    body = {
        "topic": data.draw(st.sampled_from(TOPICS)),
        "index": data.draw(st.sampled_from([0, 1])),
        "attempt": data.draw(st.sampled_from([1, 2])),
        "worker": data.draw(st.sampled_from([A, B])),
        "child_thread": data.draw(st.sampled_from([child, "th_other"])),
        "verdict": data.draw(st.sampled_from(["accept", "terminated"])),
        "fulfills": data.draw(st.sampled_from([fanout.intend, fanout.spawns[0, 1].child_intend])),
        "did": B,
        "namespace": "docs",
    }
    posted = record(
        thread=data.draw(st.sampled_from([mine, others, child, "t", *sorted(RESERVED)])),
        actor=data.draw(st.sampled_from([A, B, DID, ACTOR])),
        act=data.draw(st.sampled_from(["INTEND", "DO", "KNOW", "LEARN", "PUT", "CALL"])),
        body=body,
        clock=data.draw(st.sampled_from([None, fanout.spawns[0, 1].key[0] + 1, 2**40])),
    )
    batch = data.draw(st.booleans())
    before = api.engine.store.last_sequence
    path, sent = ("/v1/records/batch", [posted]) if batch else ("/v1/records", posted)
    answer = await api.tcp.post(path, json=sent, headers=shows(A))
    taken = answer.json().get("created") == 1 if batch else answer.status_code == 201
    own = (
        (posted["thread"], posted["actor"], posted["act"]) == (mine, A, "DO")
        and (body["topic"], body["index"], body["attempt"]) == ("fanout_child_done", 0, 1)
        and (body["worker"], body["child_thread"]) == (A, child)
    )
    assert own or not taken
    assert own or api.engine.store.last_sequence == before


OWN = {
    "/v1/records",
    "/v1/records/batch",
    "/v1/fleet/heartbeat",
    "/v1/fleet/siblings",
    "/v1/leader/announce",
    "/v1/fleet/link/acks",
    "/v1/fleet/link/answers",
}
"""Where a worker posts what is its own."""
LINK = ("GET", "/v1/fleet/link")
"""The one thing that it reads: what its coordinator has to say to it."""


@pytest.mark.parametrize(("method", "path"), NEEDS)
async def test_a_worker_asks_for_nothing_else(api: Api, method: str, path: str) -> None:
    await joined(api)
    before = api.engine.store.last_sequence
    for body in ({}, {"reason": "r", "namespace": "docs", "level": "soft"}, {"actor": A, "goal": "g"}):
        answer = await api.tcp.request(method, filled(path), json=body, headers=shows(A))
        mine = (method == "POST" and path in OWN) or (method, path) == LINK
        if NEEDS[method, path] is None or NEEDS[method, path] == "":
            assert answer.status_code not in (401, 403)
        else:
            refused = answer.json().get("errors") == 1 or answer.status_code in (403, 422)
            assert refused if mine else answer.status_code == 403, answer.text
    assert api.engine.store.last_sequence == before


async def test_what_is_revoked_is_nobody_at_once(api: Api) -> None:
    await joined(api)
    thread, body, clock = await given_to(api, B)
    answer = await api.operator.post("/v1/fleet/instances/worker-b/revoke", json={"reason": "lost"})
    assert answer.json()["did"] == B
    fleet = await api.bearer(*FLEET_SCOPES, sa_id="sa-fleet")
    for headers in (shows(B), fleet):
        told = await api.tcp.post("/v1/fleet/heartbeat", json=BEATS[B], headers=headers)
        assert_error(told, 401, "CREDENTIAL_REVOKED", "was revoked")
    for method, path in (("POST", "/v1/records"), ("GET", "/v1/whoami"), ("GET", "/v1/fleet/status")):
        answer = await api.tcp.request(method, path, headers=shows(B))
        assert_error(answer, 401, "CREDENTIAL_REVOKED", "was revoked")
    late = await api.tcp.post("/v1/records", json=report(thread, body, clock, B), headers=fleet)
    assert_error(late, 403, "WRONG_AUTHOR", "was revoked")
    shown = await row(api, B)
    assert (shown["status"], shown["health"], shown["credential"]) == ("archived", "revoked", "revoked")
    assert (await row(api, A))["credential"] == "own"
    assert_error(
        await api.operator.post(f"/v1/fleet/instances/{B}/revoke", json={}), 409, "CONFLICT", "already"
    )
    assert_error(await issue(api, B), 409, "CREDENTIAL_REVOKED", "lost", "--reissue")
    assert_error(await issue(api, B, reissue=True), 409, "CONFLICT", "another")
    new = bearer_hash(SECRETS[B] + "new")
    assert (await issue(api, B, reissue=True, sha256=new)).is_success
    headers = {"authorization": f"Bearer {SECRETS[B]}new"}
    assert (await api.tcp.post("/v1/fleet/heartbeat", json=BEATS[B], headers=headers)).status_code == 200
    assert_error(
        await api.tcp.post("/v1/fleet/heartbeat", json=BEATS[B], headers=shows(B)), 401, "UNAUTHORIZED"
    )


async def test_the_work_of_a_revoked_instance_goes_to_others(api: Api) -> None:
    await joined(api)
    await api.task(alias="T")
    await api.fan_out("T", {"target": "least-loaded-worker"})
    await api.engine.fan_outs.reconciler.drain()
    (first,) = (await api.get("/v1/tasks/T/join"))["subtasks"]
    assert (await api.operator.post(f"/v1/fleet/instances/{first['instance']}/revoke", json={})).is_success
    await api.engine.fan_outs.reconciler.drain()
    (second,) = (await api.get("/v1/tasks/T/join"))["subtasks"]
    assert {first["instance"], second["instance"]} == {A, B}
    assert second["attempt"] == 2


async def test_an_instance_without_a_credential_is_revoked_too(api: Api) -> None:
    fleet = await api.bearer(*FLEET_SCOPES, sa_id="sa-fleet")
    await api.tcp.post("/v1/fleet/heartbeat", json=BEATS[A], headers=fleet)
    assert (await api.operator.post("/v1/fleet/instances/worker-a/revoke", json={})).is_success
    answer = await api.tcp.post("/v1/fleet/heartbeat", json=BEATS[A], headers=fleet)
    assert_error(answer, 401, "CREDENTIAL_REVOKED", "was revoked")


async def test_a_freeze_waits_for_no_revoked_instance(api: Api) -> None:
    await joined(api)
    await api.operator.post("/v1/fleet/freeze", json={"namespace": "docs", "reason": "r"})
    assert "worker-b" in (await api.get("/v1/fleet/status"))["freezes"][0]["waiting"]
    await api.operator.post("/v1/fleet/instances/worker-b/revoke", json={})
    assert "worker-b" not in (await api.get("/v1/fleet/status"))["freezes"][0]["waiting"]


async def test_a_coordinator_does_not_revoke_itself(api: Api) -> None:
    answer = await api.operator.post(f"/v1/fleet/instances/{DID}/revoke", json={})
    assert answer.status_code in (404, 409)


@pytest.fixture
async def worker(make_api: MakeApi) -> Api:
    """A worker whose coordinator is away, and has a credential of its own here."""
    api = await make_api(WORKER)
    text = json.dumps({"did": COORDINATOR, "sha256": bearer_hash(DOWN)})
    api.engine.instance.home.coordinator_key.write_text(text, encoding="utf-8")
    return api


def control(topic: str = "unfreeze") -> dict[str, Any]:
    body = {"topic": topic, "namespace": "docs", "level": "soft", "reason": "r"}
    return record(thread="th_fleet_control", act="LEARN", body=body)


def child(actor: str = COORDINATOR) -> dict[str, Any]:
    body = {"goal": "g", "parent_thread": "th_p", "parent_intend": "ab" * 32, "index": 0, "attempt": 1}
    return record(thread="th_child", actor=actor, act="INTEND", body=body, clock=0)


async def test_a_worker_trusts_the_coordinator_that_it_knows_and_nobody_else(worker: Api) -> None:
    await worker.wrote(
        thread="th_fleet_control",
        act="LEARN",
        body={"topic": "instance_credential", "did": B, "sha256": bearer_hash(SECRETS[B])},
    )
    others = [
        await worker.bearer(*FLEET_SCOPES, sa_id="sa-fleet"),
        await worker.bearer("admin"),
        shows(B),
    ]
    message = {"coordinator": COORDINATOR, "to": DID, "base": "", "replace": True, "records": []}
    for headers in others:
        for body in (control(), control("freeze"), child()):
            answer = await worker.tcp.post("/v1/records", json=body, headers=headers)
            assert answer.status_code == 403, answer.text
        answer = await worker.tcp.post("/v1/fleet/control", json=message, headers=headers)
        assert answer.status_code == 403, answer.text
    mine = {"authorization": f"Bearer {DOWN}"}
    answer = await worker.tcp.post("/v1/records/batch", json=[control("freeze"), child()], headers=mine)
    assert answer.json()["created"] == 2, answer.text
    assert (await worker.tcp.post("/v1/fleet/control", json=message, headers=mine)).status_code == 200
    assert_error(
        await worker.tcp.post(
            "/v1/fleet/control", json=message, headers={"authorization": f"Bearer {DOWN}x"}
        ),
        401,
        "UNAUTHORIZED",
    )


async def test_a_key_that_cannot_be_read_makes_nobody_the_coordinator(worker: Api) -> None:
    for text in ("", "{", "[]", '{"did": 7}', '{"did": "x", "sha256": ""}'):
        worker.engine.instance.home.coordinator_key.write_text(text, encoding="utf-8")
        for headers in (
            {"authorization": f"Bearer {DOWN}"},
            {"authorization": "Bearer spl_coordinator_x_"},
            await worker.bearer(*FLEET_SCOPES, sa_id="sa-fleet"),
        ):
            answer = await worker.tcp.post("/v1/records", json=control(), headers=headers)
            assert answer.status_code in (401, 403), (text, answer.text)


async def test_an_older_worker_takes_the_shared_token_for_its_coordinator(make_api: MakeApi) -> None:
    api = await make_api(WORKER)
    fleet = await api.bearer(*FLEET_SCOPES, sa_id="sa-fleet")
    assert (await api.tcp.post("/v1/records", json=control("freeze"), headers=fleet)).status_code == 201
    answer = await api.tcp.post("/v1/records", json=control(), headers=await api.bearer("admin"))
    assert_error(answer, 403, "WRONG_AUTHOR")


async def test_without_auth_a_credential_still_counts(make_api: MakeApi) -> None:
    api = await joined(await make_api(without_auth()))
    assert (await row(api, A))["credential"] == "own"
    for headers in ({}, shows(A)):
        answer = await api.tcp.post("/v1/fleet/heartbeat", json=BEATS[B], headers=headers)
        assert_error(answer, 403, "WRONG_AUTHOR")
    thread, body, clock = await given_to(api, A)
    forged = await api.tcp.post("/v1/records", json=report(thread, body, clock, A))
    assert_error(forged, 403, "WRONG_AUTHOR")
    answer = await api.tcp.post("/v1/records", json=report(thread, body, clock, A), headers=shows(A))
    assert answer.status_code == 201, answer.text
