"""One run of a fan-out in virtual time, from its request to its join, or until nothing can change.

What is spawned where, and when it joins, is decided by what decides it in the engine. Simulated is what the
engine waits for: how long an attempt takes, what it costs, and how it ends.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import TYPE_CHECKING, Final

from syncropel.folds.fanout.join import JoinDecision
from syncropel.folds.fanout.progress import ROUND_ROBIN, progress_of
from syncropel.folds.fanout.reassignments import BUDGET_EXCEEDED, REASSIGN, spends
from syncropel.folds.fanout.spec import DYNAMIC_TARGETS, FanOutSpec, Subtask
from syncropel.folds.fanout.state import ACCEPT, FanOut
from syncropel.folds.fleet.routing import Candidate, route
from syncropel.policy.joining import decide_join_from_thread
from syncropel.record.threads import INSTANCE_DID_PREFIX
from syncropel.settings.config import DispatchSettings

if TYPE_CHECKING:
    from syncropel.offline.simulation.assumptions import Assumptions

LOST: Final = "lost"
"""How an attempt ends whose instance does not report it. It is no verdict: the log says nothing of it."""
_TIMEOUT_SECS: Final = DispatchSettings().default_timeout_secs
_INTEND: Final = "simulated"
_MOST_EVENTS: Final = 1_000_000
"""A run has no more: lost again and again, a subtask would never end."""


@dataclass(slots=True)
class Attempt:
    """One attempt in virtual time; all times in seconds since the fan-out was requested.

    `ready_at`: when all that it waited for was there, `begun_at`: when it got a slot, `ended_at`: when it was
    over. `before`: what it became ready by: another subtask's attempt, or its own before a retry or a move.
    """

    index: int
    number: int
    worker: str
    ready_at: float
    secs: float
    cost_usd: float
    verdict: str
    begun_at: float | None = None
    ended_at: float | None = None
    before: Attempt | None = None

    def spent_at(self, now: float) -> float:
        """What it has cost by this time, in US dollars."""
        if self.begun_at is None:
            return 0.0
        if self.ended_at is not None or self.secs <= 0:
            return self.cost_usd
        return self.cost_usd * min(1.0, (now - self.begun_at) / self.secs)


@dataclass(frozen=True, slots=True)
class Path:
    """Where the time of a run went, along the chain of attempts that its end waited for, in seconds."""

    work: float = 0.0
    queue: float = 0.0
    waits: float = 0.0
    """For an operator's retry, or until a lost attempt goes to another worker."""


@dataclass(frozen=True, slots=True)
class Run:
    """How one run ended. `secs`: until it joined, or until nothing ran any more. `cost_usd`: by then;
    `later_usd`: what the attempts cost that were still running. `blame`: subtasks that kept it from joining,
    by index. `busy` and `queued`: seconds of work, and seconds that attempts waited for a slot, by alias.
    """

    joined: bool
    secs: float
    cost_usd: float
    later_usd: float
    attempts: int
    why: str
    blame: tuple[int, ...]
    path: Path
    busy: Mapping[str, float]
    queued: Mapping[str, float]


@dataclass(slots=True)
class _Worker:
    slots: int
    running: list[Attempt] = field(default_factory=list)
    waiting: deque[Attempt] = field(default_factory=deque)


def did_of(alias: str) -> str:
    """The DID of a simulated worker."""
    return f"{INSTANCE_DID_PREFIX}simulated-{alias}"


