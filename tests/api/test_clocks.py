"""Clocks and order of posted records, through the whole application."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from syncropel.record.model import MAX_CLOCK, MAX_POSTED_CLOCK, Record
from syncropel.record.threads import FLEET_CONTROL, NAMESPACE_REGISTRY, RESERVED
from syncropel.settings.config import FleetSettings
from syncropel.settings.home import Home
from syncropel.settings.identity import make_home

from .conftest import ACTOR, NOOP, Api, MakeApi, assert_error, record

UNFREEZE = {"topic": "unfreeze", "level": "soft", "namespace": "docs"}


async def kill(api: Api, **fields: Any) -> Any:
    return await api.operator.post(
        "/v1/fleet/freeze", json={"level": "emergency", "reason": "stop", "actor": ACTOR, **fields}
    )


@pytest.mark.parametrize("clock", [MAX_CLOCK, MAX_POSTED_CLOCK, 2**53])
@pytest.mark.parametrize("thread", sorted(RESERVED))
async def test_no_token_takes_the_last_clock_of_a_reserved_thread(api: Api, thread: str, clock: int) -> None:
    headers = await api.bearer("admin")
    posted = record(thread=thread, act="LEARN", body={"topic": "x"}, clock=clock)
    for client, sent in ((api.tcp, headers), (api.operator, {})):
        answer = await client.post("/v1/records", json=posted, headers=sent)
        assert_error(answer, 422, "INVALID_RECORD", str(clock), thread, "leave the clock out")
        batch = await client.post("/v1/records/batch", json=[posted], headers=sent)
        assert batch.json()["data"][0]["error"]["code"] == "INVALID_RECORD"
    assert (await kill(api)).status_code == 201


async def test_an_ordinary_clock_is_kept_or_refused(api: Api) -> None:
    highest = await api.post(clock=MAX_POSTED_CLOCK)
    assert highest["clock"] == MAX_POSTED_CLOCK
    answer = await api.operator.post("/v1/records", json=record(clock=MAX_POSTED_CLOCK + 1))
    assert_error(answer, 422, "INVALID_RECORD", str(MAX_POSTED_CLOCK + 1), "2^62")
    assert (await api.post())["clock"] == MAX_POSTED_CLOCK + 1
    millis = int(time.time() * 1000)
    assert (await api.post(thread="th_b", clock=millis))["clock"] == millis


POISON = [
    (FLEET_CONTROL, {"topic": "unfreeze", "level": "emergency", "namespace": "*"}),
    (FLEET_CONTROL, {"topic": "unfreeze", "level": "soft", "namespace": "docs"}),
    (FLEET_CONTROL, {"topic": "drain", "instance": "*", "state": "stop"}),
    (NAMESPACE_REGISTRY, {"topic": "namespace_created", "namespace": "docs"}),
]


@pytest.mark.parametrize("clock", [MAX_CLOCK, MAX_CLOCK - 1, MAX_POSTED_CLOCK + 1, MAX_POSTED_CLOCK])
async def test_a_poisoned_log_can_be_stopped_also_after_a_restart(
    tmp_path: Any, make_api: MakeApi, clock: int
) -> None:
    api = await make_api(NOOP, sqlite=True)
    await api.engine.ingest.append(
        [
            Record(thread, ACTOR, "LEARN", {**body, "n": n}, clock - 10 * n)
            for n, (thread, body) in enumerate(POISON)
        ],
        ruled=False,
    )
    for level in ({"level": "soft", "namespace": "docs"}, {}):
        assert (await kill(api, **level)).status_code == 201
    archived = await api.operator.post("/v1/namespaces/archive", json={"namespace": "docs"})
    assert archived.status_code == 201
    await api.lifecycle.stop()
    await api.engine.store.close()
    again = await make_api(NOOP, sqlite=True)
    frozen = [one.namespace for one in again.engine.ingest.live.control.active()]
    assert sorted(frozen) == ["*", "docs"]
    assert again.engine.ingest.live.namespaces.known["docs"].state == "archived"
    refused = await again.operator.post("/v1/records", json=record(act="INTEND"))
    assert_error(refused, 403, "NAMESPACE_FROZEN")
    lifted = await again.operator.post("/v1/fleet/unfreeze", json={"emergency": True, "actor": ACTOR})
    assert lifted.status_code == 201
    assert (await again.operator.post("/v1/records", json=record(act="INTEND"))).status_code == 201


async def test_control_clocks_are_milliseconds_and_go_on_from_the_head(api: Api) -> None:
    before = int(time.time() * 1000)
    first = (await kill(api)).json()["record"]
    clock = (await api.get(f"/v1/records/{first}"))["clock"]
    assert before <= clock <= int(time.time() * 1000)
    ahead = clock + 50_000
    await api.post(thread=FLEET_CONTROL, act="LEARN", body={"topic": "x"}, clock=ahead)
    lifted = await api.operator.post("/v1/fleet/unfreeze", json={"emergency": True, "actor": ACTOR})
    assert (await api.get(f"/v1/records/{lifted.json()['record']}"))["clock"] == ahead + 1


FLEET_TOKEN = "spl_live_sa-fleet_0123456789abcdef0123456789abcdef"


async def worker(make_api: MakeApi, folder: Path) -> tuple[Api, dict[str, str]]:
    """A worker, and the headers by which its coordinator is known to it."""
    home = Home(folder / "home")
    make_home(home)
    home.fleet_token.write_text(FLEET_TOKEN, encoding="ascii")
    fleet = FleetSettings("worker-a", "http://127.0.0.1:1")
    return await make_api(replace(NOOP, fleet=fleet)), {"authorization": f"Bearer {FLEET_TOKEN}"}


async def test_a_worker_takes_what_its_coordinator_passes_on(make_api: MakeApi, tmp_path: Path) -> None:
    """Its clocks are the coordinator's, whose time may be another; from nobody else they are taken so."""
    api, coordinator = await worker(make_api, tmp_path)
    ahead = int(time.time() * 1000) + 3_600_000
    posted = record(thread=FLEET_CONTROL, act="LEARN", body=UNFREEZE, clock=ahead)
    answer = await api.tcp.post("/v1/records", json=posted, headers=coordinator)
    assert (answer.status_code, answer.json()["clock"]) == (201, ahead)
    later = record(thread=FLEET_CONTROL, act="LEARN", body={"topic": "x"}, clock=ahead + 60_001)
    assert_error(await api.operator.post("/v1/records", json=later), 422, "INVALID_RECORD")


