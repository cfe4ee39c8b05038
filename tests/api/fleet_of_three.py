"""A coordinator and two workers in one process, introduced to each other as `spl fleet start` does it, over a
network that can be cut.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from syncropel.api.app import create_app
from syncropel.engine.instance import Instance
from syncropel.engine.lifecycle import Lifecycle
from syncropel.peer.runtime import Runtime
from syncropel.settings.config import FleetSettings
from syncropel.settings.home import Home
from syncropel.settings.identity import make_home
from syncropel.settings.keyring import Keyring
from syncropel.store.memory import MemoryStore

from .conftest import NOOP, Api, as_operator, over_tcp
from .two_instances import Network

DIDS = {letter: f"did:sync:instance:{letter:0>16}" for letter in "abc"}
TOKEN = "spl_test_sa-fleet_0123456789abcdef0123456789abcdef"
"""The shared token of the fleet."""
HEARTBEAT_SECS = 0.2


@dataclass
class Three:
    """`a` coordinates; `b` and `c` are its workers. Each is at `http://` and its letter."""

    folder: Path
    stack: AsyncExitStack
    network: Network = field(default_factory=Network)
    apis: dict[str, Api] = field(default_factory=dict)
    stores: dict[str, MemoryStore] = field(default_factory=dict)
    skews: dict[str, float] = field(default_factory=dict)
    """How many seconds an instance's wall clock is ahead."""
    addresses: dict[str, str] = field(default_factory=dict)
    """Where an instance says that it is, if not there."""

    def home(self, name: str) -> Home:
        return Home(self.folder / name)

    def __getitem__(self, name: str) -> Api:
        return self.apis[name]

    async def start(self, name: str, coordinator: str = "", adapters: Any = None) -> Api:
        """A daemon over the log of this instance; without a coordinator it is one."""
        url = f"http://{coordinator}" if coordinator else ""
        fleet = FleetSettings(name, url, heartbeat_interval_secs=HEARTBEAT_SECS)
        settings = replace(NOOP, fleet=fleet)
        store = self.stores.setdefault(name, MemoryStore(clock=time.time))
        runtime, skew = Runtime(), self.skews.get(name, 0.0)
        if skew:
            runtime = replace(runtime, now=lambda: time.time() + skew)
        address = self.addresses.get(name, f"http://{name}")
        instance = Instance(DIDS[name], self.home(name), address)
        lifecycle = Lifecycle(store, instance, settings, runtime, self.network, adapters)
        engine = await lifecycle.start()
        app = self.network.apps[name] = create_app(engine)
        self.network.down.discard(name)
        self.stack.push_async_callback(lifecycle.stop)
        operator = await self.stack.enter_async_context(as_operator(app))
        tcp = await self.stack.enter_async_context(over_tcp(app))
        api = self.apis[name] = Api(lifecycle, engine, app, operator, tcp)
        return api

    async def end(self, name: str) -> None:
        """End its daemon; nothing answers there until `start`."""
        self.network.down.add(name)
        await self[name].lifecycle.stop(keep_work=True)

    async def introduce(self, coordinator: str, worker: str, *, may_succeed: bool = True) -> None:
        """As `syncropel.launcher.introducing` does it."""
        mine, its, did = Keyring(self.home(coordinator)), Keyring(self.home(worker)), DIDS[worker]
        body = {"did": did, "sha256": its.make_own(did)}
        if may_succeed:
            body["succession"] = its.make_succession(did)
        answer = await self[coordinator].operator.post("/v1/fleet/credentials", json=body)
        assert answer.status_code == 200, answer.text
        its.trust(DIDS[coordinator], mine.make_towards(did, DIDS[coordinator]), f"http://{coordinator}")

    async def promote(self, name: str, **more: Any) -> dict[str, Any]:
        """As `spl fleet promote` does it with the worker itself; the others are not touched."""
        await self.end(name)
        api = await self.start(name)
        answer = await api.operator.post("/v1/leader/take", json=more)
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def leader(self, name: str) -> dict[str, Any]:
        return await self[name].get("/v1/leader")


@asynccontextmanager
async def three(folder: Path, *, may_succeed: bool = True) -> AsyncIterator[Three]:
    """The fleet, running."""
    async with AsyncExitStack() as stack:
        fleet = Three(folder, stack)
        for name in "abc":
            home = fleet.home(name)
            make_home(home)
            home.fleet_token.write_text(TOKEN)
            home.fleet_token.chmod(0o600)
        await fleet.start("a")
        for name in "bc":
            await fleet.introduce("a", name, may_succeed=may_succeed)
            await fleet.start(name, "a")
        yield fleet
