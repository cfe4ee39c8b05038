"""Whether the instances that subtasks name have the requested adapters and models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from syncropel.engine.engine import Engine
from syncropel.errors import BadRequest
from syncropel.folds.fanout.spec import DYNAMIC_TARGETS
from syncropel.folds.fleet.routing import Candidate

_LATER = "for one that is enabled later: --allow-unknown"


def refuse_unable(engine: Engine, subtasks: Iterable[Mapping[str, Any]]) -> None:
    """Raise BadRequest for a subtask that no instance it may go to can run, as far as they have reported."""
    asked = list(subtasks)
    for place, one in enumerate(asked):
        target, adapter, model = one.get("target"), one.get("adapter"), one.get("model")
        if not isinstance(target, str) or not isinstance(adapter, str):
            continue
        where = f"subtask {place}: " if len(asked) > 1 else ""
        found = _may_take(engine, target)
        able = [candidate for candidate in found if candidate.has(adapter)]
        if found and not able:
            raise BadRequest(f"{where}{_who(target, found)} the adapter {adapter!r}", _known(found))
        if isinstance(model, str) and able:
            _refuse_model(engine, where, adapter, model, able)


def _refuse_model(engine: Engine, where: str, adapter: str, model: str, able: list[Candidate]) -> None:
    allowed = [engine.leases.models(one.did, adapter) for one in able if one.adapters is not None]
    if len(allowed) == len(able) and not any(model in models for models in allowed):
        names = ", ".join(sorted(frozenset().union(*allowed))) or "none"
        told = f"{where}the adapter {adapter!r} does not allow the model {model!r}"
        raise BadRequest(told, f"allowed: {names}; {_LATER}")


def _may_take(engine: Engine, target: str) -> list[Candidate]:
    candidates = engine.leases.candidates()
    if target in DYNAMIC_TARGETS:
        return [one for one in candidates if one.role == "worker" and one.status == "live"]
    name = target.removeprefix("specific:")
    return [one for one in candidates if name in (one.did, one.alias)]


def _who(target: str, found: list[Candidate]) -> str:
    return "no live worker has" if target in DYNAMIC_TARGETS else f"{found[0].alias or found[0].did} lacks"


def _known(found: list[Candidate]) -> str:
    known = sorted(frozenset().union(*(one.adapters or frozenset() for one in found)))
    return f"known there: {', '.join(known) or 'none'}; see: spl adapter list; {_LATER}"
