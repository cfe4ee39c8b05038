"""Runs a command of this program beside the console, and passes on its output line by line."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Sequence
from typing import Final, Protocol

PATIENCE_SECS: Final = 20.0
"""How long an aborted command has to undo what it began."""


class Runner(Protocol):
    """Runs commands."""

    async def run(self, words: Sequence[str], said: Callable[[str], None]) -> int:
        """Run a command; return its exit status. When cancelled, ask the command to undo what it began."""
        ...


class Subprocess:
    """Runs commands in a session of their own, so keys typed here and a lost terminal do not stop them
    half-way.
    """

    async def run(self, words: Sequence[str], said: Callable[[str], None]) -> int:
        """Raises OSError when the command cannot be started."""
        process = await asyncio.create_subprocess_exec(
            *words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        assert process.stdout is not None
        try:
            async for line in process.stdout:
                said(line.decode("utf-8", "replace").rstrip())
            return await process.wait()
        finally:
            if process.returncode is None:
                await _give_up(process)


async def _give_up(process: asyncio.subprocess.Process) -> None:
    """Interrupt it, as Ctrl-C would, and wait until it has undone what it began."""
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGINT)
    try:
        await asyncio.wait_for(process.communicate(), PATIENCE_SECS)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
