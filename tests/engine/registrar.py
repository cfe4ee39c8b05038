"""A coordinator's leases over a log of its own, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from syncropel.engine.fleet.leases import Leases
from syncropel.engine.ingest.broadcast import Broadcast, ChangeSignal
from syncropel.engine.ingest.door import Ingest
from syncropel.record.threads import INSTANCE_REGISTRY
from syncropel.store.memory import MemoryStore
from syncropel.wire import Heartbeat
from tests.engine import virtual
from tests.engine.rebuilt import rebuild
from tests.folds.build import COORDINATOR, WORKER_A

INTERVAL = 5.0


def beat(did: str = WORKER_A, **more: Any) -> Heartbeat:
    whole = {
        "did": did,
        "alias": "worker-a",
        "role": "worker",
        "endpoint": "http://127.0.0.1:9201",
        "version": "0.1",
        "health": "healthy",
        "leaving": False,
        "uptime_secs": 1.0,
    }
    return Heartbeat.model_validate({**whole, **more})


class Registrar:
    """A coordinator's leases over a log of its own."""

    def __init__(self, store: MemoryStore) -> None:
        self.store = store
        self.changed = ChangeSignal()

    async def open(self, interval: float = INTERVAL) -> Registrar:
        runtime = virtual.runtime()
        self.ingest = Ingest(self.store, await rebuild(self.store), Broadcast(), COORDINATOR, runtime)
        self.leases = Leases(self.ingest, COORDINATOR, interval, runtime, self.changed)
        return self

    def states(self, did: str = WORKER_A) -> list[str]:
        """What was written down of this instance, in order."""
        bodies = [one.record.body for one in self.store._log if one.record.thread == INSTANCE_REGISTRY]
        return [body["state"] for body in bodies if body["did"] == did and "state" in body]

    async def silence(self, secs: float) -> None:
        """Time goes by, with a look every second."""
        for _ in range(int(secs)):
            await asyncio.sleep(1)
            await self.leases.sweep()


def at_registrar(story: Callable[[Registrar], Coroutine[Any, Any, None]], interval: float = INTERVAL) -> None:
    async def tell() -> None:
        await story(await Registrar(MemoryStore(clock=lambda: 0.0)).open(interval))

    virtual.run(tell())
