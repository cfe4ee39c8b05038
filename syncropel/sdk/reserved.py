"""The kinds of records with a fixed meaning: corrections, erasures, aliases, scopes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import UTC, datetime
from typing import Any

from syncropel.sdk.grammar import validate_kind, validate_scope
from syncropel.sdk.identity import Identity
from syncropel.sdk.results import EmitResult


class ReservedKinds(ABC):
    """Emits such records. Each method raises ValueError for a field that is empty or of the wrong type, and
    SyncropelKindError for an invalid kind or scope; otherwise it behaves like `emit`.

    The client's own identity is the default author; times are ISO 8601, by default now.
    """

    identity: Identity

    @abstractmethod
    async def emit(self, *, act: str, kind: str, body: dict[str, Any], thread: str) -> EmitResult: ...

    async def emit_correction(
        self,
        *,
        corrects: list[str],
        revised_fields: dict[str, Any],
        reason: str,
        thread: str,
        correcting_actor: str | None = None,
    ) -> EmitResult:
        """Say which records (by id) are wrong, and their correct fields."""
        body = {
            "corrects": _ids("corrects", corrects),
            "revised_fields": _dict("revised_fields", revised_fields),
            "reason": _text("reason", reason),
            "correcting_actor": correcting_actor or self.identity.actor_did,
        }
        return await self.emit(act="PUT", kind="core.correction", body=body, thread=thread)

    async def emit_erasure(
        self,
        *,
        erases: list[str],
        reason: str,
        thread: str,
        authorized_by: str | None = None,
        effective_at: str | None = None,
    ) -> EmitResult:
        """Say which records (by id) must no longer be shown. The log keeps them."""
        body = {
            "erases": _ids("erases", erases),
            "reason": _text("reason", reason),
            "authorized_by": authorized_by or self.identity.actor_did,
            "effective_at": effective_at or _now(),
        }
        return await self.emit(act="PUT", kind="core.erasure", body=body, thread=thread)

    async def emit_alias(
        self,
        *,
        old_kind: str,
        new_kind: str,
        reason: str,
        thread: str,
        since: str | None = None,
        publisher_did: str | None = None,
    ) -> EmitResult:
        """Say that a kind has a new name."""
        validate_kind(old_kind)
        validate_kind(new_kind)
        body = {
            "old_kind": old_kind,
            "new_kind": new_kind,
            "reason": _text("reason", reason),
            "since": since or _now(),
            "publisher_did": publisher_did or self.identity.actor_did,
        }
        return await self.emit(act="PUT", kind="core.alias", body=body, thread=thread)

    async def emit_scope_transfer(
        self,
        *,
        scope: str,
        from_publisher: str,
        to_publisher: str,
        reason: str,
        thread: str,
        effective_at: str | None = None,
    ) -> EmitResult:
        """Say that a scope has a new owner."""
        validate_scope(scope)
        body = {
            "scope": scope,
            "from_publisher": _text("from_publisher", from_publisher),
            "to_publisher": _text("to_publisher", to_publisher),
            "reason": _text("reason", reason),
            "effective_at": effective_at or _now(),
        }
        return await self.emit(act="PUT", kind="core.scope_transfer", body=body, thread=thread)

    async def emit_scope_claim(
        self,
        *,
        scope: str,
        governance_policy: dict[str, Any],
        thread: str,
        claimant: str | None = None,
        effective_at: str | None = None,
    ) -> EmitResult:
        """Claim a scope, and state how it is governed with a policy that has a `type`."""
        validate_scope(scope)
        if "type" not in _dict("governance_policy", governance_policy):
            raise ValueError("governance_policy needs a type")
        body = {
            "scope": scope,
            "claimant": claimant or self.identity.actor_did,
            "governance_policy": dict(governance_policy),
            "effective_at": effective_at or _now(),
        }
        return await self.emit(act="PUT", kind="core.scope_claim", body=body, thread=thread)


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def _ids(name: str, value: Any) -> list[str]:
    if not isinstance(value, list) or not value or not all(isinstance(one, str) and one for one in value):
        raise ValueError(f"{name} is a list of record ids that is not empty, not {value!r}")
    return list(value)


def _dict(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or not value:
        raise ValueError(f"{name} is a dict that is not empty, not {value!r}")
    return dict(value)


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} is a text that is not empty, not {value!r}")
    return value
