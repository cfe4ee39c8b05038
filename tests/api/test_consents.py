"""Consent over HTTP: who grants it, and what a bundle for another namespace may hold."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from syncropel.engine.consent import withheld
from syncropel.record.threads import CONSENT, ENGINE_CONFIG
from syncropel.wire.bundles import WITHHELD

from .conftest import ACTOR, DID, Api, MakeApi, assert_error, record, without_auth
from .test_bundles import SNAPSHOT, opened
from .test_tasks import joined


async def grant(api: Api, source: str = "docs", target: str = "partner", **more: Any) -> httpx.Response:
    body = {"source_namespace": source, "target_namespace": target, "actor": ACTOR, **more}
    return await api.operator.post("/v1/consents", json=body)


async def revoke(api: Api, source: str = "docs", target: str = "partner", **more: Any) -> httpx.Response:
    body = {"source_namespace": source, "target_namespace": target, "actor": ACTOR, **more}
    return await api.operator.post("/v1/consents/revoke", json=body)


async def states(api: Api) -> dict[tuple[str, str], str]:
    rows = (await api.get("/v1/consents"))["data"]
    return {(one["source_namespace"], one["target_namespace"]): one["state"] for one in rows}


async def bundle(api: Api, target: str = "partner", *threads: str, **query: Any) -> httpx.Response:
    chosen = {"threads": list(threads)} if threads else {"all": "true"}
    return await api.operator.get(SNAPSHOT, params={**chosen, "to_namespace": target, **query})


def threads_in(answer: httpx.Response) -> set[str]:
    assert answer.status_code == 200, answer.text
    return {one.record.thread for one in opened(answer.content)}


async def note(api: Api, thread: str, namespace: str = "", **more: Any) -> None:
    body = {"namespace": namespace, "note": 1} if namespace else {"note": 1}
    await api.post(thread=thread, body=body, **more)


async def test_a_grant_is_a_record_that_is_listed_and_taken_back(api: Api) -> None:
    ends = api.engine.runtime.now() + 3600
    written = (await grant(api, purpose=" release notes ", expires_at=ends)).json()
    (row,) = (await api.get("/v1/consents"))["data"]
    assert (row["state"], row["purpose"], row["expires_at"]) == ("active", "release notes", ends)
    assert (row["actor"], row["record"]) == (ACTOR, written["record"])
    (stored,) = (await api.get(f"/v1/threads/{CONSENT}/records"))["data"]
    assert (stored["act"], stored["body"]["topic"]) == ("LEARN", "consent_granted")
    assert (await revoke(api, reason="over")).status_code == 201
    (row,) = (await api.get("/v1/consents"))["data"]
    assert (row["state"], row["purpose"]) == ("revoked", "over")
    replay = await api.get(f"/v1/threads/{CONSENT}/replay/1")
    assert "consent docs → partner" in str(replay)


async def test_what_changes_nothing_or_never_was_is_said(api: Api) -> None:
    assert_error(await revoke(api), 404, "NOT_FOUND", "'docs'", "'partner'", "spl consent list")
    await grant(api)
    assert_error(await grant(api), 409, "CONFLICT", "already")
    assert (await grant(api, purpose="another")).status_code == 201
    assert_error(
        await revoke(api, "docs/v1"), 404, "NOT_FOUND", "--from-namespace docs --to-namespace partner"
    )
    await revoke(api)
    assert_error(await revoke(api), 404, "NOT_FOUND")
    past = api.engine.runtime.now() - 1
    assert_error(await grant(api, expires_at=past), 400, "BAD_REQUEST", "expired")
    assert await states(api) == {("docs", "partner"): "revoked"}


@pytest.mark.parametrize("named", ["Docs", "", "*", "a/b/c/d/e", "default/x", "x" * 5000])
async def test_both_ends_are_namespaces(api: Api, named: str) -> None:
    for pair in ((named, "partner"), ("docs", named)):
        assert_error(await grant(api, *pair), 422, "INVALID_NAMESPACE", "docs/v1")
    assert_error(await bundle(api, named), 422, "INVALID_NAMESPACE")
    assert await states(api) == {}


async def test_nobody_needs_consent_for_what_is_theirs(api: Api) -> None:
    for pair in (("docs", "docs"), ("docs/v1", "docs")):
        assert_error(await grant(api, *pair), 422, "INVALID_RECORD", "no consent")


@pytest.mark.parametrize(
    "more",
    [
        {"hash_levels": ["L1"]},
        {"threads": ["t"]},
        {"expires_at": "soon"},
        {"purpose": 1},
        {"expires_at": True},
    ],
)
async def test_a_raw_grant_with_conditions_that_nobody_keeps_is_refused(
    api: Api, more: dict[str, Any]
) -> None:
    body = {"topic": "consent_granted", "source_namespace": "docs", "target_namespace": "partner", **more}
    for act in ("LEARN", "KNOW"):
        raw = record(thread=CONSENT, act=act, body=body)
        answer = await api.operator.post("/v1/records", json=raw)
        assert answer.status_code in (403, 422)
    assert await states(api) == {}


async def test_a_raw_grant_is_a_grant(api: Api) -> None:
    body = {"topic": "consent_granted", "source_namespace": "docs", "target_namespace": "partner"}
    await api.post(thread=CONSENT, act="LEARN", body=body)
    assert await states(api) == {("docs", "partner"): "active"}


async def test_only_operators_and_accounts_grant(make_api: MakeApi) -> None:
    api = await make_api(without_auth())
    body = {"source_namespace": "docs", "target_namespace": "partner"}
    raw = {"topic": "consent_granted", **body}
    for answer in (
        await api.tcp.post("/v1/consents", json=body),
        await api.tcp.post("/v1/consents/revoke", json=body),
        await api.tcp.post("/v1/records", json=record(thread=CONSENT, act="LEARN", body=raw)),
    ):
        assert answer.status_code in (403, 404), answer.text
    assert await states(api) == {}


async def test_an_account_needs_the_scope_and_its_own_name(api: Api) -> None:
    body = {"source_namespace": "docs", "target_namespace": "partner"}
    reader = await api.bearer("records:read", "records:write", "fleet:write", "threads:write")
    assert_error(await api.tcp.post("/v1/consents", json=body, headers=reader), 403, "FORBIDDEN")
    keeper = await api.bearer("config:write", sa_id="sa-keeper")
    assert (await api.tcp.post("/v1/consents", json=body, headers=keeper)).status_code == 201
    assert (await api.get("/v1/consents"))["data"][0]["actor"] == "did:sync:service:sa-keeper"
    stolen = {**body, "actor": DID, "purpose": "x"}
    answer = await api.tcp.post("/v1/consents", json=stolen, headers=keeper)
    assert_error(answer, 403, "ACTOR_NOT_ALLOWED")


@pytest.mark.parametrize(
    "freeze", [{"level": "emergency"}, {"level": "hard", "namespace": "docs", "grace_secs": 0}]
)
async def test_consent_passes_a_freeze_as_rules_do(api: Api, freeze: dict[str, Any]) -> None:
    frozen = await api.operator.post("/v1/fleet/freeze", json={"reason": "leak", "actor": ACTOR, **freeze})
    assert frozen.status_code == 201
    assert (await grant(api)).status_code == 201
    assert (await revoke(api)).status_code == 201
    rule = {"expression": "true", "effect": "allow", "priority": 9}
    assert (await api.operator.put("/v1/config/rules/permission/x", json=rule)).is_success


async def test_a_bundle_of_ones_own_needs_no_consent(api: Api) -> None:
    await note(api, "t-docs", "docs")
    answer = await api.operator.get(SNAPSHOT, params={"all": "true"})
    assert "t-docs" in threads_in(answer)
    assert WITHHELD not in answer.headers


async def test_a_bundle_for_a_namespace_holds_what_was_granted(api: Api) -> None:
    for thread, namespace in (("t-docs", "docs"), ("t-v1", "docs/v1"), ("t-code", "code"), ("t-none", "")):
        await note(api, thread, namespace)
    await note(api, "t-theirs", "partner/eu")
    assert threads_in(await bundle(api)) == {"t-theirs"}
    await grant(api, "docs/v1")
    assert threads_in(await bundle(api)) == {"t-theirs", "t-v1"}
    await grant(api, "docs")
    await grant(api, "default")
    answer = await bundle(api)
    assert threads_in(answer) == {"t-theirs", "t-v1", "t-docs", "t-none"}
    everything = len((await api.get("/v1/threads", limit=100))["data"])
    assert int(answer.headers[WITHHELD]) == everything - 4
    assert threads_in(await bundle(api, "partner/eu")) == threads_in(answer)
    await revoke(api, "docs")
    assert threads_in(await bundle(api)) == {"t-theirs", "t-v1", "t-none"}


async def test_a_thread_that_was_named_is_shared_or_refused(api: Api) -> None:
    await note(api, "t-docs", "docs")
    await note(api, "t-code", "code")
    await grant(api, "docs")
    answer = await bundle(api, "partner", "t-docs", "t-code")
    assert_error(
        answer, 403, "CONSENT_REQUIRED", "t-code", "'code'", "--from-namespace code --to-namespace partner"
    )
    assert threads_in(await bundle(api, "partner", "t-docs")) == {"t-docs"}
    assert_error(await bundle(api, "partner", CONSENT), 403, "CONSENT_REQUIRED", CONSENT, "nobody")
    assert_error(await bundle(api, "nobody"), 403, "CONSENT_REQUIRED", "nothing", "'nobody'")


async def test_reserved_threads_are_never_shared(api: Api) -> None:
    await api.token("admin")
    await grant(api, "default")
    await note(api, "t-none")
    found = threads_in(await bundle(api))
    assert "t-none" in found
    assert not found & {ENGINE_CONFIG, CONSENT, "th_instance_registry", "th_fleet_control"}


async def test_one_record_of_another_namespace_keeps_its_thread_back(api: Api) -> None:
    await grant(api, "docs")
    await note(api, "t", "docs")
    await note(api, "t", "secret")
    await note(api, "half", "docs")
    await note(api, "half")
    await api.post(thread="opened", act="INTEND", body={"namespace": "secret"})
    await note(api, "opened", "docs")
    await note(api, "good", "docs")
    assert threads_in(await bundle(api)) == {"good"}


async def test_a_fan_out_leaves_with_all_that_belongs_to_it_or_not_at_all(api: Api) -> None:
    await api.task(alias="T-1", namespace="docs")
    await api.fan_out("T-1", {}, {})
    thread = (await joined(api, "T-1")).thread
    assert_error(await bundle(api, "partner", "T-1"), 403, "CONSENT_REQUIRED", "'docs'")
    await grant(api, "default")
    assert_error(await bundle(api), 403, "CONSENT_REQUIRED", "nothing")
    await grant(api, "docs")
    found = threads_in(await bundle(api, "partner", "T-1", causal_closure=True))
    kinds = {one["kind"] for one in (await api.get("/v1/threads", limit=100))["data"] if one["id"] in found}
    assert kinds == {"task", "child", "dispatch"}
    assert thread in found


async def test_observations_without_a_namespace_are_in_their_subtasks(api: Api) -> None:
    child = {"parent_thread": "th_t", "parent_intend": "ab" * 32, "index": 0, "attempt": 1, "goal": "g"}
    await api.wrote(
        thread="th_c", actor=DID, act="INTEND", body={**child, "namespace": "docs", "coordinator": DID}
    )
    seen = {"kind": "syncropel.dispatch.complete.v1", "child_thread": "th_c"}
    await api.wrote(thread="th_d", actor=DID, body=seen)
    live, store = api.engine.ingest.live, api.engine.store
    assert await withheld(store, live, ["th_d"], "default", 0.0) == {"th_d": "docs"}
    assert await withheld(store, live, ["th_d"], "docs", 0.0) == {}


async def test_a_grant_ends_by_itself(api: Api) -> None:
    await note(api, "t", "docs")
    ends = api.engine.runtime.now() + 3600
    await grant(api, expires_at=ends)
    live, store = api.engine.ingest.live, api.engine.store
    assert await withheld(store, live, ["t"], "partner", ends - 1) == {}
    assert await withheld(store, live, ["t"], "partner", ends) == {"t": "docs"}


async def test_permission_rules_still_hold(api: Api) -> None:
    await note(api, "open", "docs")
    await note(api, "secret", "docs")
    await grant(api)
    mine = f"current_actor() in ['did:sync:user:operator', '{DID}']"
    for name, expression in (("mine", mine), ("open", "thread == 'open'")):
        body = {"expression": expression, "effect": "allow", "priority": 5}
        assert (await api.operator.put(f"/v1/config/rules/permission/{name}", json=body)).is_success
    assert (await api.operator.post("/v1/config/permissions/enable", json={})).is_success
    reader = await api.bearer("records:read")
    for query, status in (({"threads": "open"}, 200), ({"threads": "secret"}, 403), ({"all": "true"}, 403)):
        answer = await api.tcp.get(SNAPSHOT, params={**query, "to_namespace": "partner"}, headers=reader)
        assert answer.status_code == status
    assert_error(await api.tcp.get("/v1/consents", headers=reader), 403, "PERMISSION_DENIED")
