"""Providers whose quota is spent: paused for the fleet, by hand and by what instances observe."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from syncropel.adapters.gateway.quota import Spent
from syncropel.engine.control.pauser import MOST_OBSERVED_SECS, MOST_PROVIDERS, Pauser
from syncropel.engine.control.quotas import DEFAULT_SECS, MOST_UNPROVEN_SECS, Quotas
from syncropel.engine.heartbeats import take_beat
from syncropel.peer.runtime import Runtime
from syncropel.settings.config import FleetSettings
from syncropel.wire import Heartbeat
from syncropel.wire.fleet import QuotaSpent

from .conftest import DID, NOOP, Api, MakeApi, beat, until

A = "did:sync:instance:000000000000000a"


async def paused(api: Api) -> list[dict[str, Any]]:
    return list((await api.get("/v1/fleet/providers"))["data"])


async def pause(api: Api, name: str = "anthropic", **fields: Any) -> Any:
    return await api.operator.post(f"/v1/fleet/providers/{name}/pause", json={"secs": 3600, **fields})


async def resume(api: Api, name: str = "anthropic") -> Any:
    return await api.operator.post(f"/v1/fleet/providers/{name}/resume", json={})


async def observes(api: Api, *, verified: bool = True, **quota: Any) -> dict[str, Any]:
    """A heartbeat of worker-a that tells of a spent quota; gives the answer."""
    told = {"provider": "anthropic", "secs": 3600.0, "seen": 1000.0, **quota}
    whole = Heartbeat(**beat("a", quotas=[told]))
    return (await take_beat(api.engine, whole, verified=verified))[1]


async def test_an_operator_pauses_and_resumes(api: Api) -> None:
    answer = await pause(api, reason="save the rest")

    assert answer.status_code == 201
    assert answer.json()["told"].startswith("provider anthropic is paused until ")
    (one,) = await paused(api)
    assert (one["provider"], one["reason"], one["observed_by"]) == ("anthropic", "save the rest", "")
    assert one["until"] == pytest.approx(time.time() + 3600, abs=60)
    assert (await api.get("/v1/fleet/status"))["paused"] == [one] or await paused(api)
    assert (await resume(api)).status_code == 201
    assert await paused(api) == []


@pytest.mark.parametrize("secs", [0, -1, 31 * 86400.0, "x"])
async def test_a_pause_has_a_length(api: Api, secs: Any) -> None:
    assert (await pause(api, secs=secs)).status_code == 422


@pytest.mark.parametrize("name", ["Some One", "..", "a%2fb", "x" * 65])
async def test_a_provider_has_a_plain_name(api: Api, name: str) -> None:
    assert (await pause(api, name)).status_code in (404, 422)


async def test_what_is_not_paused_is_not_resumed(api: Api) -> None:
    await pause(api, "openai")

    answer = await resume(api)

    assert answer.status_code == 404
    assert "paused now: openai" in str(answer.json())


async def test_it_takes_the_scope_of_the_fleet(api: Api) -> None:
    headers = await api.bearer("records:read", "records:write")
    body = {"secs": 60, "actor": "did:sync:user:x"}

    answer = await api.tcp.post("/v1/fleet/providers/anthropic/pause", json=body, headers=headers)

    assert answer.status_code == 403
    assert (await api.tcp.get("/v1/fleet/providers")).status_code == 401


async def test_nobody_writes_the_record_by_themselves(api: Api) -> None:
    body = {"topic": "provider_pause", "provider": "anthropic", "state": "start", "until": 2e10}
    record = {"thread": "th_fleet_control", "actor": "did:sync:user:x", "act": "LEARN", "body": body}

    answer = await api.operator.post("/v1/records", json=record)

    assert answer.status_code == 403
    assert await paused(api) == []


async def test_an_observation_of_an_instance_pauses_and_the_answer_says_so(api: Api) -> None:
    answer = await observes(api)

    (one,) = answer["paused"]
    assert (one["provider"], one["observed_by"], one["reason"]) == ("anthropic", A, "quota is spent")
    assert one["secs"] == pytest.approx(3600, abs=60)


async def test_an_instance_that_does_not_prove_who_it_is_pauses_nothing(api: Api) -> None:
    assert (await observes(api, verified=False))["paused"] == []


async def test_an_observation_that_is_told_again_does_not_pause_what_was_resumed(api: Api) -> None:
    await observes(api, seen=1000.0)
    await resume(api)

    assert (await observes(api, seen=1000.0))["paused"] == []
    assert len((await observes(api, seen=1001.0))["paused"]) == 1


async def test_an_observation_is_bounded(api: Api) -> None:
    answer = await observes(api, secs=1e12)

    assert answer["paused"][0]["secs"] <= MOST_OBSERVED_SECS
    before = api.engine.store.count
    await observes(api, secs=MOST_OBSERVED_SECS + 1, seen=2000.0)
    assert api.engine.store.count == before


async def test_an_instance_cannot_pause_any_number_of_names(api: Api) -> None:
    for number in range(MOST_PROVIDERS + 5):
        await observes(api, provider=f"p{number}")

    assert len(await paused(api)) == MOST_PROVIDERS


async def test_a_pause_ends_at_its_time_and_the_log_says_so(api: Api) -> None:
    await pause(api, secs=100)
    later = Pauser(api.engine.ingest, DID, Runtime(now=lambda: time.time() + 101))

    await later.lift()

    assert await paused(api) == []
    (start, stop) = [
        one.record.body
        for one in await api.engine.store.thread("th_fleet_control")
        if one.record.topic == "provider_pause"
    ]
    assert (start["state"], stop["state"], stop["reason"]) == ("start", "stop", "its time is over")
    await later.lift()
    assert len(await api.engine.store.thread("th_fleet_control")) == 2


async def test_it_is_no_freeze(api: Api) -> None:
    digest = api.engine.control.propagation.digest()

    await pause(api)

    assert api.engine.control.propagation.digest() == digest
    await api.post(act="INTEND", thread="work", body={"goal": "x"})
    answer = await api.operator.post(
        "/v1/fleet/freeze", json={"namespace": "default", "reason": "stop", "actor": "did:sync:user:x"}
    )
    assert answer.status_code == 201


async def test_nothing_starts_on_a_paused_provider_and_what_waits_says_why(make_api: MakeApi) -> None:
    api = await make_api(NOOP)
    enabled = api.engine.enabled["noop"]
    enabled.adapter.provider = "anthropic"  # type: ignore[union-attr]
    vars(enabled).pop("provider", None)  # asked for once, at the start
    await pause(api, reason="quota is spent")
    await api.task(alias="T")
    await api.fan_out("T", {"goal": "one"})

    async def why() -> str:
        (child,) = (await api.get("/v1/tasks/T/join"))["subtasks"]
        return str(child["why"] or "")

    async def waits() -> bool:
        return "provider anthropic is paused until " in await why()

    await until(waits)
    assert (await why()).endswith("UTC: quota is spent")
    assert (await api.get("/v1/tasks/T/join"))["complete"] is False

    await resume(api)

    async def complete() -> bool:
        return bool((await api.get("/v1/tasks/T/join"))["complete"])

    await until(complete)


async def test_a_stop_ends_what_waits_for_a_provider(make_api: MakeApi) -> None:
    api = await make_api(NOOP)
    enabled = api.engine.enabled["noop"]
    enabled.adapter.provider = "anthropic"  # type: ignore[union-attr]
    vars(enabled).pop("provider", None)  # asked for once, at the start
    await pause(api)
    thread = (await api.task(alias="T"))["thread"]
    await api.fan_out("T", {"goal": "one"})

    body = {"topic": "fanout_end_subtask", "index": 0, "attempt": 1, "reason": "stopped"}
    await api.post(thread=thread, act="LEARN", body=body)

    async def ended() -> bool:
        (child,) = (await api.get("/v1/tasks/T/join"))["subtasks"]
        return bool(child["verdict"])

    await until(ended)


async def test_a_coordinator_that_runs_agents_itself_takes_its_own_observation(api: Api) -> None:
    api.engine.providers.hear("anthropic", Spent(600.0), True)

    async def found() -> list[dict[str, Any]]:
        return await paused(api)

    (one,) = await until(found)
    assert (one["provider"], one["observed_by"]) == ("anthropic", DID)
    assert api.engine.providers.spent_here("anthropic") is not None
    await resume(api)
    assert api.engine.providers.paused("anthropic") is None
    assert api.engine.providers.spent_here("anthropic") is None

    api.engine.providers.hear("anthropic", Spent(600.0), True)

    assert await until(found), "it is told again after it was resumed"


async def test_a_pause_by_hand_refuses_no_request_of_what_runs(api: Api) -> None:
    await pause(api)

    assert api.engine.providers.paused("anthropic") is not None
    assert api.engine.providers.spent_here("anthropic") is None


async def test_a_worker_pauses_nothing_by_hand(make_api: MakeApi) -> None:
    worker = replace(NOOP, fleet=FleetSettings(coordinator_url="http://127.0.0.1:1"))
    api = await make_api(worker)

    assert (await pause(api)).status_code == 409


class Clock:
    def __init__(self) -> None:
        self.at = 1000.0
        self.runtime = Runtime(now=lambda: self.at, boottime=lambda: self.at)


async def test_a_worker_pauses_by_itself_until_its_coordinator_has_answered() -> None:
    clock, told = Clock(), []
    quotas = Quotas(clock.runtime, lambda: told.append(True))

    quotas.hear("anthropic", Spent(600.0), proven=True)

    assert told == [True]
    assert (found := quotas.paused("anthropic")) is not None
    assert found.secs == 600.0
    assert quotas.observations() == [QuotaSpent(provider="anthropic", secs=600.0, seen=1000.0)]
    quotas.answered(None)  # an older coordinator knows no pauses
    assert quotas.paused("anthropic") is not None
    quotas.observations()
    quotas.answered([])  # somebody has resumed it meanwhile
    assert quotas.paused("anthropic") is None
    assert quotas.observations() == []


async def test_what_a_worker_hears_between_a_beat_and_its_answer_is_told_with_the_next() -> None:
    clock = Clock()
    quotas = Quotas(clock.runtime, lambda: None)
    assert quotas.observations() == []

    quotas.hear("anthropic", Spent(600.0), proven=True)
    quotas.answered([])

    assert quotas.paused("anthropic") is not None
    assert len(quotas.observations()) == 1


@pytest.mark.parametrize(
    ("spent", "proven", "secs"),
    [
        (Spent(7200.0), True, 7200.0),
        (Spent(None), True, DEFAULT_SECS),
        (Spent(None, 1500.0), True, 500.0),
        (Spent(None, 1e9), False, MOST_UNPROVEN_SECS),
        (Spent(None, 900.0), False, None),
    ],
)
async def test_how_long_an_observation_pauses(spent: Spent, proven: bool, secs: float | None) -> None:
    quotas = Quotas(Clock().runtime, lambda: None)

    quotas.hear("anthropic", spent, proven=proven)

    found = quotas.paused("anthropic")
    assert (found.secs if found is not None else None) == secs


async def test_a_pause_of_the_coordinator_ends_at_a_worker_without_another_word() -> None:
    clock = Clock()
    quotas = Quotas(clock.runtime, lambda: None)
    quotas.answered([{"provider": "anthropic", "secs": 60.0, "told": "it is", "observed_by": A}])
    assert quotas.paused("anthropic") is not None
    assert quotas.paused("anthropic", observed_by=A) is not None
    assert quotas.paused("anthropic", observed_by=DID) is None

    clock.at += 61

    assert quotas.paused("anthropic") is None
