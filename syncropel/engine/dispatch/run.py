"""One running attempt at a subtask on this instance: observed, metered, and recorded at its end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

from syncropel.adapters import Adapter, CutShort, Held, Instant, Outcome, Remains, Resumable, Startable
from syncropel.adapters.asking import Request
from syncropel.backoff import Backoff
from syncropel.engine.dispatch.attempt_calls import AttemptCalls, Siblings
from syncropel.engine.dispatch.earlier import asked_for, earlier_agent, resumed_agent
from syncropel.engine.dispatch.meter import Meter, cost_in, ended_by_coordinator
from syncropel.engine.dispatch.operator_line import OperatorLine, Terms
from syncropel.engine.dispatch.resuming import Taken
from syncropel.engine.dispatch.run_records import (
    RunThread,
    beginning,
    budget_of,
    budget_tokens_of,
    ending,
    honest,
    job_of,
    observation,
    recordable,
    with_agent,
)
from syncropel.engine.ingest.door import Ingest
from syncropel.errors import NamespaceFrozen, StoreError, SyncropelError
from syncropel.folds.fanout.child import (
    INTERRUPTED,
    LOST,
    MESSAGE,
    NOT_STARTED,
    REATTACHED,
    SESSION,
    STREAM_EVENT,
    ChildIntend,
)
from syncropel.folds.fanout.reassignments import OVER_BUDGET
from syncropel.folds.fanout.spend import Spent
from syncropel.folds.fanout.starts import CRASH_LOOP, Start, is_last, loops, lost, read_starts
from syncropel.peer.runtime import Runtime
from syncropel.policy.tool_rules import Ruling
from syncropel.record.model import Record, body_text
from syncropel.record.threads import dispatch_thread

log = logging.getLogger("syncropel.engine.run")


async def _no_rule(request: Request) -> Ruling:
    return Ruling()


NO_RULES: Final = Terms(600.0, _no_rule)


@dataclass(frozen=True)
class Limits:
    """How this instance runs goals."""

    max_concurrent: int
    default_timeout_secs: float
    default_adapter: str
    grace_secs: float
    each: Mapping[str, int] = field(default_factory=dict)
    """How many goals of an adapter run at once, by its name; for others only the overall limit applies."""
    models: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Models that a subtask may name, by adapter; the first is the default."""
    problems: Mapping[str, str] = field(default_factory=dict)
    """Why a configured adapter cannot be used."""

    budgets: Mapping[str, float] = field(default_factory=dict)
    """US dollars that an attempt may spend if its subtask names no budget, by adapter."""
    paused: Callable[[str], bool] = lambda name: False
    """Whether no goal of this adapter may start now: the quota of its provider is spent."""
    terms: Callable[[str, ChildIntend], Terms] = lambda name, intend: NO_RULES
    """How questions of an attempt are decided, by adapter."""
    hears: Callable[[str], bool] = lambda name: True
    """Whether an adapter takes messages while it runs; others get them as a hint."""

    def adapter_of(self, intend: ChildIntend) -> str:
        """The name of the adapter that runs this."""
        return str(intend.body.get("adapter") or self.default_adapter)

    def budget_of(self, intend: ChildIntend) -> float | None:
        """US dollars that this attempt may spend: the subtask's budget, or else the adapter's."""
        given = budget_of(intend)
        if given is not None or budget_tokens_of(intend) is not None:
            return given
        return self.budgets.get(self.adapter_of(intend))


async def write_ending(
    ingest: Ingest, runtime: Runtime, intend: ChildIntend, records: Sequence[Record]
) -> None:
    """Write an attempt's outcome until the log has accepted all of it: finished work must neither be lost nor
    done twice because a disk was full or a freeze covered its result.

    A result that cannot be a record because of the adapter's data is written without that, as failed.

    Gives up when a newer attempt has come. Raises Unavailable when the daemon stops.
    """
    backoff = Backoff(share=runtime.share)
    records = recordable(records)
    while True:
        try:
            outcomes = await ingest.append(records)
        except StoreError as error:
            outcomes = [error] * len(records)
        refused = [
            (one, why) for one, why in zip(records, outcomes, strict=True) if isinstance(why, Exception)
        ]
        if not refused:
            return
        records = [one for one, _ in refused]
        log.error("cannot record a result: %s", refused[0][1].message, extra={"thread_id": intend.thread})
        latest = ingest.live.children[intend.thread].latest
        if latest is not None and latest.record != intend.record:
            return
        await runtime.sleep(backoff.failed())


def starts_behind(ingest: Ingest, intend: ChildIntend) -> tuple[Start, ...]:
    """The failed starts of an attempt, here and on instances that it was moved from."""
    return read_starts(intend.body.get("starts")) + lost(ingest.live.starts.of(intend.record))


