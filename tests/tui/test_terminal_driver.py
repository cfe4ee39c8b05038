"""The terminal is given back between two steps of the event loop, never in the middle of one."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest
from textual.drivers.linux_driver import LinuxDriver

from tui.app.terminal_driver import TerminalDriver


@pytest.mark.parametrize(
    ("number", "handler"),
    [(signal.SIGTSTP, "_sigtstp_application"), (signal.SIGCONT, "_sigcont_application")],
)
async def test_a_signal_interrupts_nothing_that_runs(
    monkeypatch: pytest.MonkeyPatch, number: signal.Signals, handler: str
) -> None:
    heard = asyncio.Event()
    monkeypatch.setattr(LinuxDriver, "start_application_mode", lambda self: None)
    monkeypatch.setattr(LinuxDriver, handler, lambda self, *_: heard.set())
    loop = asyncio.get_running_loop()
    former = {one: signal.getsignal(one) for one in (signal.SIGTSTP, signal.SIGCONT)}
    try:
        object.__new__(TerminalDriver).start_application_mode()
        os.kill(os.getpid(), number)
        assert not heard.is_set(), "a handler that runs here may wait for a lock that this step holds"
        await asyncio.wait_for(heard.wait(), 60)
    finally:
        for one, before in former.items():
            loop.remove_signal_handler(one)
            signal.signal(one, before)
