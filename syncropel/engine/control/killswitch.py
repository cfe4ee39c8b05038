"""The kill switch: writes freezes, their lifting, and the namespace registry as records."""

from __future__ import annotations

from typing import Any

from syncropel.engine.ingest.door import Ingest
from syncropel.errors import BadRequest, Conflict, InvalidNamespace, NotFound
from syncropel.folds.control.freezes import FREEZE, UNFREEZE, Freeze
from syncropel.folds.control.grace import HEARD, Heard
from syncropel.folds.control.namespaces import DEFAULT, STRICT_TOPIC, lineage, parse_namespace
from syncropel.freeze_levels import EMERGENCY, EVERYWHERE, HARD, SOFT, unkill_command
from syncropel.peer.runtime import Runtime
from syncropel.record.model import Record, StoredRecord
from syncropel.record.threads import FLEET_CONTROL, NAMESPACE_REGISTRY


class KillSwitch:
    """Two verbs, freeze and unfreeze; never a toggle."""

    def __init__(self, ingest: Ingest, runtime: Runtime) -> None:
        self._ingest = ingest
        self._runtime = runtime

    async def freeze(
        self,
        *,
        level: str,
        namespace: str,
        reason: str,
        grace_secs: float,
        terminate: bool,
        actor: str,
    ) -> StoredRecord:
        """Freeze a namespace, or with level emergency the whole fleet.

        Raises BadRequest for an invalid namespace or a missing reason, Conflict when it is already frozen at
        that level or above.
        """
        if not reason.strip():
            raise BadRequest("a freeze needs a reason", "others will read it at 3 a.m.: --reason …")
        place = EVERYWHERE if level == EMERGENCY else namespace
        if level != EMERGENCY:
            self.check_place(namespace)
        present = self._ingest.live.control.freezes.get(place)
        if present is not None and not (present.level == SOFT and level == HARD):
            raise Conflict(
                f"{_place(place)} is frozen already: {present.level}, {present.reason}", _lift(present)
            )
        body: dict[str, Any] = {
            "topic": FREEZE,
            "level": level,
            "namespace": place,
            "reason": reason.strip(),
            "grace_secs": grace_secs,
            "terminate": terminate,
            "at": self._runtime.now(),
        }
        if level == HARD:
            body[HEARD] = Heard(grace_secs, self._runtime.moment()).body()
        return await self._write(FLEET_CONTROL, actor, body)

    def check_place(self, namespace: str) -> None:
        """Raise InvalidNamespace for a name that the grammar does not allow, unless work of an older log is
        in a namespace of exactly this name.
        """
        try:
            parse_namespace(namespace)
        except InvalidNamespace as error:
            if namespace == EVERYWHERE:
                error.hint = "stop the whole fleet: spl kill --emergency"
            if namespace == EVERYWHERE or not self._is_used(namespace):
                raise

    def _is_used(self, namespace: str) -> bool:
        return namespace in self._ingest.live.places

    async def unfreeze(self, *, namespace: str, actor: str, reason: str = "") -> StoredRecord:
        """Lift the freeze of exactly this namespace (`*`: the emergency). Raises NotFound without one."""
        live = self._ingest.live
        present = live.control.freezes.get(namespace)
        if present is None:
            around = [freeze.namespace for freeze in live.control.covering(namespace)]
            hint = f"it is covered by: {', '.join(around)}" if around else "see the freezes: spl fleet status"
            raise NotFound(f"{_place(namespace)} is not frozen", hint)
        level = EMERGENCY if namespace == EVERYWHERE else present.level
        body: dict[str, Any] = {"topic": UNFREEZE, "level": level, "namespace": namespace}
        body |= {"reason": reason.strip()} if reason.strip() else {}
        body["at"] = self._runtime.now()
        return await self._write(FLEET_CONTROL, actor, body)

    async def register(self, *, namespace: str, description: str, actor: str) -> StoredRecord:
        """Create a namespace, or reopen an archived or deleted one. Raises BadRequest, Conflict."""
        parse_namespace(namespace)
        registry = self._ingest.live.namespaces
        known = registry.known.get(namespace)
        if namespace == DEFAULT or (known is not None and known.state == "active"):
            raise Conflict(f"the namespace {namespace} exists", f"see it: spl namespace show {namespace}")
        for ancestor in [*lineage(namespace)][:-1]:
            closed = registry.rejection(ancestor)
            if closed is not None:
                raise Conflict(f"{closed.ancestor} {closed.problem}", closed.mend)
        return await self._name("namespace_created", namespace, actor, description=description)

    async def close(self, topic: str, *, namespace: str, actor: str) -> StoredRecord:
        """Archive or delete a namespace. Raises NotFound, Conflict when it already has that state."""
        known = self._ingest.live.namespaces.known.get(namespace)
        if known is None:
            raise NotFound(f"no namespace {namespace!r}", "see them: spl namespace list")
        if topic.endswith(known.state):
            raise Conflict(
                f"{namespace} is {known.state} already", f"open it: spl namespace create {namespace}"
            )
        return await self._name(topic, namespace, actor)

    async def set_strict(self, *, strict: bool, actor: str) -> StoredRecord:
        """Set whether only registered namespaces may be used."""
        body = {"topic": STRICT_TOPIC, "strict": strict, "at": self._runtime.now()}
        return await self._write(NAMESPACE_REGISTRY, actor, body)

    async def _name(self, topic: str, namespace: str, actor: str, **more: str) -> StoredRecord:
        named = {key: value for key, value in more.items() if value}
        body = {"topic": topic, "namespace": namespace, **named, "at": self._runtime.now()}
        return await self._write(NAMESPACE_REGISTRY, actor, body)

    async def _write(self, thread: str, actor: str, body: dict[str, Any]) -> StoredRecord:
        return (await self._ingest.append_one(Record(thread, actor, "LEARN", body))).stored


def _place(place: str) -> str:
    return "the fleet" if place == EVERYWHERE else repr(place)


def _lift(freeze: Freeze) -> str:
    can_harden = freeze.level == SOFT
    harder = f"; or make it hard: --level {HARD}" if can_harden else ""
    return f"lift it: {unkill_command(freeze.namespace)}{harder}"
