"""Writers hammer three instances while freezes come and go: nothing leaks, nothing is lost."""

from __future__ import annotations

import asyncio
import itertools
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx

from syncropel.settings.home import Home
from tests.fleet.conftest import Machine, machine

__all__ = ["machine"]

HOMES = (".syncro", ".syncro-worker-a", ".syncro-worker-b")
ACTS = ("INTEND", "DO", "CALL", "PUT", "MAP", "KNOW", "LEARN", "GET")
STOPPED = ("INTEND", "DO", "CALL", "PUT", "MAP")
FREEZES = 12
WRITERS = 4
OPERATORS = ("leak", "leak/x")


def client(machine: Machine, home: str) -> httpx.AsyncClient:
    socket = str(Home(machine.path / home).socket)
    return httpx.AsyncClient(
        transport=httpx.AsyncHTTPTransport(uds=socket), base_url="http://spl", timeout=30, trust_env=False
    )


async def write(into: httpx.AsyncClient, name: str, over: asyncio.Event) -> set[str]:
    """Write until it is over; gives the ids that were acknowledged."""
    acknowledged: set[str] = set()
    for clock, act in zip(itertools.count(), itertools.cycle(ACTS)):
        if over.is_set():
            return acknowledged
        body = {"namespace": "leak/x/y", "n": clock}
        record = {"thread": name, "actor": name, "act": act, "clock": clock, "body": body}
        answer = await into.post("/v1/records", json=record)
        if answer.status_code == 201:
            acknowledged.add(answer.json()["id"])
        else:
            assert answer.json()["code"] == "NAMESPACE_FROZEN", answer.text
            assert act in STOPPED
    raise AssertionError("unreachable")


async def freeze_and_lift(coordinator: httpx.AsyncClient, place: str) -> None:
    """Freeze, wait until all have confirmed, lift; again and again."""
    for _ in range(FREEZES):
        asked = {"namespace": place, "reason": "leak test"}
        record = (await coordinator.post("/v1/fleet/freeze", json=asked)).json()["record"]
        while True:
            freezes = (await coordinator.get("/v1/fleet/status")).json()["freezes"]
            if not next(one for one in freezes if one["record"] == record)["waiting"]:
                break
        assert (await coordinator.post("/v1/fleet/unfreeze", json={"namespace": place})).status_code == 201


async def storm(machine: Machine) -> list[set[str]]:
    """What each instance acknowledged."""
    clients = [client(machine, home) for home in HOMES]
    over = asyncio.Event()
    try:
        writers = [
            asyncio.create_task(write(clients[at], f"{at}-{number}", over))
            for at in range(len(HOMES))
            for number in range(WRITERS)
        ]
        await asyncio.gather(*(freeze_and_lift(clients[0], place) for place in OPERATORS))
        over.set()
        done = await asyncio.gather(*writers)
    finally:
        for one in clients:
            await one.aclose()
    return [set().union(*done[at * WRITERS : (at + 1) * WRITERS]) for at in range(len(HOMES))]


def log_of(home: Path) -> Iterator[tuple[str, str, str, dict[str, object]]]:
    with closing(sqlite3.connect(home / "hub.db")) as log:
        for id_, thread, act, body in log.execute(
            "SELECT id, thread, act, body FROM records ORDER BY sequence"
        ):
            yield id_, thread, act, json.loads(body)


async def test_nothing_leaks_and_nothing_is_lost(machine: Machine) -> None:
    machine.start()
    acknowledged = await storm(machine)
    for home, ids in zip(HOMES, acknowledged, strict=True):
        frozen: set[object] = set()
        kept = set()
        for id_, thread, act, body in log_of(machine.path / home):
            if thread == "th_fleet_control" and body.get("topic") == "freeze":
                frozen.add(body["namespace"])
            elif thread == "th_fleet_control" and body.get("topic") == "unfreeze":
                frozen.discard(body["namespace"])
            elif body.get("namespace") == "leak/x/y":
                kept.add(id_)
                assert not (frozen and act in STOPPED), f"{act} stands under a freeze of {frozen} in {home}"
        assert ids
        assert ids <= kept
