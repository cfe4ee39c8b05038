"""Adapters that do no work: `echo` for trying out a fleet, `noop` for measuring the engine."""

from __future__ import annotations

from typing import Any, Final

from syncropel.adapters.base import Job, Observe, Outcome
from syncropel.folds.fanout.state import ACCEPT
from syncropel.peer.runtime import Runtime

ECHO_SECS: Final = 1.0


class EchoAdapter:
    """Takes about a second and accepts, at no cost. The summary repeats the goal."""

    name = "echo"

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def run(self, job: Job, observe: Observe) -> Outcome:
        if job.timeout_secs < ECHO_SECS:
            await self._runtime.sleep(job.timeout_secs)
            return Outcome("timeout", f"over its time limit of {job.timeout_secs:g}s")
        await self._runtime.sleep(ECHO_SECS)
        return Outcome(ACCEPT, f"echo: {job.goal}")

    async def end_orphan(self, session: dict[str, Any]) -> None:
        """There is no process to end."""


class NoopAdapter:
    """Accepts at once."""

    name = "noop"

    async def run(self, job: Job, observe: Observe) -> Outcome:
        return Outcome(ACCEPT, "")

    async def end_orphan(self, session: dict[str, Any]) -> None:
        """There is no process to end."""
