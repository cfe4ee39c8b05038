"""Keeps the certificate that other hosts see, while a daemon serves them."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Final

from syncropel.errors import SetupError
from syncropel.listening.served import Served

log = logging.getLogger("syncropel.daemon")

LOOK_SECS: Final = 60.0
"""How often to look whether the certificate is due, or was changed."""
_TOLD_EVERY: Final = 1440
"""Looks between two warnings about the same expiry: those of a day."""


async def keep_certificate(served: Served) -> None:
    """Renew the certificate in time, and take up one that somebody else has renewed."""
    told, looked = "", 0
    while True:
        if looked % _TOLD_EVERY == 0:
            served.tell_of_expiry(time.time())
        looked += 1
        await asyncio.sleep(LOOK_SECS)
        try:
            if served.look(time.time()):
                log.info("other hosts see a new certificate")
                told = ""
        except SetupError as error:
            if error.message != told:
                log.error("the certificate for other hosts stays: %s", error.message)
            told = error.message
        except Exception:  # to look no more would let the certificate expire
            log.exception("cannot check the certificate for other hosts")
