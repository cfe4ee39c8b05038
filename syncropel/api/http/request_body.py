"""The base of request bodies, and the meaning of their fields."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel, ConfigDict

REQUESTED: Final = {
    "alias": "short name for the task; null: one is made",
    "assignee": "who is to work on it",
    "attempts": "the attempts whose worktrees are to be removed",
    "content": "text that the goal gets besides its own; null for none",
    "criteria": "what has to be so when it is done",
    "deadline_secs": "seconds until its work is moved or ended; null for never",
    "description": "what it is for, free text",
    "dry_run": "list what would change, and change nothing",
    "effect": "what follows when it is true: allow or deny, a target, or a severity",
    "emergency": "whether it is about everything, and not one namespace",
    "expires_at": "when the grant ends, unix seconds; null: when it is revoked",
    "grace_secs": "how long work may go on under a hard freeze; null for the default",
    "hint": "what the next attempt is told; null for nothing",
    "hypothesis": "what it is to find out",
    "instance": "alias or DID of the instance; `*` for the whole fleet",
    "ops": "operations that it is about; empty for all",
    "purpose": "what it is granted for",
    "reason": "why, for whoever reads the log",
    "reissue": "give the instance a new credential, even if its own was revoked",
    "repo": "the repository to work on, by its name on the instance; null for none",
    "sha256": "hash of the credential",
    "source_namespace": "whose records may be shared",
    "state": "whether to start or to stop",
    "strict": "whether only registered namespaces may be used",
    "subtasks": "the subtasks, each a goal and where it is to run",
    "target": "an instance's name, or how one is chosen; null for the default",
    "target_namespace": "with whom",
    "task": "alias or thread of a task that is to be run; null: a new one",
    "terminate": "whether running work is ended",
    "then": "what happens to its work at the deadline; null for the default",
    "to": "absolute path of a folder on the daemon's machine; null: the usual place",
    "verdict": "whether the subtask may begin, or never does",
}
"""By the name of the field, where it means something else in a request than in an answer, or occurs in
requests alone."""


def _say_meanings(schema: dict[str, Any], model: type[Any]) -> None:
    from syncropel.wire.meanings import MEANINGS  # nobody needs it but whoever asks for a schema

    for name, told in schema.get("properties", {}).items():
        meaning = REQUESTED.get(name) or MEANINGS.get(name)
        if meaning is not None:
            told.setdefault("description", meaning)


class RequestBody(BaseModel):
    """A request's body. An unknown key is probably a typo, so it is refused."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_say_meanings)
