"""The terminal, stopped and continued between two steps of the event loop.

Textual does both inside the signal's handler, which interrupts whatever is running. When that is a write to
the queue of its writer thread, the handler waits for the queue's lock, which the interrupted write holds: the
console then stands still for ever.
"""

from __future__ import annotations

import asyncio
import signal

from textual.drivers.linux_driver import LinuxDriver


class TerminalDriver(LinuxDriver):
    """Textual's driver for terminals, with its signals handled by the event loop."""

    def start_application_mode(self) -> None:
        super().start_application_mode()  # type: ignore[no-untyped-call]
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTSTP, self._sigtstp_application)
        loop.add_signal_handler(signal.SIGCONT, self._sigcont_application)
