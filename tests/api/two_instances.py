"""A coordinator and a worker in one process: two real applications over a network that can be cut."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from syncropel.adapters import Adapter
from syncropel.api.app import create_app
from syncropel.engine.instance import Instance
from syncropel.engine.lifecycle import Lifecycle
from syncropel.logs.ring import LogRing
from syncropel.peer.runtime import Runtime
from syncropel.settings.adapters import AdapterSettings
from syncropel.settings.config import DispatchSettings, FleetSettings, Settings
from syncropel.settings.home import Home
from syncropel.settings.identity import make_home
from syncropel.store.memory import MemoryStore
from tests.asgi_streams import StreamingTransport

from .conftest import Api, as_operator, over_tcp

LINK = "/v1/fleet/link"
COORDINATOR = "did:sync:instance:00000000000000c0"
WORKER = "did:sync:instance:00000000000000b0"
_TOKEN = "spl_test_sa-fleet_0123456789abcdef0123456789abcdef"
_SCRIPTS: dict[str, Any] = {
    "adapters": AdapterSettings(bash=True),
    "dispatch": DispatchSettings(adapter="bash"),
}


class Network(httpx.AsyncBaseTransport):
    """Carries requests to the application of a host, unless that is `down`."""

    def __init__(self) -> None:
        self.apps: dict[str, Any] = {}
        self.rings: dict[str, LogRing] = {}
        self.down: set[str] = set()
        self.lost: set[str] = set()
        """Paths on which requests are lost."""
        self.asked: list[str] = []
        self.links: dict[str, StreamingTransport] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host
        self.asked.append(request.url.path)
        if host in self.down or host not in self.apps or request.url.path in self.lost:
            raise httpx.ConnectError("connection refused")
        if request.url.path == LINK:
            links = self.links[host] = StreamingTransport(self.apps[host])
            return await links.handle_async_request(request)
        return await httpx.ASGITransport(self.apps[host]).handle_async_request(request)


@dataclass
class Two:
    """The coordinator and its worker, `worker-b`."""

    coordinator: Api
    worker: Api
    network: Network = field(default_factory=Network)
    _begin: dict[str, Callable[[], Awaitable[Api]]] = field(default_factory=dict)

    async def stop(self, alias: str) -> None:
        """End the daemon of this instance; nothing answers there until `start`."""
        self.network.down.add(alias)
        await (self.worker if alias == "worker-b" else self.coordinator).lifecycle.stop(keep_work=True)

    async def start(self, alias: str) -> None:
        """Begin another daemon over the same log."""
        api = await self._begin[alias]()
        self.network.down.discard(alias)
        if alias == "worker-b":
            self.worker = api
        else:
            self.coordinator = api

    async def fan_out(
        self, *goals: str, name: str = "T", spec: Mapping[str, Any] | None = None, **more: Any
    ) -> None:
        """Give the worker these scripts. `spec`: what else the fan-out has; `more`: each subtask."""
        await self.coordinator.task(alias=name)
        subtasks = [{"goal": goal, "target": "worker-b", **more} for goal in goals]
        answer = await self.coordinator.operator.post(
            f"/v1/tasks/{name}/fan-out", json={"subtasks": subtasks, "allow_unknown": True, **(spec or {})}
        )
        assert answer.status_code == 201, answer.text


@asynccontextmanager
async def two_instances(
    folder: Path,
    runs: Mapping[str, Adapter] | None = None,
    *,
    link: bool = False,
    runtime: Runtime | None = None,
    **sections: Any,
) -> AsyncIterator[Two]:
    """Both, running; the worker runs scripts, and has these sections of settings. `runs`: the adapters that
    run goals instead, on both. `link`: the worker is reached through its link; nothing can connect to it.
    """
    network = Network()
    async with AsyncExitStack() as stack:

        async def start(did: str, alias: str, settings: Settings, store: MemoryStore) -> Api:
            instance = Instance(did, Home(folder / alias), f"http://{alias}")
            lifecycle = Lifecycle(store, instance, settings, runtime, network, runs)
            engine = await lifecycle.start()
            app = create_app(engine, network.rings.setdefault(alias, LogRing()))
            if not (link and alias == "worker-b"):
                network.apps[alias] = app
            stack.push_async_callback(lifecycle.stop)
            operator = await stack.enter_async_context(as_operator(app))
            return Api(lifecycle, engine, app, operator, await stack.enter_async_context(over_tcp(app)))

        own = Settings(fleet=FleetSettings("coordinator"), **(sections if runs else {}))
        fleet = FleetSettings("worker-b", "http://coordinator", link=link)
        theirs = Settings(fleet=fleet, **{**_SCRIPTS, **sections})
        begin: dict[str, Callable[[], Awaitable[Api]]] = {
            "coordinator": partial(start, COORDINATOR, "coordinator", own, MemoryStore(clock=time.time)),
            "worker-b": partial(start, WORKER, "worker-b", theirs, MemoryStore(clock=time.time)),
        }
        for alias in begin:
            home = Home(folder / alias)
            make_home(home)
            home.fleet_token.write_text(_TOKEN)
            home.fleet_token.chmod(0o600)
        yield Two(await begin["coordinator"](), await begin["worker-b"](), network, begin)
