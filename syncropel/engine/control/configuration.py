"""Rules and switches, written as records on the engine's config thread.

On a coordinator, permission rules are the fleet's. A worker may have rules of its own in addition, under
names that the fleet does not use; it cannot change what a freeze refuses.
"""

from __future__ import annotations

from typing import Any, Final

from syncropel.engine.control.fleet_rules import FleetRules
from syncropel.engine.ingest.door import Ingest
from syncropel.errors import Conflict, NotFound, SyncropelError
from syncropel.folds.control.access import CORS_ORIGINS
from syncropel.folds.control.rules import ENABLED_TOPIC, FREEZE_RULES, PERMISSION, Rule
from syncropel.peer.runtime import Runtime
from syncropel.record.model import Record, StoredRecord
from syncropel.record.threads import ENGINE_CONFIG
from syncropel.wire.origins import parse_origins

_FREEZE_PRIORITY: Final = 0


class Configuration:
    """Adds, replaces, and removes rules; turns permissions on and off."""

    def __init__(
        self, ingest: Ingest, did: str, runtime: Runtime, fleet: FleetRules | None, coordinator_url: str = ""
    ) -> None:
        """`fleet`: writes a coordinator's rules for the fleet; None on a worker, whose coordinator is at the
        URL.
        """
        self._fleet = fleet
        self._coordinator_url = coordinator_url
        self._ingest = ingest
        self._did = did
        self._runtime = runtime

    async def introduce_default_rules(self) -> None:
        """Write those default rules that the log has never contained."""
        own = self._ingest.live.rules.own
        missing = [name for name in FREEZE_RULES if (PERMISSION, name) not in own]
        await self._write_defaults(missing, self._did)

    async def restore_default_rules(self, actor: str) -> list[str]:
        """Restore every default rule that an operator changed or removed; return their names. Raises Conflict
        on a worker.
        """
        self._refuse_what_the_fleet_says(PERMISSION, next(iter(FREEZE_RULES)))
        rules = self._ingest.live.rules
        changed = [name for name in FREEZE_RULES if not rules.stands(name)]
        await self._write_defaults(changed, actor)
        await self._tell_fleet()
        return changed

    async def _write_defaults(self, names: list[str], actor: str) -> None:
        records = [
            Record(
                ENGINE_CONFIG,
                actor,
                "LEARN",
                {
                    "topic": PERMISSION,
                    "name": name,
                    "priority": _FREEZE_PRIORITY,
                    "expression": FREEZE_RULES[name],
                    "effect": "deny",
                    "ops": ["record_write"],
                    "at": self._runtime.now(),
                },
            )
            for name in names
        ]
        for outcome in await self._ingest.append(records, together=True) if records else []:
            if isinstance(outcome, SyncropelError):
                raise outcome

    async def set_rule(self, kind: str, fields: dict[str, Any], actor: str) -> StoredRecord:
        """Add a rule, or replace the one with this name. Raises the rule's error, with its column, and
        Conflict when the name belongs to the fleet.
        """
        self._refuse_what_the_fleet_says(kind, str(fields.get("name")))
        return await self._write_rule(actor, {"topic": kind, **fields})

    async def remove_rule(self, kind: str, name: str, actor: str) -> StoredRecord:
        """Remove a rule. Raises NotFound, and Conflict when the rule is the fleet's, or the last one that
        admits the daemon or an operator.
        """
        self._refuse_what_the_fleet_says(kind, name)
        if (kind, name) not in self._ingest.live.rules.known:
            known = ", ".join(sorted(one for of, one in self._ingest.live.rules.known if of == kind))
            raise NotFound(f"no {kind.replace('_', ' ')} {name!r}", f"there are: {known or 'none'}")
        return await self._write_rule(actor, {"topic": kind, "name": name, "removed": True})

    async def enable_permissions(self, actor: str) -> StoredRecord:
        """Enforce the permission rules. Raises Conflict unless they admit the daemon and an operator."""
        return await self._write(actor, {"topic": ENABLED_TOPIC, "enabled": True})

    async def disable_permissions(self, actor: str) -> StoredRecord:
        """Stop enforcing the permission rules."""
        return await self._write(actor, {"topic": ENABLED_TOPIC, "enabled": False})

    async def set_origins(self, origins: list[str], actor: str) -> StoredRecord:
        """Let pages of these origins call, and no others. Raises BadRequest for an invalid origin."""
        return await self._write(actor, {"topic": CORS_ORIGINS, "origins": list(parse_origins(origins))})

    async def _write(self, actor: str, body: dict[str, Any]) -> StoredRecord:
        body = {**body, "at": self._runtime.now()}
        return (await self._ingest.append_one(Record(ENGINE_CONFIG, actor, "LEARN", body))).stored

    async def _write_rule(self, actor: str, body: dict[str, Any]) -> StoredRecord:
        written = await self._write(actor, body)
        await self._tell_fleet()
        return written

    async def _tell_fleet(self) -> None:
        if self._fleet is not None:
            await self._fleet.tell()

    def _refuse_what_the_fleet_says(self, kind: str, name: str) -> None:
        if self._fleet is not None or kind != PERMISSION:
            return
        told = self._ingest.live.rules.fleet.get((kind, name))
        if name in FREEZE_RULES or (told is not None and not told.withdrawn):
            raise Conflict(
                f"{name!r} is the whole fleet's: a worker takes it from its coordinator",
                f"change it there: {self._coordinator_url}; a rule of this worker alone needs another name",
            )

    def rules(self, kind: str) -> list[Rule]:
        """The rules of a kind in order of evaluation."""
        return list(self._ingest.live.rules.of(kind))
