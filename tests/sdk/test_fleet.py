"""Work on a fleet from a program: tasks, fan-outs, and a kill switch that does not return too early."""

from __future__ import annotations

from typing import Any

import pytest

from syncropel import Client, DaemonUnreachable, FreezeUnconfirmed, RemoteError
from tests.api.conftest import DID, Api, beat

from .conftest import THREAD, TRACK, WHO

HERE = f"specific:{DID}"


async def test_a_fan_out_from_its_task_to_its_join(client: Client) -> None:
    task = await client.fleet.add_task("a goal", alias="A-1", priority="high", criteria=["one"])
    assert (task.alias, task.priority, task.criteria) == ("A-1", "high", ["one"])
    parts: list[dict[str, Any]] = [
        {"goal": "x", "target": HERE},
        {"goal": "y", "target": HERE, "depends_on": [0]},
    ]
    begun = await client.fleet.fan_out("A-1", parts, budget_usd=2.0)
    assert (len(begun.subtasks), begun.budget_usd) == (2, 2.0)
    done = await client.fleet.wait(task.thread, timeout=60)
    assert (done.complete, done.accepted, done.verdict) == (True, 2, "accept")
    assert (await client.fleet.task("A-1")).thread == task.thread
    assert (await client.fleet.progress("A-1")).complete
    assert (await client.fleet.status()).live == 1


async def test_waiting_ends_with_its_time(client: Client, api: Api) -> None:
    answer = await api.operator.post("/v1/fleet/heartbeat", json=beat("a"))
    assert answer.is_success, answer.text
    await client.fleet.add_task("a goal", alias="A-1")
    await client.fleet.fan_out("A-1", [{"goal": "x", "target": "worker-a"}])
    with pytest.raises(TimeoutError):
        await client.fleet.wait("A-1", timeout=0.01)


async def test_a_refusal_raises(client: Client) -> None:
    with pytest.raises(RemoteError) as refused:
        await client.fleet.task("none")
    assert (refused.value.status, refused.value.code) == (404, "NOT_FOUND")
    with pytest.raises(RemoteError) as refused:
        await client.fleet.add_task("x", namespace="Docs")
    assert refused.value.code == "INVALID_NAMESPACE"
    down = Client(endpoint="http://127.0.0.1:9", identity=WHO)
    with pytest.raises(DaemonUnreachable):
        await down.fleet.status()


async def test_the_kill_switch(client: Client) -> None:
    frozen = await client.fleet.freeze("docs", "a leak")
    assert (frozen.namespace, frozen.reason, frozen.actor) == ("docs", "a leak", WHO.actor_did)
    assert ([one.instance for one in frozen.confirmed], frozen.waiting) == ([DID], [])
    with pytest.raises(RemoteError) as refused:
        await client.fleet.add_task("x", namespace="docs/api")
    assert (refused.value.status, refused.value.code) == (403, "NAMESPACE_FROZEN")
    await client.fleet.unfreeze("docs", "mended")
    assert (await client.fleet.status()).freezes == []


async def test_an_emergency_stops_the_whole_fleet(client: Client) -> None:
    frozen = await client.fleet.freeze(None, "now")
    assert (frozen.level, frozen.namespace) == ("emergency", "*")
    result = await client.emit(act="DO", kind=TRACK, body={}, thread=THREAD)
    assert "NAMESPACE_FROZEN" in str(result.error)
    await client.fleet.unfreeze(None)
    assert not (await client.fleet.status()).emergency


async def test_a_freeze_that_is_not_confirmed_raises_and_stands(client: Client, api: Api) -> None:
    answer = await api.operator.post("/v1/fleet/heartbeat", json=beat("a"))
    assert answer.is_success, answer.text
    with pytest.raises(FreezeUnconfirmed, match=r"not confirmed within 0s by: worker-a") as raised:
        await client.fleet.freeze("docs", "a leak", level="hard", grace_secs=0, terminate=True, wait_secs=0)
    assert "spl fleet status" in raised.value.hint
    (frozen,) = (await client.fleet.status()).freezes
    assert (frozen.waiting, frozen.terminate) == (["worker-a"], True)
