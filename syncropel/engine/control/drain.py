"""Draining: writes the records that start and stop emptying instances."""

from __future__ import annotations

from typing import Any

from syncropel.engine.ingest.door import Ingest
from syncropel.errors import BadRequest, Conflict, NotFound
from syncropel.folds.control.drains import DRAIN, WHOLE_FLEET, Drain
from syncropel.peer.runtime import Runtime
from syncropel.record.model import Record, StoredRecord
from syncropel.record.threads import FLEET_CONTROL


class Drainer:
    """Two verbs, start and stop; never a toggle."""

    def __init__(self, ingest: Ingest, runtime: Runtime) -> None:
        self._ingest = ingest
        self._runtime = runtime

    async def start(
        self, *, instance: str, deadline_secs: float | None, then: str | None, reason: str, actor: str
    ) -> StoredRecord:
        """Drain this instance (a DID), or with `*` the whole fleet. `deadline_secs` counts from now.

        An existing drain may get another deadline. Raises BadRequest when a whole fleet is asked to move its
        work elsewhere, Conflict when it is already draining and nothing would change.
        """
        if instance == WHOLE_FLEET and then == "reassign":
            raise BadRequest(
                "a fleet that drains as a whole has no instance left to take its work",
                "end it at the deadline, --then end; or drain one instance, --instance NAME",
            )
        chosen = then or ("end" if instance == WHOLE_FLEET else "reassign")
        now = self._runtime.now()
        deadline = None if deadline_secs is None else now + deadline_secs
        present = self._ingest.live.drains.drains.get(instance)
        if present is not None and deadline is None and then in (None, present.then):
            raise Conflict(
                f"{self._name(instance)} is draining already{_because(present)}",
                "see it: spl drain status; or give it a deadline: --deadline 60",
            )
        body: dict[str, Any] = {
            "topic": DRAIN,
            "instance": instance,
            "state": "start",
            "deadline": deadline,
            "then": chosen,
            "reason": reason.strip(),
            "at": now,
        }
        return await self._write(actor, body)

    async def stop(self, *, instance: str, actor: str) -> StoredRecord:
        """Stop draining exactly this instance, or with `*` the fleet. Raises NotFound without a drain."""
        drains = self._ingest.live.drains
        if instance not in drains.drains:
            around = drains.covering(instance)
            hint = "see what drains: spl drain status"
            if around:
                hint = "it drains with the whole fleet: spl drain stop"
            elif instance == WHOLE_FLEET and drains.drains:
                names = ", ".join(sorted(map(self._name, drains.drains)))
                hint = f"these do: {names}; name one: --instance"
            raise NotFound(f"{self._name(instance)} is not draining", hint)
        body = {"topic": DRAIN, "instance": instance, "state": "stop", "at": self._runtime.now()}
        return await self._write(actor, body)

    def _name(self, instance: str) -> str:
        if instance == WHOLE_FLEET:
            return "the fleet"
        return self._ingest.live.names().get(instance, instance)

    async def _write(self, actor: str, body: dict[str, Any]) -> StoredRecord:
        return (await self._ingest.append_one(Record(FLEET_CONTROL, actor, "LEARN", body))).stored


def _because(drain: Drain) -> str:
    return f": {drain.reason}" if drain.reason else ""
