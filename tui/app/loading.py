"""What the first paint does not wait for: imported after it, in a thread, so that keys do not wait either."""

from __future__ import annotations

import asyncio
import gc
from types import ModuleType
from typing import Final

from syncropel import client
from syncropel import wire as schema
from syncropel.system.importing import quickly
from tui import dialogs, screens

_FIRST: Final = ((client, ("AsyncClient", "reading")), (schema, ("FleetStatus", "TaskSummary", "WhoAmI")))
_THEN: Final = tuple((package, tuple(dir(package))) for package in (screens, dialogs, schema))


async def client_loaded() -> None:
    """What asks a daemon, and the models of its first answers."""
    await _loaded(_FIRST)


async def screens_loaded() -> None:
    """The other screens, the dialogs, and the models of their answers."""
    await _loaded(_THEN)


async def _loaded(wanted: tuple[tuple[ModuleType, tuple[str, ...]], ...]) -> None:
    if any(name not in vars(package) for package, names in wanted for name in names):
        await asyncio.to_thread(_load, wanted)


def _load(wanted: tuple[tuple[ModuleType, tuple[str, ...]], ...]) -> None:
    with quickly():
        for package, names in wanted:
            for name in names:
                getattr(package, name)
    gc.freeze()  # as when the console opens: a round of the collector over all of it would hold every key up
