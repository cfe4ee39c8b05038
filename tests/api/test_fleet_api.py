"""The fleet: heartbeats become a registry, and only changes become records."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any

import pytest

from syncropel.client.attention import attention
from syncropel.settings.config import FleetSettings
from syncropel.wire import DispatchOut, FleetStatus, HeartbeatAnswer, InstanceOut, Page

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


async def test_what_a_silent_worker_has_hangs_everywhere(make_api: MakeApi) -> None:
    api = await make_api(replace(NOOP, fleet=FleetSettings(heartbeat_interval_secs=0.3)))
    await say(api, "a")
    await api.task(alias="T-1")
    await api.fan_out("T-1", {"target": "worker-a"})

    async def silent() -> FleetStatus | None:
        status = FleetStatus.model_validate(await api.get("/v1/fleet/status"))
        return status if status.stale and status.dispatches else None

    status: FleetStatus = await until(silent)
    worker = next(one for one in status.instances if one.alias == "worker-a")
    assert (worker.status, worker.health) == ("stale", "silent")
    (given,) = status.dispatches
    assert given.hangs
    assert given.why == "worker-a is stale; its work goes on when it is back"
    (waiting,) = status.fanouts
    assert waiting.hangs == [0]
    assert waiting.cause == "waits for [0] worker-a (stale)"
    join = await api.get("/v1/tasks/T-1/join")
    assert join["subtasks"][0]["hangs"]
    assert "worker-a (stale)" in join["explanation"]
    told = [f"{one.kind} {one.name}" for one in attention(status)]
    assert told == ["instance worker-a", "running T-1[0]", "fan-out T-1"]


async def test_a_subtask_runs_from_when_its_worker_says_so(api: Api) -> None:
    await say(api, "a")
    await api.task(alias="T-1")
    await api.fan_out("T-1", {"target": "worker-a"}, {"target": "worker-a"})

    async def given() -> list[DispatchOut]:
        found = FleetStatus.model_validate(await api.get("/v1/fleet/status")).dispatches
        return found if len(found) == 2 else []

    first, _ = sorted(await until(given), key=lambda one: one.index)
    intend = api.engine.ingest.live.tasks[first.thread].fanout.spawns[0, 1].child_intend  # type: ignore[union-attr]
    began = first.started_at + 0.5
    spend = {"child_intend": intend, "child_thread": first.child_thread, "cost_usd": 0.0, "began_at": began}
    # a beat that was made so soon may be of an instance that does not have the work yet
    await asyncio.sleep(max(0.0, first.started_at + 1.01 - time.time()))
    await say(api, "a", spend=[spend], active_dispatches=1, queued_dispatches=1)
    rows = {one["index"]: one for one in (await api.get("/v1/tasks/T-1/join"))["subtasks"]}
    assert (rows[0]["began_at"], rows[0]["queued"]) == (began, False)
    assert (rows[1]["began_at"], rows[1]["queued"]) == (None, True)


async def test_the_size_of_the_store_is_told(durable: Api) -> None:
    status = FleetStatus.model_validate(await durable.get("/v1/fleet/status"))
    (told,) = (one.store_bytes for one in status.instances)
    assert told is not None
    assert 0 < told <= await durable.engine.store.size_bytes()
