"""The fleet: heartbeats become a registry, and only changes become records."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from syncropel.api.schema import FleetStatus, HeartbeatAnswer, InstanceOut, Page
from syncropel.settings import FleetSettings

from .conftest import DID, NOOP, Api, MakeApi, assert_error, beat, until


async def say(api: Api, alias: str, **changes: Any) -> HeartbeatAnswer:
    answer = await api.operator.post("/v1/fleet/heartbeat", json=beat(alias, **changes))
    assert answer.status_code == 200, answer.text
    return HeartbeatAnswer.model_validate(answer.json())


async def registry_records(api: Api) -> list[str]:
    page = await api.get("/v1/threads/th_instance_registry/records")
    return [f"{one['body']['alias']} {one['body']['state']}" for one in page["data"]]


async def test_a_heartbeat_joins_and_a_thousand_add_nothing_to_the_log(api: Api) -> None:
    told = await say(api, "a")
    assert (told.coordinator, told.status, told.heartbeat_interval_secs) == (DID, "live", 5.0)
    count = api.engine.store.count
    for n in range(1000):
        await say(api, "a", uptime_secs=float(n), active_dispatches=n % 3)
    assert api.engine.store.count == count
    assert await registry_records(api) == ["coordinator joined", "worker-a joined"]


async def test_the_registry_shows_what_the_beats_said(api: Api) -> None:
    await say(api, "a", active_dispatches=2, adapter="bash", pid=7, store_records=40)
    await say(api, "b")
    page = Page[InstanceOut].model_validate(await api.get("/v1/fleet/instances"))
    assert {one.alias for one in page.data} == {"coordinator", "worker-a", "worker-b"}
    for name in ("worker-a", beat("a")["did"]):
        row = InstanceOut.model_validate(await api.get(f"/v1/fleet/instances/{name}"))
        assert (row.status, row.role, row.active_dispatches) == ("live", "worker", 2)
        assert (row.adapter, row.pid, row.store_records) == ("bash", 7, 40)
    assert_error(await api.operator.get("/v1/fleet/instances/worker-c"), 404, "NOT_FOUND", "worker-c")


async def test_states_change_by_what_the_beats_say(api: Api) -> None:
    for changes in ({}, {"health": "draining"}, {"health": "draining", "leaving": True}, {}):
        await say(api, "a", **changes)
    assert await registry_records(api) == [
        "coordinator joined",
        "worker-a joined",
        "worker-a draining",
        "worker-a left",
        "worker-a joined",
    ]


async def test_status_has_the_whole_fleet(api: Api) -> None:
    await say(api, "a")
    await api.task(alias="F")
    await api.fan_out("F", {"target": "worker-nobody"})
    status = FleetStatus.model_validate(await api.get("/v1/fleet/status"))
    assert (status.coordinator_did, status.role) == (DID, "coordinator")
    assert (status.live, status.stale, status.archived) == (2, 0, 0)
    assert [one.alias for one in status.fanouts] == ["F"]
    assert status.records == api.engine.store.count


async def test_a_worker_keeps_no_registry(make_api: MakeApi) -> None:
    url = "http://127.0.0.1:1"
    api = await make_api(replace(NOOP, fleet=FleetSettings(alias="worker-a", coordinator_url=url)))
    answer = await api.operator.post("/v1/fleet/heartbeat", json=beat("b"))
    assert_error(answer, 409, "CONFLICT", "worker", url)
    assert FleetStatus.model_validate(await api.get("/v1/fleet/status")).role == "worker"


async def test_a_copied_home_is_told_apart(api: Api) -> None:
    answer = await api.operator.post("/v1/fleet/heartbeat", json=beat("a", did=DID))
    assert_error(answer, 409, "CONFLICT", "worker-a", "copied", "instance.key")


@pytest.mark.parametrize(
    "changes",
    [
        {"did": ""},
        {"alias": ""},
        {"did": "x" * 513},
        {"endpoint": "x" * 5000},
        {"role": "king"},
        {"health": "ill"},
        {"uptime_secs": "long"},
        {"uptime_secs": -1},
        {"uptime_secs": None},
    ],
)
async def test_a_bad_heartbeat_is_refused(api: Api, changes: dict[str, Any]) -> None:
    answer = await api.operator.post("/v1/fleet/heartbeat", json=beat("a", **changes))
    assert_error(answer, 422, "INVALID_RECORD", next(iter(changes)))


async def test_trust_is_the_share_of_accepted_results(api: Api) -> None:
    assert (await api.get("/v1/trust"))["data"] == []
    await api.task(alias="T-1")
    await api.fan_out("T-1", {}, {})

    async def over() -> bool:
        return (await api.get("/v1/tasks/T-1/join"))["complete"]

    await until(over)
    (row,) = (await api.get("/v1/trust"))["data"]
    assert (row["actor"], row["results"], row["accepted"], row["score"]) == (DID, 2, 2, 0.75)
