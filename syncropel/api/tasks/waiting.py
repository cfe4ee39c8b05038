"""Why a subtask has no result yet, in words that say what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from syncropel.engine.engine import Engine
from syncropel.folds.control.freezes import Freeze
from syncropel.folds.control.pauses import Pause
from syncropel.folds.fanout.spec import DYNAMIC_TARGETS
from syncropel.folds.fanout.state import FanOut, Spawn
from syncropel.folds.fanout.subtasks import Child
from syncropel.folds.fleet.registry import Instance
from syncropel.freeze_levels import EMERGENCY
from syncropel.wire.tasks import Standing

_BEAT_AFTER_SECS: Final = 1.0
"""A heartbeat this long after a subtask was assigned comes from an instance that has it."""
WORKING: Final = frozenset({"live", "draining"})
"""The statuses of an instance that can still deliver a result."""


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of an attempt that was assigned to an instance.

    `began_at`: when it began to run (unix seconds), None while that is not known; `queued`: its instance says
    that it does not run yet; `hangs`: it will have no result as things stand; `why` in words; `lost_at`: when
    it was lost with its instance; `standing`: a word where its state would mislead.
    """

    began_at: float | None = None
    queued: bool = False
    hangs: bool = False
    why: str = ""
    lost_at: float | None = None
    standing: Standing = ""


_OVER: Final = "the fan-out was over first"
NOT_SPAWNED: Final = Progress(why=_OVER, standing="not_spawned")


_GONE_WORDS: Final = {"left": "has left", "archived": "is archived"}


@dataclass(frozen=True, slots=True)
class Running:
    """The spend of a running goal, as its instance reports it, in US dollars.

    `cost_unknown`: the cost is more than `cost_usd`. `budget_usd`: None for none, and if it is not known.
    """

    cost_usd: float = 0.0
    cost_unknown: bool = False
    budget_usd: float | None = None
    progress: str = ""
    """What its agent last said of its progress."""
    progress_at: float | None = None
    """When it said so (unix seconds)."""


