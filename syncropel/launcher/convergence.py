"""Whether the fleet has converged, according to the coordinator's answers; nothing waits here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from syncropel.settings.home import Home
from syncropel.wire import FleetStatus, InstanceOut


@dataclass(frozen=True)
class Expected:
    """An instance that must appear: its alias and its process."""

    alias: str
    pid: int
    home: Home


def find(status: FleetStatus, expected: Expected) -> InstanceOut | None:
    """The instance run by exactly this process that has been heard from, even while draining; an earlier
    process of the same alias does not count, nor one that a restarted coordinator only remembers.
    """
    for instance in status.instances:
        same_process = instance.pid is None or instance.pid == expected.pid
        heard = instance.status in ("live", "draining") and instance.last_heartbeat is not None
        if instance.alias == expected.alias and heard and same_process:
            return instance
    return None


def missing(status: FleetStatus, expected: Sequence[Expected]) -> list[Expected]:
    """Those that have not appeared yet."""
    return [one for one in expected if find(status, one) is None]


def progress_line(status: FleetStatus, expected: Sequence[Expected]) -> str:
    """The progress, for a person who waits."""
    waiting = missing(status, expected)
    there = len(expected) - len(waiting)
    names = ", ".join(one.alias for one in waiting)
    return f"  {there}/{len(expected)} live" + (f", waiting for {names}" if names else "")


def summary_lines(status: FleetStatus, expected: Sequence[Expected]) -> list[str]:
    """One line per instance: alias, short DID, port."""
    width = max(len(one.alias) for one in expected)
    lines = []
    for one in expected:
        instance = find(status, one)
        if instance is not None:
            place = "linked" if instance.link else f"on :{port_of(instance.endpoint)}"
            lines.append(f"  {one.alias.ljust(width)}  {short_did(instance.did)} {place}")
    return lines


def short_did(did: str) -> str:
    """A DID cut after the first 8 digits of its hash."""
    head, _, tail = did.rpartition(":")
    return f"{head}:{tail[:8]}..." if len(tail) > 8 else did


def port_of(endpoint: str) -> str:
    """The port of an endpoint such as `http://127.0.0.1:9100`."""
    return endpoint.rstrip("/").rpartition(":")[2]
