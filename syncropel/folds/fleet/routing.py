"""Which instance a subtask goes to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Candidate:
    """An instance as routing sees it."""

    did: str
    alias: str
    role: str
    status: str
    adapters: frozenset[str] | None = None
    """The adapters that it has; None when it has not reported them."""

    def has(self, adapter: str | None) -> bool:
        """Whether it can run a subtask that names this adapter, as far as is known."""
        return adapter is None or self.adapters is None or adapter in self.adapters


@dataclass(frozen=True, slots=True)
class Route:
    """Where a subtask goes, or why it has to wait."""

    did: str | None
    why: str = ""


def route(
    target: str,
    candidates: Sequence[Candidate],
    load: Mapping[str, int],
    turn: int,
    adapter: str | None = None,
) -> Route:
    """Resolve a target.

    `load`: subtasks in progress by DID. `turn`: how many round-robin subtasks of this fan-out were routed
    before. `adapter`: the one that the subtask names; an open target goes to a worker that has it. The same
    arguments always give the same instance: ties go to the lowest alias.
    """
    if target.startswith("specific:"):
        return _named([one for one in candidates if one.did == target.removeprefix("specific:")], target)
    if target not in ("least-loaded-worker", "round-robin"):
        return _named([one for one in candidates if one.alias == target], target)
    workers = sorted(
        (one for one in candidates if one.role == "worker" and one.status == "live"),
        key=lambda one: (one.alias, one.did),
    )
    if not workers:
        return Route(None, "no worker is live")
    workers = [one for one in workers if one.has(adapter)]
    if not workers:
        return Route(None, f"no live worker has the adapter {adapter!r}")
    if target == "round-robin":
        return Route(workers[turn % len(workers)].did)
    return Route(min(workers, key=lambda one: load.get(one.did, 0)).did)


def _named(found: Sequence[Candidate], target: str) -> Route:
    if not found:
        return Route(None, f"{target.removeprefix('specific:')} has never joined this fleet")
    # Two instances may have the same alias: the order of arrival must not decide between them.
    first = min(found, key=lambda one: (one.status != "live", one.did))
    if first.status == "live":
        return Route(first.did)
    return Route(None, f"{first.alias or first.did} is {first.status}")