class _Simulation:
    """`now`: virtual seconds since the request; `last`: the attempt that ended last."""

    def __init__(self, spec: FanOutSpec, assumed: Assumptions, seed: str) -> None:
        self._spec, self._assumed, self._seed = spec, assumed, seed
        self.fanout = FanOut("simulated", _INTEND, spec, 0.0, 0, spec.join)
        self._names = {did_of(alias): alias for alias in assumed.workers}
        self._candidates = [Candidate(did, alias, "worker", "live") for did, alias in self._names.items()]
        self.workers = {alias: _Worker(slots) for alias, slots in assumed.workers.items()}
        self._clocks = count(1)
        self._order = count()
        self._events: list[tuple[float, int, Callable[[Attempt], None], Attempt]] = []
        self._retried: Counter[int] = Counter()
        self._draws: Counter[int] = Counter()
        self._ended: dict[int, Attempt] = {}
        """The latest attempt at each subtask that is over."""
        self.attempts: list[Attempt] = []
        self.now = 0.0
        self.last: Attempt | None = None

    def go(self) -> JoinDecision:
        """Until the join is satisfied, or nothing is left that could change it."""
        for _ in range(_MOST_EVENTS):
            decision = decide_join_from_thread(self.fanout, progress_of(self.fanout), "", self._names)
            if decision.satisfied:
                return decision
            self._spawn()
            if not self._step():
                return decision
        return JoinDecision(False, False, "it goes on without end", (), "it goes on without end")

    def _spawn(self) -> None:
        """Assign what is ready as the reconciler does, and begin what has a slot."""
        progress, turn = progress_of(self.fanout), progress_of(self.fanout).turn
        load = Counter({did: len(running) for did, running in progress.running.items()})
        for child in progress.ready():
            chosen = route(child.subtask.target, self._candidates, load, turn)
            if chosen.did is None:
                continue
            turn += child.subtask.target == ROUND_ROBIN
            load[chosen.did] += 1
            self._assign(child.subtask, child.attempt, chosen.did)
        for worker in self.workers.values():
            self._begin(worker)

    def _assign(self, subtask: Subtask, number: int, did: str) -> None:
        body = {"index": subtask.index, "attempt": number, "instance": did, "at": self.now}
        self.fanout.record_spawn(body, (next(self._clocks), ""))
        before = self._ended.get(subtask.index)
        if before is None and subtask.depends_on:
            before = max((self._ended[other] for other in subtask.depends_on), key=_ended_at)
        self._queue(self._drawn(subtask, number, self._names[did], before))

    def _queue(self, attempt: Attempt) -> None:
        self.attempts.append(attempt)
        self.workers[attempt.worker].waiting.append(attempt)

    def _drawn(self, subtask: Subtask, number: int, worker: str, before: Attempt | None) -> Attempt:
        """An attempt as chance has it. The same seed gives the same work, whatever the workers are: so two
        fleets can be compared.
        """
        self._draws[subtask.index] += 1
        random = Random(f"{self._seed}/{subtask.index}/{self._draws[subtask.index]}")
        work = self._assumed.work_of(subtask.index)
        secs, cost = work.secs.draw(random), work.cost_usd.draw(random)
        fails, lost, part = (
            random.random() < work.fails,
            random.random() < self._assumed.lost,
            random.random(),
        )
        share, verdict = (part, LOST) if lost else (1.0, "failed" if fails else ACCEPT)
        limit = subtask.timeout_secs or _TIMEOUT_SECS
        if secs * share > limit:
            share, verdict = limit / secs, "timeout"
        if subtask.budget_usd is not None and cost * share >= subtask.budget_usd:
            share, verdict = subtask.budget_usd / cost, "failed"
        return Attempt(
            subtask.index, number, worker, self.now, secs * share, cost * share, verdict, before=before
        )

    def _begin(self, worker: _Worker) -> None:
        while worker.waiting and len(worker.running) < worker.slots:
            attempt = worker.waiting.popleft()
            attempt.begun_at = self.now
            worker.running.append(attempt)
            self._at(attempt.secs, self._end, attempt)

    def _at(self, secs: float, what: Callable[[Attempt], None], attempt: Attempt) -> None:
        heappush(self._events, (self.now + secs, next(self._order), what, attempt))

    def _step(self) -> bool:
        """Let the next thing happen; return whether there was one."""
        while self._events and self._events[0][2] == self._end and self._events[0][3].ended_at is not None:
            heappop(self._events)  # the budget ended it before
        exceeds = self._exceeds_at()
        if exceeds is not None and (not self._events or exceeds <= self._events[0][0]):
            self.now = exceeds
            self._exceed()
            return True
        if not self._events:
            return False
        self.now, _, what, attempt = heappop(self._events)
        what(attempt)
        return True

    def _end(self, attempt: Attempt) -> None:
        self._leave(attempt)
        if attempt.verdict == LOST:
            self._at(self._assumed.moved_secs, self._move, attempt)
            return
        self._report(attempt)
        if attempt.verdict != ACCEPT and self._retried[attempt.index] < self._assumed.retries:
            self._retried[attempt.index] += 1
            self._at(self._assumed.retry_secs, self._retry, attempt)

    def _leave(self, attempt: Attempt) -> None:
        attempt.ended_at = self.now
        self._ended[attempt.index] = self.last = attempt
        worker = self.workers[attempt.worker]
        (worker.waiting if attempt.begun_at is None else worker.running).remove(attempt)

    def _report(self, attempt: Attempt) -> None:
        body = {
            "index": attempt.index,
            "attempt": attempt.number,
            "worker": did_of(attempt.worker),
            "verdict": attempt.verdict,
            "cost_usd": attempt.cost_usd,
            "wall_time_secs": attempt.secs,
            "at": self.now,
        }
        self.fanout.record_report(body, (next(self._clocks), ""), self.now)

    def _retry(self, attempt: Attempt) -> None:
        self.fanout.record_retry({"index": attempt.index})

    def _move(self, attempt: Attempt) -> None:
        """What was lost goes to another worker; where only one is named, to that one, which is back."""
        subtask = self.fanout.spec.subtasks[attempt.index]
        if subtask.target in DYNAMIC_TARGETS:
            body = {"index": attempt.index, "attempt": attempt.number, "from": did_of(attempt.worker)}
            self.fanout.record_move(REASSIGN, {**body, "reason": "archived"})
        elif self.fanout.moves.exceeded:
            attempt.verdict = "failed"
            self._report(attempt)
        else:
            self._queue(self._drawn(subtask, attempt.number, attempt.worker, attempt))

    def spent(self) -> float:
        """What was spent by now, in US dollars."""
        return sum(attempt.spent_at(self.now) for attempt in self.attempts)

    def _exceeds_at(self) -> float | None:
        """When the fan-out's budget will be spent, if nothing ends before; None when it never will be."""
        budget = self.fanout.budget_usd
        if budget is None or self.fanout.moves.exceeded:
            return None
        left = budget - self.spent()
        if spends(budget - left, budget):
            return self.now
        running = (attempt for worker in self.workers.values() for attempt in worker.running)
        rate = sum(attempt.cost_usd / attempt.secs for attempt in running if attempt.secs > 0)
        return self.now + left / rate if rate > 0 else None

    def _exceed(self) -> None:
        """The budget is spent: what runs is ended, and nothing more begins."""
        body = {"spent_usd": self.spent(), "budget_usd": self.fanout.budget_usd}
        self.fanout.record_move(BUDGET_EXCEEDED, body)
        for attempt in [one for one in self.attempts if one.ended_at is None]:
            attempt.cost_usd = attempt.spent_at(self.now)
            attempt.secs = 0.0 if attempt.begun_at is None else self.now - attempt.begun_at
            attempt.verdict = "failed"
            self._leave(attempt)
            self._report(attempt)


