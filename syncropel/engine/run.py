"""One attempt at a subtask while it runs on this instance: observed, metered, and written down at its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from syncropel.engine.adapters import Adapter, Observe, Outcome
from syncropel.engine.ingest import Ingest
from syncropel.engine.meter import Meter, cost_in
from syncropel.engine.run_records import budget_of, ending, job_of, observation
from syncropel.engine.runtime import Runtime
from syncropel.errors import SyncropelError
from syncropel.folds.child import SESSION, STREAM_EVENT, ChildIntend
from syncropel.folds.moves import OVER_BUDGET
from syncropel.threads import dispatch_thread


@dataclass(frozen=True)
class Limits:
    """How this instance runs goals."""

    max_concurrent: int
    default_timeout_secs: float
    default_adapter: str
    grace_secs: float


@dataclass(frozen=True)
class Place:
    """Where goals run: this instance, its log and its adapters."""

    ingest: Ingest
    adapters: Mapping[str, Adapter]
    limits: Limits
    did: str
    runtime: Runtime


@dataclass
class Run:
    """`ending`: what it comes to, as soon as that is settled, from inside or by somebody else.

    `finished`: the goal has ended and only its result is still being written, which takes no slot. `freed` is
    called when that begins.
    """

    intend: ChildIntend
    place: Place
    freed: Callable[[], None]
    meter: Meter = field(init=False)
    task: asyncio.Task[None] | None = None
    ending: Outcome | None = None
    finished: bool = False
    output: str | None = None

    def __post_init__(self) -> None:
        spent = self.place.ingest.live.spend.of(self.intend.record).usd
        self.meter = Meter(self.intend, budget_of(self.intend), spent)

    def end(self, outcome: Outcome) -> None:
        """End it with this outcome; the first who says so is heard."""
        if self.ending is None and self.task is not None:
            self.ending = outcome
            self.task.cancel()

    async def execute(self) -> None:
        """Run the goal and write its result. Raises CancelledError when nobody has settled an outcome."""
        place = self.place
        started, started_at = place.runtime.monotonic(), place.runtime.now()
        sub_thread = dispatch_thread(self.intend.thread, place.did, started_at)

        async def observe(kind: str, body: dict[str, Any]) -> None:
            await self._observe(sub_thread, kind, body)

        try:
            outcome = await self._outcome(observe)
            await asyncio.sleep(0)  # an end that is on its way arrives here, and not in the append below
        except asyncio.CancelledError:
            if self.ending is None:
                raise
            outcome = replace(self.ending, output=self.output)
        if self.meter.over and outcome.reason != OVER_BUDGET:
            outcome = replace(self.meter.outcome(), output=outcome.output, exit=outcome.exit)
        self.ending = outcome = replace(outcome, cost_usd=self.meter.spent + outcome.cost_usd)
        secs = place.runtime.monotonic() - started
        self.finished = True
        self.freed()
        await self.place.ingest.append(
            ending(self.intend, sub_thread, place.did, outcome, secs, place.runtime.now())
        )

    async def _outcome(self, observe: Observe) -> Outcome:
        limits = self.place.limits
        name = str(self.intend.body.get("adapter") or limits.default_adapter)
        adapter = self.place.adapters.get(name)
        if adapter is None:
            return Outcome(
                "failed",
                f"adapter {name!r} is not enabled on this instance; enable it in its own config.toml",
            )
        if self.meter.over:
            return self.meter.outcome()
        if adapter.name != "bash":
            await observe(SESSION, {"adapter": adapter.name})
        spent = self.place.ingest.live.spend.of(self.intend.record)
        return await adapter.run(job_of(self.intend, limits.default_timeout_secs, spent), observe)

    async def _observe(self, sub_thread: str, kind: str, body: dict[str, Any]) -> None:
        self.output = body.get("output", self.output)
        did, at = self.place.did, self.place.runtime.now()
        records = [observation(sub_thread, self.intend, did, kind, body, at)]
        cost = cost_in(kind, body)
        if cost and (warning := self.meter.take(cost)):
            records.append(observation(sub_thread, self.intend, did, STREAM_EVENT, warning, at))
        for outcome in await self.place.ingest.append(records):
            if isinstance(outcome, SyncropelError):
                self.meter.spent -= cost
                raise outcome
        if cost and self.meter.over:
            self.end(self.meter.outcome())
