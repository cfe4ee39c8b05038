"""The actor registry: the latest record about each actor on `th_actor_registry`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from syncropel.record.model import StoredRecord


@dataclass(frozen=True, slots=True)
class RegisteredActor:
    """The registered facts about an actor; empty where there are none."""

    name: str = ""
    category: str = ""
    status: str = ""


def registered_actors(records: Iterable[StoredRecord]) -> dict[str, RegisteredActor]:
    """Each registered actor by its DID. `records`: those of the registry's thread, in fold order."""
    found: dict[str, RegisteredActor] = {}
    for stored in records:
        body = stored.record.body
        did = body.get("did")
        if stored.record.act in ("LEARN", "KNOW") and isinstance(did, str) and did:
            before = found.get(did, RegisteredActor())
            found[did] = RegisteredActor(
                _text(body.get("display_name") or body.get("name"), before.name),
                _text(body.get("category"), before.category),
                _text(body.get("status"), before.status),
            )
    return found


def _text(value: Any, otherwise: str) -> str:
    return value if isinstance(value, str) and value else otherwise
