"""Whether the next attempt of a subtask can continue the agent session of the one before."""

from __future__ import annotations

from syncropel.engine.engine import Engine
from syncropel.errors import Conflict
from syncropel.folds.fanout.state import FanOut


def session_place(engine: Engine, name: str, fanout: FanOut, index: int, target: str | None) -> str:
    """The target that continues the session of the subtask's current attempt: the instance that has it.

    `target`: where the caller wants it to run, if anywhere in particular. Raises Conflict, with the reason,
    when the session cannot be continued.
    """
    attempt = fanout.attempt(index)
    report = fanout.reports.get((index, attempt))
    where = f"{name} [{index}], attempt {attempt},"
    afresh = f"begin a new session without --resume: spl task retry {name} --subtask {index}"
    if report is None:
        raise Conflict(f"{where} has not ended", f"end it first: spl task stop {name} --subtask {index}")
    if not (report.agent or {}).get("session"):
        raise Conflict(f"{where} left no session to resume", afresh)
    holder, live = report.worker, engine.ingest.live
    instance, known = live.registry.instances.get(holder), live.names().get(holder, holder)
    status = engine.leases.status(instance) if instance is not None else ""
    if status != "live":
        raise Conflict(f"the session of {where} is on {known}, which is {status or 'unknown here'}", afresh)
    if target is not None and target not in (known, holder, f"specific:{holder}"):
        raise Conflict(f"the session of {where} is on {known}, not on {target}", afresh)
    return f"specific:{holder}"
