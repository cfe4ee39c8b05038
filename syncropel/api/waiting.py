"""Why a subtask has no result yet, in words that say what to do about it."""

from __future__ import annotations

from collections.abc import Mapping

from syncropel.engine.engine import Engine
from syncropel.folds.fanout import FanOut, Spawn
from syncropel.folds.freezes import Freeze
from syncropel.folds.registry import Instance
from syncropel.folds.spec import DYNAMIC_TARGETS
from syncropel.folds.subtasks import Child

Undelivered = Mapping[str, tuple[int, str]]
"""INTENDs that wait for each instance, and what the last attempt to send them met."""


def held_by(freeze: Freeze) -> str:
    """Why nothing starts, when it is a freeze."""
    place = "the emergency stop" if freeze.level == "emergency" else f"the freeze of {freeze.namespace!r}"
    return f"held by {place}: {freeze.reason}"


def why_pending(fanout: FanOut, kid: Child, route_problem: str, names: Mapping[str, str]) -> str:
    """Why a subtask was not given to anyone; from whom it was taken when nothing stands in its way."""
    if fanout.moves.exceeded:
        return f"the fan-out has spent its budget of ${fanout.budget_usd or 0:.2f}"
    if kid.blocked_by:
        return "blocked by " + ", ".join(f"[{index}]" for index in kid.blocked_by)
    if kid.waits_for:
        return "waits for " + ", ".join(f"[{index}]" for index in kid.waits_for)
    return route_problem or taken_over(fanout, kid.index, names)


def why_in_progress(
    engine: Engine, fanout: FanOut, kid: Child, spawn: Spawn, held: frozenset[str], undelivered: Undelivered
) -> str:
    """What is to know about a subtask that an instance was given; empty when it simply runs."""
    known = engine.ingest.live.registry.instances.get(spawn.instance)
    if known is not None:
        told = _of_its_instance(engine, fanout, kid, known, spawn.child_intend in held)
        if told:
            return told
    if spawn.instance in undelivered and undelivered[spawn.instance][1]:
        return "not delivered yet: its instance does not answer"
    return taken_over(fanout, kid.index, engine.ingest.live.names())


def taken_over(fanout: FanOut, index: int, names: Mapping[str, str]) -> str:
    """From whom the subtask's present attempt was taken over; empty when it was not."""
    taken = fanout.taken_from(index)
    return f"taken over from {names.get(taken.instance, taken.instance)} ({taken.reason})" if taken else ""


def _of_its_instance(engine: Engine, fanout: FanOut, kid: Child, instance: Instance, held: bool) -> str:
    name, status = instance.alias or instance.did, engine.leases.status(instance)
    free = kid.subtask.target in DYNAMIC_TARGETS
    task = engine.ingest.live.tasks[fanout.thread].alias or fanout.thread
    retry = f"spl task retry {task} --subtask {kid.index} --target OTHER"
    if engine.leases.is_gone(instance):
        if free:
            return f"{name} is {status}, and no other worker is live to take it"
        return f"{name} is {status}, and the subtask is bound to it: bring it back, or {retry}"
    if status == "draining" and held:
        if free:
            return f"{name} drains and will not begin it, and no other worker is live to take it"
        return f"{name} drains and will not begin it, and the subtask is bound to it: {retry}"
    if status not in ("live", "draining"):
        return f"{name} is {status}; its work goes on when it is back"
    return ""