class Look:
    """What is known now about everything that was assigned: computed once, then queried for each subtask."""

    def __init__(self, engine: Engine) -> None:
        self.spending = engine.reported_work.spending()
        self._engine = engine
        here = engine.dispatcher.spending()
        self.running = {
            one.child_intend: Running(
                one.cost_usd, one.cost_unknown, one.budget_usd, one.progress, one.progress_at
            )
            for one in (*engine.leases.spends(), *here)
        }
        own = {one.child_intend: one.began_at for one in here if one.began_at is not None}
        self._began = {**engine.leases.began(), **own}
        self._heard = engine.leases.heard_at() | {engine.instance.did: engine.runtime.now()}
        self._held = engine.reported_work.held()
        self._undelivered = engine.fan_outs.delivery.waiting()
        self._statuses: dict[str, str] = {}
        self._aliases = engine.ingest.live.names()
        self.names = {
            did: name if self.status(did) in WORKING else f"{name} ({self.status(did)})"
            for did, name in self._aliases.items()
        }
        """Alias of every instance by DID; for one that does no work, with its status."""

    def status(self, did: str) -> str:
        """The status of an instance; empty when it is not known."""
        if did not in self._statuses:
            known = self._engine.ingest.live.registry.instances.get(did)
            self._statuses[did] = self._engine.leases.status(known) if known is not None else ""
        return self._statuses[did]

    def lost(self, spawn: Spawn) -> tuple[float | None, float | None]:
        """Since when an attempt without a result ran, and when it was lost with its instance (unix seconds):
        None if it was not, as far as is known.
        """
        known = self._engine.ingest.live.registry.instances.get(spawn.instance)
        lost_at = self._engine.leases.lost_at(known) if known is not None else None
        if lost_at is None:
            return None, None
        lost_at = max(spawn.at, lost_at)
        began = self._engine.leases.ran(spawn.instance).get(spawn.child_intend)
        return None if began is None else max(spawn.at, min(began, lost_at)), lost_at

    def progress(self, fanout: FanOut, child: Child, spawn: Spawn) -> Progress:
        """The progress of a subtask's current attempt that has no result."""
        began = self._began.get(spawn.child_intend)
        if began is not None:  # two clocks: it cannot have begun before it was assigned, nor later than now
            began = max(spawn.at, min(began, self._engine.runtime.now()))
        ran_from, lost_at = self.lost(spawn)
        heard = self._heard.get(spawn.instance, 0.0)
        queued = began is None and lost_at is None and heard >= spawn.at + _BEAT_AFTER_SECS
        known = self._engine.ingest.live.registry.instances.get(spawn.instance)
        if not fanout.active:
            return self._after_the_end(spawn, began, queued)
        if known is not None and (told := self._of_its_instance(fanout, child, known, spawn)):
            standing: Standing = "" if lost_at is None else "lost"
            return Progress(began or ran_from, queued, True, told, lost_at, standing)
        if began is None and self._undelivered.get(spawn.instance, (0, ""))[1]:
            return Progress(began, True, True, "not delivered yet: its instance does not answer")
        freezes = self._engine.ingest.live.control.covering(fanout.spec.namespace) if began is None else []
        why = held_by(freezes[-1]) if freezes else taken_over(fanout, child.index, self._aliases)
        if queued and not why and (pause := self._pause(child, spawn)) is not None:
            why = pause.told(self._engine.runtime.now())
        if queued and not why:
            name = self.names.get(spawn.instance, spawn.instance)
            full = self._engine.leases.free_slots(spawn.instance) == 0
            why = f"waits for a free slot on {name}" if full else f"has not begun on {name}"
        return Progress(began, queued, why=why or self._asks(fanout, child))

    def _asks(self, fanout: FanOut, child: Child) -> str:
        """That the attempt waits for its operator; empty when it does not."""
        talk, slot = fanout.talk, (child.index, child.attempt)
        if not talk.undecided or not any(one.slot == slot and one.answer is None for one in talk.waiting()):
            return ""
        return f"asks its operator: spl task answer {self._name(fanout)} {child.index}"

    def _name(self, fanout: FanOut) -> str:
        return self._engine.ingest.live.tasks[fanout.thread].alias or fanout.thread

    def _pause(self, child: Child, spawn: Spawn) -> Pause | None:
        """The pause of the provider that the subtask's adapter uses on its instance."""
        engine = self._engine
        pauses, now = engine.ingest.live.pauses, engine.runtime.now()
        provider = self._provider(spawn.instance, child.subtask.adapter or "") if pauses.active(now) else ""
        return pauses.of(provider, now) if provider else None

    def _provider(self, did: str, adapter: str) -> str:
        """Whose quota goals of this adapter use on an instance; empty when that is not known. Without a name
        it is the default adapter.
        """
        engine = self._engine
        if did != engine.instance.did:
            return engine.leases.provider(did, adapter)
        enabled = engine.enabled.get(adapter or engine.settings.dispatch.adapter)
        return enabled.provider if enabled is not None else ""

    def _after_the_end(self, spawn: Spawn, began: float | None, queued: bool) -> Progress:
        """The progress of an attempt that had no result when its fan-out was over. Nobody waits for it."""
        name = self._aliases.get(spawn.instance, spawn.instance)
        ran_from, lost_at = self.lost(spawn)
        if lost_at is not None:
            word: Standing = "not_begun" if ran_from is None else "lost"
            why = f"{name} {_GONE_WORDS[self.status(spawn.instance)]} and has not reported it"
            return Progress(ran_from, False, False, why, lost_at, word)
        if began is not None:
            return Progress(began, why="runs on: the fan-out was over before it ended")
        if self._engine.fan_outs.delivery.untaken(spawn.child_intend):
            why = f"{name} had not taken it when the fan-out was over"
            return Progress(why=why, standing="not_begun")
        if queued:
            return Progress(queued=True, why=_OVER, standing="not_begun")
        return Progress()

    def _of_its_instance(self, fanout: FanOut, child: Child, instance: Instance, spawn: Spawn) -> str:
        engine = self._engine
        name, status = instance.alias or instance.did, self.status(instance.did)
        free = child.subtask.target in DYNAMIC_TARGETS
        retry = f"spl task retry {self._name(fanout)} --subtask {child.index} --target OTHER"
        if engine.leases.is_gone(instance):
            gone = _GONE_WORDS[status]
            if free:
                return f"{name} {gone}, and no other worker is live to take it"
            return f"{name} {gone}, and the subtask is bound to it: bring it back, or {retry}"
        if status == "draining" and spawn.child_intend in self._held:
            if free:
                return f"{name} drains and will not begin it, and no other worker is live to take it"
            return f"{name} drains and will not begin it, and the subtask is bound to it: {retry}"
        if status not in WORKING:
            return f"{name} {_GONE_WORDS.get(status, f'is {status}')}; its work goes on when it is back"
        return ""


def slots(engine: Engine) -> dict[str, int]:
    """How many goals each instance runs at once, by DID, as far as is known."""
    return {**engine.leases.slots(), engine.instance.did: engine.dispatcher.max_concurrent}


def held_by(freeze: Freeze) -> str:
    """Why nothing starts, if that is because of a freeze."""
    place = "the emergency stop" if freeze.level == EMERGENCY else f"the freeze of {freeze.namespace!r}"
    return f"held by {place}: {freeze.reason}"


def why_pending(fanout: FanOut, child: Child, route_problem: str, names: Mapping[str, str]) -> str:
    """Why a subtask has not been assigned; from whom it was taken when nothing prevents that."""
    if fanout.moves.exceeded:
        return f"the fan-out has spent its budget of ${fanout.budget_usd or 0:.2f}"
    if child.blocked_by:
        return "blocked by " + ", ".join(f"[{index}]" for index in child.blocked_by)
    if child.waits_for:
        return "waits for " + ", ".join(f"[{index}]" for index in child.waits_for)
    return route_problem or taken_over(fanout, child.index, names)


def taken_over(fanout: FanOut, index: int, names: Mapping[str, str]) -> str:
    """From whom the subtask's current attempt was taken over; empty when it was not."""
    taken = fanout.taken_from(index)
    return f"taken over from {names.get(taken.instance, taken.instance)} ({taken.reason})" if taken else ""
