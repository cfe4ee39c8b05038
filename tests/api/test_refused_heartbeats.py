"""Heartbeats that are refused: signs of life of an instance that no freeze reaches."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from syncropel.engine.control.accounts import FLEET_SCOPES
from syncropel.errors import StoreError

from .conftest import Api, beat
from .test_credentials import BEATS, A, B, joined, row, shows

NOBODY = f"did:sync:instance:{'0d' * 8}"


async def send(api: Api, headers: dict[str, str], did: str = B, **changes: Any) -> int:
    body = BEATS[B] | {"did": did} | changes
    answer = await api.tcp.post("/v1/fleet/heartbeat", json=body, headers=headers)
    return answer.status_code


async def waiting(api: Api) -> list[str]:
    (freeze,) = (await api.get("/v1/fleet/status"))["freezes"]
    return [one for one in freeze["waiting"] if one == "worker-b"]


async def gone(api: Api) -> Api:
    """Worker-b has left in order, and a freeze is in force."""
    await joined(api)
    answer = await api.tcp.post("/v1/fleet/heartbeat", json=BEATS[B] | {"leaving": True}, headers=shows(B))
    assert answer.json()["status"] == "left"
    await api.operator.post("/v1/fleet/freeze", json={"namespace": "docs", "reason": "r"})
    assert await waiting(api) == []
    return api


async def headers_of(api: Api, kind: str) -> dict[str, str]:
    if kind == "shared":
        return await api.bearer(*FLEET_SCOPES, sa_id="sa-fleet")
    if kind == "account":
        return await api.bearer("fleet:write")
    if kind == "reader":
        return await api.bearer("records:read")
    return {"none": {}, "unknown": {"authorization": "Bearer x"}, "another's": shows(A)}[kind]


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("none", "needs a bearer token"),
        ("unknown", "not known here"),
        ("another's", "may not beat for"),
        ("shared", "its own credential"),
        ("account", "may not beat for"),
        ("reader", "fleet:write"),
    ],
)
async def test_a_refused_beat_is_a_sign_of_life(
    api: Api, kind: str, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    await gone(api)
    headers = await headers_of(api, kind)
    with caplog.at_level(logging.WARNING, "syncropel.engine.refused_beats"):
        for _ in range(3):
            assert await send(api, headers) in (401, 403)
    assert await waiting(api) == ["worker-b"]
    shown = await row(api, B)
    assert (shown["status"], why in shown["refused"]) == ("left", True), shown
    told = [line for line in caplog.messages if "are refused" in line]
    assert len(told) == 1
    assert told[0].startswith("worker-b runs, but its heartbeats are refused: ")
    # What is refused proves nothing, also not that it leaves; what is taken does.
    assert await send(api, headers, leaving=True) in (401, 403)
    assert await waiting(api) == ["worker-b"]
    assert await send(api, shows(B), leaving=True) == 200
    assert (await waiting(api), (await row(api, B))["refused"]) == ([], "")


async def test_nothing_is_kept_of_strangers_and_of_what_is_no_heartbeat(api: Api) -> None:
    await gone(api)
    assert await send(api, {}, did=NOBODY) == 401
    for body in (b"", b"[]", b"{", b'{"did": 7}', b'{"did": "' + b"x" * 3_000_000 + b'"}'):
        answer = await api.tcp.post("/v1/fleet/heartbeat", content=body)
        assert answer.status_code == 401
    told = beat("b")
    assert (await api.tcp.post("/v1/fleet/control", json=told)).status_code == 401
    assert (await api.tcp.put("/v1/fleet/heartbeat", json=told)).status_code == 401
    status = await api.get("/v1/fleet/status")
    assert [one["refused"] for one in status["instances"] if one["refused"]] == []
    assert api.engine.leases.why_refused(NOBODY) == ""


@pytest.mark.parametrize("changes", [{"uptime_secs": "long"}, {"role": "king"}, {"control_grace": 7}])
async def test_one_of_another_shape_or_protocol_is_a_sign_of_life(api: Api, changes: dict[str, Any]) -> None:
    await gone(api)
    assert await send(api, shows(B), **changes) == 422
    assert await waiting(api) == ["worker-b"]
    assert next(iter(changes)) in (await row(api, B))["refused"]
    assert await send(api, shows(B), leaving=True) == 200
    assert await waiting(api) == []


async def test_one_that_cannot_be_taken_in_is_a_sign_of_life(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    await gone(api)

    async def full(*_: object, **__: object) -> None:
        raise StoreError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(api.engine.leases, "beat", full)
        assert await send(api, shows(B)) == 500
    assert (await waiting(api), (await row(api, B))["refused"]) == (["worker-b"], "the disk is full")


async def test_a_long_heartbeat_counts_too(api: Api) -> None:
    await gone(api)
    assert await send(api, {}, held=["x" * 64] * 2_000) == 401
    assert await waiting(api) == ["worker-b"]


async def test_what_was_revoked_and_beats_on_has_to_confirm(api: Api) -> None:
    await joined(api)
    await api.operator.post("/v1/fleet/freeze", json={"namespace": "docs", "reason": "r"})
    assert await send(api, {}) == 401
    await api.operator.post("/v1/fleet/instances/worker-b/revoke", json={})
    assert await waiting(api) == [], "the operator says that it is gone"
    assert await send(api, shows(B)) == 401
    assert (await waiting(api), "was revoked" in (await row(api, B))["refused"]) == (["worker-b"], True)


async def test_nobody_makes_the_coordinator_wait_for_itself(api: Api) -> None:
    await gone(api)
    assert await send(api, {}, did=api.engine.instance.did) == 401
    assert (await row(api, api.engine.instance.did))["refused"] == ""
