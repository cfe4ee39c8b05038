"""Lines of another instance's log, which the coordinator asks it for."""

from __future__ import annotations

from typing import Any, Final

from pydantic import ValidationError

from syncropel.engine.engine import Engine
from syncropel.errors import Conflict, DaemonUnreachable, Unavailable
from syncropel.folds.fleet.registry import Instance
from syncropel.wire import LogPage

_NOT_FOUND: Final = 404


async def instance_log(engine: Engine, instance: Instance, query: dict[str, Any]) -> LogPage:
    """Ask the instance. Raises Unavailable, with where its log is, when it does not give it."""
    name = instance.alias or instance.did
    if engine.settings.role == "worker":
        raise Conflict(
            "this instance is a worker, and has the log of no other",
            f"ask its coordinator: {engine.settings.fleet.coordinator_url}",
        )

    def unavailable(why: str) -> Unavailable:
        hint = f"on its host: spl logs; see spl fleet show {name}"
        return Unavailable(f"{name} does not give its log: {why}", hint)

    if not engine.ingest.open or not instance.endpoint:
        raise unavailable("its address is unknown")
    try:
        status, answer = await engine.peers.log(instance.endpoint, instance.did, query)
    except DaemonUnreachable:
        raise unavailable("it does not answer") from None
    if status == _NOT_FOUND:
        raise unavailable("it is of an older version")
    try:
        return LogPage.model_validate(answer)
    except ValidationError:
        raise unavailable(f"HTTP {status} {answer.get('message', '')}".rstrip()) from None
