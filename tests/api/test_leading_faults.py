"""A change of leader that meets running work, a kill, a full disk, a rival, or a stranger."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from syncropel.adapters import Job, Observe, Outcome
from syncropel.errors import StoreError
from syncropel.settings.keyring import Keyring

from .conftest import beat
from .fleet_of_three import Three
from .leading import A, B, C, assert_error_code, fenced, fleet, shows, until, whole

__all__ = ["fleet"]


class Waits:
    """An adapter whose goals last until they are let go."""

    name = "noop"

    def __init__(self) -> None:
        self.go, self.began = asyncio.Event(), list[str]()

    async def run(self, job: Job, observe: Observe) -> Outcome:
        self.began.append(job.goal)
        await self.go.wait()
        return Outcome("accept", f"did {job.goal}", 0.0)


async def test_what_a_fenced_one_runs_ends_and_nothing_is_begun_joined_or_retried(fleet: Three) -> None:
    await fleet.end("a")
    adapter = Waits()
    api = await fleet.start("a", adapters={"noop": adapter})
    await api.task(alias="T")
    target = f"specific:{A}"
    subtasks = [{"goal": "first", "target": target}, {"goal": "then", "target": target, "depends_on": [0]}]
    answer = await api.operator.post("/v1/tasks/T/fan-out", json={"subtasks": subtasks})
    assert answer.status_code == 201, answer.text

    async def began() -> bool:
        return adapter.began == ["first"]

    await until(began)
    await fleet.promote("b")
    await fenced(api)
    adapter.go.set()

    async def ended() -> Any:
        join = await api.get("/v1/tasks/T/join")
        return join if join["subtasks"][0]["state"] == "accept" else None

    join = await until(ended)
    assert join["subtasks"][0]["summary"] == "did first"
    await api.engine.fan_outs.reconciler.drain()
    api.engine.fan_outs.reconciler.mark_all()
    await api.engine.fan_outs.reconciler.drain()
    assert adapter.began == ["first"]
    assert (await api.get("/v1/tasks/T/join"))["subtasks"][1]["state"] == "pending"
    retried = await api.operator.post("/v1/tasks/T/retry", json={"index": 0})
    assert_error_code(retried, 421, "NOT_LEADER")


async def test_a_promotion_that_was_killed_anywhere_is_gone_on_with(fleet: Three) -> None:
    keyring = Keyring(fleet.home("b"))
    secret = keyring.succession()
    await fleet.end("b")
    await fleet.start("b")  # killed before its term began
    assert (await fleet.leader("b"))["place"] == "unclaimed"
    assert (await fleet.leader("a"))["place"] == "leads"
    assert (await fleet.promote("b"))["term"] == 2
    await whole(fleet["b"])
    fleet.home("b").succession_token.write_text(secret)  # killed before the secret was removed
    await fleet.end("b")
    await fleet.start("b")
    assert keyring.succession() == ""
    assert (await fleet.promote("b"))["term"] == 2
    claims = [
        one for one in await fleet.stores["b"].thread("th_instance_registry") if one.record.topic == "leading"
    ]
    assert len(claims) == 1


async def test_a_claim_that_the_disk_refused_is_no_claim(
    fleet: Three, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fleet.end("b")
    await fleet.start("b")
    keyring = Keyring(fleet.home("b"))

    async def full(*_: Any, **__: Any) -> Any:
        raise StoreError("the disk is full", "make room")

    with monkeypatch.context() as patch:
        patch.setattr(fleet["b"].engine.ingest, "append", full)
        answer = await fleet["b"].operator.post("/v1/leader/take", json={})
        assert_error_code(answer, 500, "STORE_ERROR")
    assert keyring.succession()
    assert (await fleet.leader("b"))["place"] == "unclaimed"
    assert (await fleet["b"].operator.post("/v1/leader/take", json={})).status_code == 201


async def test_nobody_else_at_its_address_is_shown_the_proof(fleet: Three) -> None:
    await fleet.end("a")
    shown: list[bytes] = []

    async def stranger(scope: Any, receive: Any, send: Any) -> None:
        shown.append((await receive()).get("body", b""))
        body = json.dumps({"did": B, "term": 2, "identity": "00" * 32}).encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    fleet.network.apps["a"] = stranger
    fleet.network.down.discard("a")
    await fleet.promote("b")

    async def noticed() -> bool:
        return "does not prove" in (await fleet.leader("b"))["split"]["problem"]

    await until(noticed)
    assert not any(b"succession" in one or b"proof" in one for one in shown)


async def test_a_worker_makes_nobody_believe_in_a_rival(fleet: Three) -> None:
    await fleet.promote("b")
    await fenced(fleet["a"])
    await fleet.introduce("b", "c")
    claim = {"did": C, "term": 2, "alias": "c", "address": "http://evil", "proof": "spl_succession_x_y"}
    told = beat("c", did=C, alias="c", leading=claim)
    answer = await fleet["b"].tcp.post("/v1/fleet/heartbeat", json=told, headers=shows(fleet, "c"))
    assert answer.status_code == 200, answer.text
    found = await fleet.leader("b")
    assert (found["rivals"], found["problem"]) == ([], "")
    assert "http://evil" not in fleet.network.asked


async def test_a_leader_that_moves_says_where_it_is(fleet: Three) -> None:
    await fleet.promote("b")
    await fenced(fleet["a"])
    await fleet.end("b")
    fleet.addresses["b"] = "http://elsewhere"
    await fleet.start("b")
    found = await fleet.leader("b")
    assert (found["address"], found["term"], found["told"]) == ("http://elsewhere", 2, "acknowledged")
