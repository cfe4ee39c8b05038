"""What an engine does again and again, whether or not a record comes."""

from __future__ import annotations

import logging
from typing import Final

from syncropel.engine.engine import Engine
from syncropel.errors import SyncropelError

log = logging.getLogger("syncropel.engine")

TICK_SECS: Final = 1.0
CRON_SECS: Final = 30.0


async def tick(engine: Engine) -> None:
    """Look at what changes with time alone."""
    while True:
        await engine.runtime.sleep(TICK_SECS)
        engine.dispatcher.enforce()
        engine.merging.work.enforce()
        engine.fan_outs.look_again()
        engine.links.sweep()
        try:
            await engine.leases.sweep()
            if engine.leading.standing.fenced is None:
                await engine.providers.lift()
        except SyncropelError as error:
            log.error("cannot record a change of the fleet: %s", error.message)


async def cron(engine: Engine) -> None:
    """Look at everything once more, for safety, and keep the store in shape."""
    while True:
        await engine.runtime.sleep(CRON_SECS)
        engine.fan_outs.reconciler.mark_all()
        engine.forking.look_again()
        try:
            await engine.selfcheck.step()
            await engine.store.checkpoint()
            engine.store_bytes = await engine.store.size_bytes()
        except SyncropelError as error:
            log.error("upkeep failed: %s", error.message)
