"""Thread ids: those that the daemon generates, and the reserved ones (PROTOCOL: Thread ids)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from syncropel.record.model import MAX_POSTED_CLOCK

ENGINE_CONFIG: Final = "th_engine_config"
ACTOR_REGISTRY: Final = "th_actor_registry"
NAMESPACE_REGISTRY: Final = "th_namespace_registry"
INSTANCE_REGISTRY: Final = "th_instance_registry"
FLEET_CONTROL: Final = "th_fleet_control"
CONSENT: Final = "th_consent"

RESERVED: Final = frozenset(
    {ENGINE_CONFIG, ACTOR_REGISTRY, NAMESPACE_REGISTRY, INSTANCE_REGISTRY, FLEET_CONTROL, CONSENT}
)

RULING: Final = frozenset({FLEET_CONTROL, NAMESPACE_REGISTRY, ENGINE_CONFIG})
"""Threads whose records decide which others the guard lets through: a record there is a ruling record."""

_ROOM: Final = 2**40
"""Clocks between the highest that may be posted and a thread's ceiling."""

PAST_CEILING: Final = "past_ceiling"
"""The body key with which the daemon itself continues above the ceiling of a reserved thread, when a record
of an older log has taken the last clock below it.
"""

INSTANCE_DID_PREFIX: Final = "did:sync:instance:"


def clock_ceiling(thread: str) -> int:
    """The highest clock on this thread that counts for ordering; a higher one is treated as the lowest.

    Otherwise whoever took a thread's last clock would have the last word on it for ever. On an ordinary
    thread the ceiling is above every clock that can be posted, so the daemon's own next record still finds
    one; on a reserved thread it is below, so that no record of an older log can block the next freeze.
    """
    return MAX_POSTED_CLOCK - _ROOM if thread in RESERVED else MAX_POSTED_CLOCK + _ROOM


def counts(thread: str, clock: int, body: Mapping[str, Any]) -> bool:
    """Whether a clock counts for ordering on this thread."""
    return clock <= clock_ceiling(thread) or (thread in RESERVED and body.get(PAST_CEILING) is True)


def _mint(*seeds: str) -> str:
    # The unit separator cannot appear in a seed (thread and actor names contain no control characters),
    # so two different lists of seeds never hash the same text.
    return "th_" + hashlib.sha256("\x1f".join(seeds).encode()).hexdigest()


def task_thread(alias: str, nonce: str) -> str:
    """The thread of a task, derived from its alias and a nonce."""
    return _mint("task", alias, nonce)


def trigger_thread(rule: str, record: str) -> str:
    """The thread of the task that a trigger of this name opens for a record: always the same one."""
    return _mint("trigger", rule, record)


def dispatch_thread(parent_thread: str, target_actor: str, at: float) -> str:
    """The sub-thread to which one run of a goal writes its observations; `at` in unix seconds."""
    return _mint("dispatch", parent_thread, target_actor, repr(at))


def child_thread(parent_record: str, index: int, goal: str) -> str:
    """The thread of a fan-out child: derived from the parent record's id, the index, and the goal only."""
    return _mint("child", parent_record, str(index), goal)


def fork_thread(parent_thread: str, nonce: str) -> str:
    """A new child thread, derived from its parent and a nonce."""
    return _mint("fork", parent_thread, nonce)


def merge_thread(asked: str) -> str:
    """The thread on which an instance notes a merge, derived from the id of the record that asked for it."""
    return _mint("merge", asked)


def instance_did(public_key: bytes) -> str:
    """The DID of an instance: `did:sync:instance:` and 16 hex digits of its identity's hash."""
    return INSTANCE_DID_PREFIX + hashlib.sha256(public_key).hexdigest()[:16]