@dataclass(frozen=True)
class Place:
    """Where goals run: this instance, its log and its adapters."""

    ingest: Ingest
    adapters: Mapping[str, Adapter]
    limits: Limits
    did: str
    runtime: Runtime
    gate: Callable[[ChildIntend, Startable], Awaitable[bool]]
    """Passed by every goal just before it starts."""
    siblings: Siblings
    """Asks for the other subtasks of an attempt's task."""
    stopped: Callable[[ChildIntend], Outcome | None] = lambda intend: None
    """What an attempt comes to that must not run on here; None when it may."""


@dataclass
class Run:
    """`ending`: the outcome, as soon as that is settled, from inside or by somebody else.

    `finished`: the goal has ended and only its result is still being written, which takes no slot. `freed` is
    called when that begins.
    """

    intend: ChildIntend
    place: Place
    freed: Callable[[], None]
    taken: Taken | None = None
    """The run itself, when a previous process of this instance began it."""
    meter: Meter = field(init=False)
    line: OperatorLine = field(init=False)
    task: asyncio.Task[None] | None = None
    ending: Outcome | None = None
    finished: bool = False
    output: str | None = None
    remains: Remains = field(default_factory=Remains)
    started_at: float = field(init=False)
    """Unix seconds."""
    behind: tuple[Start, ...] = field(init=False)
    """Its `starts_behind` at creation."""
    _thread: RunThread | None = field(init=False)
    """The thread of its observations, once it has begun."""
    _run: str = ""
    """The name of the run, for an adapter that starts programs."""
    _mine: bool = False
    """Whether this daemon began it or took it over, and reported so."""

    def __post_init__(self) -> None:
        self._thread = self.taken.thread if self.taken else None
        spent = self.place.ingest.live.spend.of(self.intend.record).usd
        self.started_at = self.taken.at if self.taken else self.place.runtime.now()
        self.meter = Meter(self.intend, self.place.limits.budget_of(self.intend), spent)
        self.behind = starts_behind(self.place.ingest, self.intend)
        place, limits = self.place, self.place.limits
        terms = limits.terms(limits.adapter_of(self.intend), self.intend)
        self.line = OperatorLine(self.intend, place.ingest, place.runtime, place.did, self._observe, terms)

    @property
    def alone(self) -> bool:
        """Whether nothing else may begin while it runs."""
        return self.taken is None and is_last(self.behind)

    def end(self, outcome: Outcome) -> None:
        """End it with this outcome; the first call wins."""
        if self.ending is None and self.task is not None:
            self.ending = outcome
            self.task.cancel()

    async def execute(self) -> None:
        """Run the goal and write its result. Raises CancelledError when nobody has settled an outcome."""
        place = self.place
        started, started_at = place.runtime.monotonic(), place.runtime.now()
        if self.taken is not None:
            started -= max(0.0, started_at - self.taken.at)  # what a previous process has seen of it
        try:
            outcome = await self._outcome()
            await asyncio.sleep(0)  # an end that is on its way arrives here, and not in the append below
        except asyncio.CancelledError:
            if self.ending is None:
                if self._mine:
                    await self._remark(INTERRUPTED)
                if not self.remains.settling:
                    self.remains.forget()
                raise
            outcome = replace(self.ending, output=self.output)
        except Held:
            self.remains.forget()
            raise
        except CutShort:
            await self._remark(LOST)
            self.remains.forget()
            raise
        except SyncropelError:
            raise  # the log accepts no observations now: nothing has run, and it is tried again
        except Exception as error:
            # Adapters must not raise; one that does must not leave a subtask open.
            log.exception("the adapter failed", extra={"thread_id": self.intend.thread})
            outcome = Outcome(
                "failed", f"the adapter failed: {type(error).__name__}: {error}", output=self.output
            )
        if self.meter.over and outcome.reason != OVER_BUDGET:
            outcome = replace(self.meter.outcome(), output=outcome.output, exit=outcome.exit)
        others = self._others(place.ingest.live.spend.of(self.intend.record))
        outcome = honest(with_agent(outcome, self.remains, others=others), self.remains)
        self.ending = outcome = replace(outcome, cost_usd=self.meter.spent + outcome.cost_usd)
        secs = place.runtime.monotonic() - started
        self.finished = True
        self.freed()
        at, starts = place.runtime.now(), self._starts(outcome)
        budget = self.meter.budget_usd if budget_of(self.intend) is None else None
        records = ending(self.intend, self._thread, place.did, outcome, secs, at, starts, budget)
        await write_ending(place.ingest, place.runtime, self.intend, records)
        self.remains.forget()

    def _others(self, spent: Spent) -> bool:
        """Whether an agent worked on this attempt before, in a run that was lost."""
        return any(agent.session for name, agent in spent.agents.items() if name != self._run)

    def _starts(self, outcome: Outcome) -> tuple[Start, ...]:
        """The starts for the result; empty when there was none."""
        if outcome.reason == CRASH_LOOP or not self.behind:
            return self.behind
        moved = read_starts(self.intend.body.get("starts"))
        return moved + self.place.ingest.live.starts.of(self.intend.record)

    async def _outcome(self) -> Outcome:
        limits = self.place.limits
        name = limits.adapter_of(self.intend)
        adapter, model = self.place.adapters.get(name), str(self.intend.body.get("model") or "")
        if adapter is None:
            why = limits.problems.get(name)
            why = f"cannot be used here: {why}" if why else "is not enabled on this instance"
            return Outcome("failed", f"adapter {name!r} {why}; enable it in its own config.toml")
        models = limits.models.get(name, ())
        if model and model not in models:
            allowed = ", ".join(models) or "none"
            return Outcome("failed", f"model {model!r} is not allowed for {name!r} here; allowed: {allowed}")
        looping = loops(self.behind)
        if self.taken is None and (looping or self.meter.over):
            return ended_by_coordinator(CRASH_LOOP) if looping else self.meter.outcome()
        spent = self.place.ingest.live.spend.of(self.intend.record)
        model = model or next(iter(models), "")
        child = self.place.ingest.live.children[self.intend.thread]
        before = earlier_agent(child, self.intend, name)
        started = self.taken.start if self.taken else None
        earlier = resumed_agent(spent, before, name) if started is None else asked_for(started, before)
        job = job_of(self.intend, limits.default_timeout_secs, spent, model, earlier)
        job = replace(job, budget_usd=limits.budget_of(self.intend), stopped=self._stopped)
        calls = AttemptCalls(
            self.intend,
            self.place.ingest,
            self.place.runtime,
            self.line,
            self._observe,
            self.place.siblings,
            name,
        )
        hint = self.line.hint(job.hint, hears=limits.hears(name))
        job = replace(job, operator=self.line, hint=hint, calls=calls)
        if self.taken is not None:
            if looping and self.taken.adapter.goes_on(self.taken.run):
                self.end(ended_by_coordinator(CRASH_LOOP))
            elif self.meter.over:
                self.end(self.meter.outcome())
            return await self.taken.adapter.resume(
                self.taken.run, replace(job, remains=self.remains), self._observe
            )
        gate = partial(self.place.gate, self.intend)
        programs = isinstance(adapter, Resumable)
        if job.repo and not programs:
            return Outcome("failed", f"adapter {name!r} runs no program that could work on a repository")
        if not programs:
            await self._observe(SESSION, {"adapter": adapter.name})
            if not await gate(Instant()):
                await self._remark(NOT_STARTED)
                raise Held
        return await adapter.run(replace(job, gate=gate, remains=self.remains), self._observe)

    def _stopped(self) -> Outcome | None:
        """What it comes to, once that is settled or bound to be."""
        reason = self.place.ingest.live.children[self.intend.thread].ended.get(self.intend.record)
        ended = ended_by_coordinator(reason) if reason is not None else None
        return self.ending or ended or self.place.stopped(self.intend)

    async def _remark(self, kind: str) -> None:
        """Record an optional observation; nothing for a run that has not begun."""
        if self._thread is not None:
            with contextlib.suppress(SyncropelError):
                await self._observe(kind, {})

    async def _begin(self, session: dict[str, Any], at: float) -> None:
        """Write the first records of this run's thread: all of them or none, and to completion, even if the
        run is ended meanwhile. Raises Held when a freeze refuses them.
        """
        place, adapter = self.place, str(session.get("adapter", ""))
        thread = dispatch_thread(self.intend.thread, place.did, at)
        records = beginning(thread, self.intend, place.did, adapter, at)
        records.append(observation(thread, self.intend, place.did, SESSION, session, at))
        for body in self.line.in_hint():
            records.append(observation(thread, self.intend, place.did, MESSAGE, body, at))
        writing = asyncio.ensure_future(place.ingest.append(records, together=True, whole=True))
        cancelled = False
        while not writing.done():
            try:
                await asyncio.wait({writing})
            except asyncio.CancelledError:
                cancelled = True
        first = writing.result()[0]
        if isinstance(first, NamespaceFrozen):
            raise Held from first
        if isinstance(first, SyncropelError):
            raise first
        self._thread, self._mine = RunThread(thread, first.stored.record.id), True
        if cancelled:
            raise asyncio.CancelledError

    async def _observe(self, kind: str, body: dict[str, Any]) -> None:
        self.output = body.get("output", self.output)
        if kind in (SESSION, REATTACHED):
            self._run = str(body.get("run", ""))
        did, at = self.place.did, self.place.runtime.now()
        if self._thread is None:
            if kind == SESSION:
                await self._begin(body, at)
            return
        self._mine = self._mine or kind == REATTACHED
        thread = self._thread.id
        body_text(body)
        records = [observation(thread, self.intend, did, kind, body, at)]
        cost = cost_in(kind, body)
        if cost and (warning := self.meter.take(cost)):
            records.append(observation(thread, self.intend, did, STREAM_EVENT, warning, at))
        for outcome in await self.place.ingest.append(records):
            if isinstance(outcome, SyncropelError):
                self.meter.spent -= cost
                raise outcome
        if cost and self.meter.over:
            self.end(self.meter.outcome())
