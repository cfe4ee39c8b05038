"""Who has to confirm a freeze: everybody who may still run, also when nothing is heard of him any more."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import Api, MakeApi, beat
from .test_credentials import issue, shows

WORKER = "did:sync:instance:000000000000000a"


@pytest.fixture
async def api(make_api: MakeApi) -> Api:
    """A coordinator with one worker, which cannot be reached."""
    api = await make_api()
    await api.operator.post("/v1/fleet/heartbeat", json=beat("a"))
    return api


async def becomes(api: Api, state: str, at: float) -> None:
    body = {"topic": "instance_state", "did": WORKER, "alias": "worker-a", "role": "worker"}
    await api.wrote(thread="th_instance_registry", body={**body, "state": state, "at": at})


async def froze(api: Api) -> dict[str, Any]:
    """A freeze set now, as the fleet's status tells it."""
    body = {"namespace": "docs", "reason": "wrong prices"}
    assert (await api.operator.post("/v1/fleet/freeze", json=body)).status_code == 201
    return await frozen(api)


async def frozen(api: Api) -> dict[str, Any]:
    (found,) = (await api.get("/v1/fleet/status"))["freezes"]
    return found


async def confirming(api: Api) -> int:
    found: int = (await api.get("/v1/control/blast", namespace="docs"))["confirming"]
    return found


async def test_silence_is_no_proof_that_a_worker_runs_no_more(api: Api) -> None:
    one = await froze(api)
    assert one["waiting"] == ["worker-a"]
    await becomes(api, "stale", one["at"] + 15)
    assert (await frozen(api))["waiting"] == ["worker-a"], "it may run what it began"
    assert await confirming(api) == 2
    await becomes(api, "archived", one["at"] + 60)
    assert (await frozen(api))["waiting"] == ["worker-a"], "nor does a longer silence prove anything"


@pytest.mark.parametrize("state", ["archived", "left"])
async def test_who_was_gone_before_is_not_waited_for(api: Api, state: str) -> None:
    await becomes(api, state, 1.0)
    assert await confirming(api) == 1
    assert (await froze(api))["waiting"] == []


async def test_who_says_goodbye_runs_nothing_more(api: Api) -> None:
    one = await froze(api)
    await becomes(api, "left", one["at"] + 1)
    assert (await frozen(api))["waiting"] == []


async def verified(api: Api) -> dict[str, bool]:
    return {one["alias"]: one["verified"] for one in (await frozen(api))["confirmed"]}


async def test_who_has_no_credential_of_its_own_only_claims_to_enforce_it(api: Api) -> None:
    await froze(api)
    digest = api.engine.control.propagation.digest()
    told = beat("a", control=digest, control_version="")
    await api.operator.post("/v1/fleet/heartbeat", json=told)
    assert await verified(api) == {api.engine.settings.fleet.alias: True, "worker-a": False}


async def test_who_proves_it_and_speaks_of_what_is_in_force_is_verified(api: Api) -> None:
    assert (await issue(api, WORKER)).is_success
    await froze(api)
    for version, proves in (("", True), (None, False)):
        told = beat("a", control=api.engine.control.propagation.digest(), control_version=version)
        answer = await api.tcp.post("/v1/fleet/heartbeat", json=told, headers=shows(WORKER))
        assert answer.status_code == 200, answer.text
        assert (await verified(api))["worker-a"] is proves
