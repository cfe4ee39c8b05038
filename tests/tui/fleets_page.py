"""A console that knows several fleets, each behind a fake daemon of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from syncropel.client import Call, Target
from syncropel.wire import FleetStatus, WhoAmI
from tests.tui import console_sample as sample
from tests.tui.console_fakes import Clock, FakeClient
from tests.tui.console_page import Console
from tui.app.console_app import ConsoleApp
from tui.connection.session import Outside
from tui.model.keymap import Keymap
from tui.model.setup import Fleet, Setup

HOME = Fleet("local", Target(url="http://127.0.0.1:7700"), here=True)
PROD = Fleet("prod", Target(url="https://prod.example.org"), "not on this machine", "red")
STAGE = Fleet("stage", Target(url="https://stage.example.org"), "", "cyan")
OPERATOR = WhoAmI(kind="operator", name="operator", scopes=["admin"])
READER = WhoAmI(kind="service_account", name="viewer", scopes=["records:read"])


def status_of(name: str, **changes: Any) -> FleetStatus:
    """A fleet whose every row says which fleet it is of."""
    did = f"did:sync:instance:{name.encode().hex().ljust(16, '0')}"
    facts: dict[str, Any] = {"live": 1, "stale": 0, "coordinator_url": f"http://{name}:1"}
    facts |= {"instances": [sample.instance(f"{name}-w", did)], "dispatches": [], "fanouts": []}
    return sample.status(**facts | changes)


class HeldClient(FakeClient):
    """Holds back the answers to these paths until `let_go`; they are made when they were asked for."""

    def __init__(self, *paths: str) -> None:
        super().__init__()
        self.held = set(paths)
        self.let_go = asyncio.Event()

    async def send(self, call: Call[Any]) -> Any:
        if call.path in self.held:
            answer = await super().send(call)
            await self.let_go.wait()
            return answer
        return await super().send(call)


def daemon(name: str, client: FakeClient | None = None, who: WhoAmI = OPERATOR) -> FakeClient:
    """A daemon that is live, with one instance and one task that bear its name."""
    client = client or FakeClient()
    client.snapshot(status_of(name))
    client.tasks([sample.task(1, alias=f"{name.upper()}-1", goal=f"work of {name}", subtasks=0)])
    client.answers["/v1/whoami"] = who
    return client


@asynccontextmanager
async def consoles(
    daemons: dict[str, FakeClient],
    fleets: tuple[Fleet, ...] = (HOME, PROD, STAGE),
    size: tuple[int, int] = (120, 40),
    current: str = "local",
    keymap: Keymap | None = None,
    later: tuple[Fleet, ...] = (),
    **how: Any,
) -> AsyncIterator[Console]:
    """Open the console on `current`. A fleet without a daemon is asked in vain; `later` are not known yet."""
    clock = Clock()
    nobody = FakeClient()
    clients = {one.target.name: daemons.get(one.name, nobody) for one in (*fleets, *later)}
    outside = Outside(lambda target: clients[target.name], clock, clock.sleep, lambda: 1.0)
    app = ConsoleApp(Setup(fleets=fleets, current=current, **how), keymap=keymap, outside=outside)
    app.animation_level = "none"
    app.delay_update = lambda delay=0.0: None  # type: ignore[method-assign] # it waits by a clock of its own
    async with app.run_test(size=size) as pilot:
        page = Console(app, pilot, daemons[current], clock)
        await page.settle()
        clock.advance(0.5)
        await page.settle()
        yield page
