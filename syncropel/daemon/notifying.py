"""Tells systemd how this daemon does, as `sd_notify(3)` describes: ready, alive, and stopping.

Under anything else there is no socket to tell it to, and nothing happens.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Callable, MutableMapping
from typing import Final

from syncropel.engine.start_up import StartUp

log = logging.getLogger("syncropel.daemon")

SOCKET: Final = "NOTIFY_SOCKET"
_WATCHDOG: Final = "WATCHDOG_USEC"
_WATCHED: Final = "WATCHDOG_PID"
_LOOK_SECS: Final = 0.05
_PROGRESS_SECS: Final = 5.0
_EXTEND_SECS: Final = 60
"""How much more time the start gets each time that more of the log has been read."""
STOP_SECS: Final = 60
"""How much time a stop asks for: running goals are given their grace."""


class Notifier:
    """`tell` sends a message. `watchdog_secs`: how often systemd wants to hear something; 0: it does not."""

    def __init__(self, address: str = "", watchdog_secs: float = 0.0) -> None:
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self.watchdog_secs = watchdog_secs
        self._told = False

    def tell(self, *fields: str) -> None:
        """Send these fields, such as `READY=1`. A failure is logged once: work must not depend on it."""
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sending:
                sending.setblocking(False)
                sending.sendto("\n".join(fields).encode(), self._address)
        except OSError as error:
            if not self._told:
                log.warning("cannot notify systemd: %s", error.strerror or error)
            self._told = True

    async def starting(self, start_up: StartUp) -> None:
        """Say how far the start is, and ask for more time while it goes on; cancel it when it is over."""
        read = -1
        while self._address:
            if start_up.read != read:
                read = start_up.read
                extend = f"EXTEND_TIMEOUT_USEC={_EXTEND_SECS * 1_000_000}"
                self.tell(f"STATUS=reading the log: {start_up.words}", extend)
            await asyncio.sleep(_PROGRESS_SECS)

    async def serving(self, is_serving: Callable[[], bool]) -> None:
        """Say `READY=1` once the daemon answers, and from then on that its event loop turns; cancel it at the
        stop. A loop that hangs says nothing, and systemd ends and restarts the daemon.
        """
        if not self._address:
            return
        while not is_serving():  # noqa: ASYNC110 - a server that starts sets a flag, and no event
            await asyncio.sleep(_LOOK_SECS)
        self.tell("READY=1", "STATUS=serving")
        while self.watchdog_secs:
            self.tell("WATCHDOG=1")
            await asyncio.sleep(self.watchdog_secs / 3)

    def stopping(self) -> None:
        """Say that the daemon ends, and needs a moment for it."""
        self.tell("STOPPING=1", "STATUS=stopping", f"EXTEND_TIMEOUT_USEC={STOP_SECS * 1_000_000}")


def take_notifier(environ: MutableMapping[str, str], pid: int | None = None) -> Notifier:
    """The notifier that this environment names. What names it is removed: goals inherit the rest, and none of
    them is to speak for the daemon.
    """
    address = environ.pop(SOCKET, "")
    usec, watched = environ.pop(_WATCHDOG, ""), environ.pop(_WATCHED, "")
    if not address.startswith(("/", "@")):
        return Notifier()
    mine = watched in ("", str(os.getpid() if pid is None else pid))
    secs = 0.0
    if mine:
        with contextlib.suppress(ValueError):
            secs = max(0.0, int(usec or "0") / 1_000_000)
    return Notifier(address, secs)
