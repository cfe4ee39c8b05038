"""Imports what the first paint does not need, afterwards and in a thread, so that keys do not wait either."""

from __future__ import annotations

import asyncio
import gc
from types import ModuleType
from typing import Final

from syncropel import client
from syncropel import wire as schema
from syncropel.system.importing import quickly
from tui import dialogs, screens
from tui.connection.fleets import Fleets

_FIRST: Final = ((client, ("AsyncClient", "reading")), (schema, ("FleetStatus", "TaskSummary", "WhoAmI")))
_THEN: Final = tuple((package, tuple(dir(package))) for package in (screens, dialogs, schema))


async def connect(fleets: Fleets) -> None:
    """Follow the fleets as soon as the client is there, and import the rest meanwhile."""
    await client_loaded()
    fleets.start()
    await screens_loaded()


async def client_loaded() -> None:
    """Import the HTTP client and the models of its first answers."""
    await _loaded(_FIRST)


async def screens_loaded() -> None:
    """Import the other screens, the dialogs, and the models they use."""
    await _loaded(_THEN)


async def _loaded(wanted: tuple[tuple[ModuleType, tuple[str, ...]], ...]) -> None:
    if any(name not in vars(package) for package, names in wanted for name in names):
        await asyncio.to_thread(_load, wanted)


def _load(wanted: tuple[tuple[ModuleType, tuple[str, ...]], ...]) -> None:
    with quickly():
        for package, names in wanted:
            for name in names:
                getattr(package, name)
    gc.freeze()  # as at start-up: collecting all of this would block every key
