"""Rules over HTTP: refused with their column, enforced at once, audited, and never a trap for the daemon."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from syncropel.api.http.reading import read_op

from .conftest import DID, Api, record, until
from .test_auth import NEEDS, filled

ME = "did:sync:user:tester"


async def _rule(api: Api, name: str, expression: str, kind: str = "permission", **fields: Any) -> Any:
    body = {"expression": expression, **({"effect": "allow"} if kind == "permission" else {}), **fields}
    return await api.operator.put(f"/v1/config/rules/{kind}/{name}", json=body)


async def _open_up(api: Api) -> None:
    mine = f"current_actor() == '{DID}' || current_actor() == 'did:sync:user:operator'"
    assert (await _rule(api, "admins", mine, priority=1)).status_code == 201
    answer = await api.operator.post("/v1/config/permissions/enable", json={})
    assert answer.status_code == 201, answer.text


async def test_the_default_freeze_rules_are_in_the_log(api: Api) -> None:
    rules = (await api.get("/v1/config/rules/permission"))["data"]
    assert [rule["name"] for rule in rules] == ["freeze-emergency", "freeze-hard", "freeze-soft"]
    assert all(rule["default"] for rule in rules)


async def test_enabling_is_refused_until_the_daemon_is_allowed(api: Api) -> None:
    refused = await api.operator.post("/v1/config/permissions/enable", json={})
    assert refused.status_code == 409
    told = refused.json()
    for op in ("record_write", "thread_read", "config_read"):
        assert op in told["message"]
    assert "spl config add-permission-rule" in told["hint"]
    await _open_up(api)


async def test_first_match_wins_and_no_match_denies(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    await _open_up(api)
    caplog.set_level(logging.WARNING)
    denied = await api.operator.post("/v1/records", json=record(actor=ME))
    assert (denied.status_code, denied.json()["code"]) == (403, "PERMISSION_DENIED")
    assert "PERMISSION DENIED" in caplog.text
    await _rule(api, "testers", "record.actor == 'did:sync:user:tester' && record.act != 'DO'", priority=50)
    assert (await api.operator.post("/v1/records", json=record(actor=ME, act="KNOW"))).is_success
    assert (await api.operator.post("/v1/records", json=record(actor=ME, act="DO"))).status_code == 403
    await _rule(api, "no-testers", "record.actor.endsWith('tester')", priority=2, effect="deny")
    refused = await api.operator.post("/v1/records", json=record(actor=ME, act="KNOW", body={"n": 2}))
    assert "no-testers" in refused.json()["message"]

    async def kept() -> list[Any]:
        found = await api.get("/v1/records", thread="th_engine_config", topic="permission_denied")
        return list(found["data"])

    written = await until(kept)
    assert {one["body"]["denied"] for one in written} == {ME}
    assert {one["actor"] for one in written} == {DID}


async def test_a_denial_of_the_last_moment_is_kept_when_the_daemon_stops(api: Api) -> None:
    await _open_up(api)
    denied = await api.operator.post("/v1/records", json=record(actor=ME))
    assert denied.status_code == 403
    await api.lifecycle.stop()
    kept = [one.record for one in await api.engine.store.thread("th_engine_config")]
    assert [one.body["denied"] for one in kept if one.topic == "permission_denied"] == [ME]


async def test_every_read_is_judged_but_what_is_open(api: Api) -> None:
    reads = {path for method, path in NEEDS if method == "GET" or path.startswith("/v1/expr/")}
    asked = {path for path in reads if read_op("POST" if "/expr/" in path else "GET", filled(path))}
    # A rule that kept an instance from asking who leads would keep a former coordinator from being fenced.
    exempt = {"/health", "/.well-known/syncropel", "/v1/leader", "/v1/start", "/v1/whoami"}
    assert reads - asked == exempt
    await _open_up(api)
    stranger = {"x-syncropel-actor": ME}
    for path in ("/v1/fleet/status", "/v1/drain", "/v1/namespaces", "/v1/engine/health", "/v1/control/blast"):
        answer = await api.operator.get(path, params={"namespace": "docs"}, headers=stranger)
        assert answer.status_code == 403, path
        assert (await api.operator.get(path, params={"namespace": "docs"})).status_code == 200, path


async def test_reads_are_judged_and_health_is_exempt(api: Api) -> None:
    await api.post(actor=ME, thread="music.library")
    await _open_up(api)
    as_me = {"x-syncropel-actor": ME}
    path = "/v1/threads/music.library/records"
    assert (await api.operator.get(path, headers=as_me)).status_code == 403
    assert (await api.operator.get("/v1/config/rules/permission", headers=as_me)).status_code == 403
    assert (await api.operator.get("/health", headers=as_me)).status_code == 200
    await _rule(api, "music", "thread == 'music.library'", priority=9, ops=["thread_read"])
    assert (await api.operator.get(path, headers=as_me)).status_code == 200
    assert (await api.operator.get("/v1/records", headers=as_me)).status_code == 403


@pytest.mark.parametrize(
    ("expression", "word"),
    [
        ("recrod.act == 'DO'", "column 1"),
        ("record.actt == 'DO'", "column 8"),
        ("record.act ==", "column"),
        ("1 + 1", "not true or false"),
    ],
)
async def test_a_broken_rule_is_refused_at_the_door(api: Api, expression: str, word: str) -> None:
    refused = await _rule(api, "broken", expression)
    assert refused.status_code == 422
    assert word in refused.json()["message"]
    assert "broken" not in str(await api.get("/v1/config/rules/permission"))


async def test_a_rule_that_runs_away_denies(api: Api) -> None:
    ten = "[1,2,3,4,5,6,7,8,9,0]"
    runaway = f"{ten}.all(a, {ten}.all(b, {ten}.all(c, {ten}.all(d, {ten}.all(e, {ten}.all(f, a < 99))))))"
    await _rule(api, "admins", f"current_actor() == '{DID}' || thread == 'th_engine_config'", priority=1)
    await _rule(api, "runaway", runaway, priority=5)
    assert (await api.operator.post("/v1/config/permissions/enable", json={})).status_code == 201
    refused = await api.operator.post("/v1/records", json=record(actor=ME))
    assert refused.status_code == 403
    assert "stopped" in refused.json()["message"]


async def test_a_replaced_freeze_rule_decides_until_it_is_restored(api: Api) -> None:
    await api.operator.post("/v1/fleet/freeze", json={"namespace": "docs", "reason": "x"})
    frozen = record(actor=ME, act="DO", body={"namespace": "docs/v1"})
    assert (await api.operator.post("/v1/records", json=frozen)).json()["code"] == "NAMESPACE_FROZEN"
    replaced = await _rule(api, "freeze-soft", "false", effect="deny", priority=0)
    assert replaced.status_code == 201
    assert (await api.operator.post("/v1/records", json=frozen)).status_code == 201
    restored = await api.operator.post("/v1/config/rules/restore-defaults", json={})
    assert restored.json()["names"] == ["freeze-soft"]
    again = record(actor=ME, act="DO", body={"namespace": "docs/v1", "n": 2})
    assert (await api.operator.post("/v1/records", json=again)).json()["code"] == "NAMESPACE_FROZEN"


async def test_expressions_can_be_tried(api: Api) -> None:
    body = {"context": "permission", "expression": "record.act == 'DO' && fleet_instances_live() > 0"}
    assert (await api.operator.post("/v1/expr/check", json=body)).json()["ok"] is True
    body["record"] = record(actor=ME, act="DO")  # type: ignore[assignment]
    assert (await api.operator.post("/v1/expr/eval", json=body)).json()["value"] is True
    wrong = await api.operator.post("/v1/expr/check", json={"context": "join", "expression": "now() > 1"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "INVALID_EXPRESSION")
    stats = await api.get("/v1/engine/expression_cache/stats")
    assert stats["capacity"] == 1024
    assert set(stats) == {
        "hits",
        "misses",
        "compile_errors",
        "hit_rate_pct",
        "avg_compile_micros",
        "size",
        "capacity",
    }


async def test_health_rules_are_asked_with_the_engines_health(api: Api) -> None:
    await _rule(api, "queue", "engine.reconcile_queue_depth < 100", kind="health", effect="warning")
    await _rule(api, "fleet", "fleet_instances_live() > 5", kind="health", effect="critical")
    checks = {one["name"]: one for one in (await api.get("/v1/engine/health"))["checks"]}
    assert checks["queue"]["healthy"] is True
    assert (checks["fleet"]["healthy"], checks["fleet"]["severity"]) == (False, "critical")
    gone = await api.operator.post("/v1/config/rules/health/fleet/remove", json={})
    assert gone.status_code == 201
    assert [one["name"] for one in (await api.get("/v1/engine/health"))["checks"]] == ["queue"]
    missing = await api.operator.post("/v1/config/rules/health/fleet/remove", json={})
    assert missing.status_code == 404
