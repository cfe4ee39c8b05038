"""Running a command of this very program beside the console, with what it says line by line."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Sequence
from typing import Final, Protocol

PATIENCE_SECS: Final = 20.0
"""How long a command that is given up has for putting back what it began."""


class Runner(Protocol):
    """Something that runs commands."""

    async def run(self, words: Sequence[str], said: Callable[[str], None]) -> int:
        """Run it; gives its exit status. Cancelled, it asks the command to undo what it began."""
        ...


class Subprocess:
    """Runs it in a session of its own: keys typed here and a lost terminal do not stop it half-way."""

    async def run(self, words: Sequence[str], said: Callable[[str], None]) -> int:
        """Raises OSError when it cannot be started."""
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
    """Interrupt it, as Ctrl-C would, and wait until it has put back what it began."""
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGINT)
    try:
        await asyncio.wait_for(process.communicate(), PATIENCE_SECS)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