@pytest.mark.parametrize("ndjson", [False, True])
async def test_a_freeze_refuses_what_comes_behind_it_in_the_batch(
    make_api: MakeApi, tmp_path: Path, ndjson: bool
) -> None:
    api, coordinator = await worker(make_api, tmp_path)
    freeze = {"topic": "freeze", "level": "soft", "namespace": "docs", "reason": "x", "at": time.time()}
    posted = [
        record(act="INTEND", thread="th_a", body={"namespace": "docs"}),
        record(act="LEARN", thread=FLEET_CONTROL, body=freeze),
        record(act="INTEND", thread="th_b", body={"namespace": "docs"}),
        record(act="DO", thread="th_c", body={"namespace": "docs/v1"}),
        record(act="KNOW", thread="th_c", body={"namespace": "docs/v1"}),
        record(act="INTEND", thread="th_d", body={"namespace": "code"}),
    ]
    content = "\n".join(map(json.dumps, posted)) if ndjson else json.dumps(posted)
    answer = await api.tcp.post("/v1/records/batch", content=content, headers=coordinator)
    outcomes = [one.get("error", {}).get("code", one["status"]) for one in answer.json()["data"]]
    assert outcomes == ["created", "created", "NAMESPACE_FROZEN", "NAMESPACE_FROZEN", "created", "created"]
    sequences = [one["sequence"] for one in answer.json()["data"] if "sequence" in one]
    assert sequences == sorted(sequences)