def simulate(spec: FanOutSpec, assumed: Assumptions, seed: str) -> Run:
    """One run. The same seed gives the same run."""
    simulation = _Simulation(spec, assumed, seed)
    decision = simulation.go()
    busy, queued = dict.fromkeys(assumed.workers, 0.0), dict.fromkeys(assumed.workers, 0.0)
    for attempt in simulation.attempts:
        begun = simulation.now if attempt.begun_at is None else attempt.begun_at
        ended = simulation.now if attempt.ended_at is None else attempt.ended_at
        queued[attempt.worker] += begun - attempt.ready_at
        busy[attempt.worker] += ended - begun
    spent = simulation.spent()
    return Run(
        decision.satisfied,
        0.0 if simulation.last is None else _ended_at(simulation.last),
        spent,
        sum(attempt.cost_usd for attempt in simulation.attempts) - spent,
        len(simulation.attempts),
        "" if decision.satisfied else decision.explanation,
        () if decision.satisfied else decision.blame,
        _path(simulation.last),
        busy,
        queued,
    )


def _ended_at(attempt: Attempt) -> float:
    assert attempt.ended_at is not None
    return attempt.ended_at


def _path(last: Attempt | None) -> Path:
    work = queue = waits = 0.0
    while last is not None:
        begun = _ended_at(last) if last.begun_at is None else last.begun_at
        work += _ended_at(last) - begun
        queue += begun - last.ready_at
        waits += last.ready_at - (0.0 if last.before is None else _ended_at(last.before))
        last = last.before
    return Path(work, queue, waits)
