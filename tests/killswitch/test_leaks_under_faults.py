"""Writers on three instances while freezes come and go and workers are stopped, killed and started again.

Between the moment when all have confirmed and the one when the freeze is lifted, nothing is taken that it
forbids.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
from dataclasses import dataclass, field, replace
from random import Random

import httpx
import psutil

from tests.fleet.conftest import Machine, machine

from .test_leaks import HOMES, STOPPED, client

__all__ = ["machine"]

CYCLES = int(os.environ.get("SPL_FREEZE_CYCLES", "6"))
"""The long form, by hand: SPL_FREEZE_CYCLES=100."""
ACTS = (*STOPPED, "KNOW")
PLACE = "leak"
HELD_SECS = 0.3
GIVE_UP_SECS = 60.0


@dataclass
class Storm:
    """What is known to hold at this moment, and what was seen. `period` changes at each freeze and lift."""

    period: int = 0
    holds: bool = False
    leaks: list[str] = field(default_factory=list)
    taken: int = 0
    refused: int = 0
    cycles: int = 0
    unconfirmed: int = 0


async def write(machine: Machine, home: str, name: str, storm: Storm, over: asyncio.Event) -> None:
    """Write until it is over. What is sent and answered within one period in which the freeze holds must be
    refused."""
    into = client(machine, home)
    for number, act in zip(itertools.count(), itertools.cycle(ACTS)):
        if over.is_set():
            break
        period, held = storm.period, storm.holds
        body = {"namespace": f"{PLACE}/x", "n": number}
        record = {"thread": f"{name}-{number % 50}", "actor": name, "act": act, "body": body}
        try:
            answer = await into.post("/v1/records", json=record, timeout=5)
        except httpx.HTTPError:
            await asyncio.sleep(0.05)  # it is away
            continue
        if answer.status_code == 201:
            storm.taken += 1
            if act in STOPPED and held and storm.holds and period == storm.period:
                storm.leaks.append(f"{home} took {act} in period {period}")
        elif answer.json().get("code") == "NAMESPACE_FROZEN":
            storm.refused += 1
        await asyncio.sleep(0.005)
    await into.aclose()


async def freeze_and_lift(machine: Machine, storm: Storm, over: asyncio.Event) -> None:
    coordinator = client(machine, HOMES[0])
    for _ in range(CYCLES):
        asked = {"namespace": PLACE, "reason": "storm"}
        record = (await coordinator.post("/v1/fleet/freeze", json=asked)).json()["record"]
        deadline = asyncio.get_running_loop().time() + GIVE_UP_SECS
        while True:
            freezes = (await coordinator.get("/v1/fleet/status")).json()["freezes"]
            if not next(one for one in freezes if one["record"] == record)["waiting"]:
                storm.period, storm.holds = storm.period + 1, True
                await asyncio.sleep(HELD_SECS)
                break
            if asyncio.get_running_loop().time() > deadline:
                storm.unconfirmed += 1
                break
            await asyncio.sleep(0.01)
        storm.period, storm.holds = storm.period + 1, False
        lifted = await coordinator.post("/v1/fleet/unfreeze", json={"namespace": PLACE})
        assert lifted.status_code == 201, lifted.text
        storm.cycles += 1
        await asyncio.sleep(0.05)
    over.set()
    await coordinator.aclose()


async def disturb(machine: Machine, storm: Storm, over: asyncio.Event, random: Random) -> None:
    """Stop workers for a while, and kill one now and then."""
    apart = replace(machine, forks=None)  # a command in this process would change what writers see of it
    while not over.is_set():
        home = random.choice(HOMES[1:])
        pid = machine.pids().get(home)
        if pid is None:
            await asyncio.sleep(0.1)
            continue
        if random.random() < 0.25:
            psutil.Process(pid).kill()
            await asyncio.sleep(random.random())
            await asyncio.to_thread(apart.start)
        else:
            os.kill(pid, signal.SIGSTOP)
            await asyncio.sleep(random.random() * 1.5)
            os.kill(pid, signal.SIGCONT)
        await asyncio.sleep(random.random())


async def test_what_all_confirmed_holds_whatever_happens_to_workers(machine: Machine) -> None:
    machine.beat_every(0.5)
    machine.start()
    storm, over = Storm(), asyncio.Event()
    writers = [
        asyncio.create_task(write(machine, home, f"did:sync:user:w{at}-{number}", storm, over))
        for at, home in enumerate(HOMES)
        for number in range(2)
    ]
    disturbing = asyncio.create_task(disturb(machine, storm, over, Random(10)))
    await freeze_and_lift(machine, storm, over)
    await asyncio.gather(disturbing, *writers)
    assert storm.leaks == []
    assert storm.cycles == CYCLES
    assert storm.refused > 0
    assert storm.taken > 0
    assert storm.unconfirmed <= CYCLES // 10, "all confirm once they are back"
