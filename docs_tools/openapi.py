"""The OpenAPI document of a daemon, made without running one."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from syncropel.api.app import create_routes
from syncropel.engine.instance import Instance
from syncropel.engine.lifecycle import Lifecycle
from syncropel.settings.config import Settings
from syncropel.settings.home import Home
from syncropel.settings.identity import make_home
from syncropel.store.memory import MemoryStore

if TYPE_CHECKING:
    from syncropel.engine.engine import Engine


@cache
def document() -> dict[str, Any]:
    """The answer of `GET /openapi.json`."""
    return asyncio.run(_document())


async def _document() -> dict[str, Any]:
    async with idle_engine() as engine:
        return create_routes(engine).openapi()


@asynccontextmanager
async def idle_engine() -> AsyncIterator[Engine]:
    """An engine over an empty log, in a temporary home."""
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        make_home(home)
        store = MemoryStore(clock=lambda: 0.0)
        instance = Instance("did:sync:instance:0", home, "http://127.0.0.1:9100")
        lifecycle = Lifecycle(store, instance, Settings())
        try:
            yield await lifecycle.start()
        finally:
            await lifecycle.stop()
            await store.close()
