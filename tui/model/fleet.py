"""The fleet as the console keeps it: the last snapshot, when it came, and the activity so far."""

from __future__ import annotations

from dataclasses import dataclass, field

from syncropel.api.schema import FleetStatus, FreezeOut, InstanceOut
from tui.model.activity import Activity, Sample
from tui.model.cells import Cell, Line
from tui.model.daemon_clock import DaemonClock
from tui.model.glyphs import Glyphs


@dataclass(frozen=True)
class Fleet:
    """`status` is None until the first snapshot."""

    status: FleetStatus | None = None
    clock: DaemonClock = field(default_factory=DaemonClock)
    activity: Activity = field(default_factory=Activity)

    def apply(self, status: FleetStatus, received_at: float) -> Fleet:
        """The fleet after a snapshot that arrived at `received_at` (local monotonic seconds)."""
        sample = Sample(status.at, status.ingested_total, status.reconcile_queue_depth)
        return Fleet(status, DaemonClock(status.at, received_at), self.activity.add(sample))

    @property
    def instances(self) -> tuple[InstanceOut, ...]:
        """Who belongs to the fleet: coordinator first, then by alias. Those that left are not shown."""
        if self.status is None:
            return ()
        present = [one for one in self.status.instances if one.status != "left"]
        return tuple(sorted(present, key=lambda one: (one.role != "coordinator", one.alias, one.did)))

    def alias(self, did: str) -> str:
        """The name of an instance, or the tail of its DID when the fleet does not know it."""
        if self.status is not None:
            for one in self.status.instances:
                if one.did == did:
                    return one.alias
        return did.rpartition(":")[2][:8]


def counts_line(status: FleetStatus, glyphs: Glyphs) -> str:
    """`3 live · 0 stale · 0 archived`"""
    draining = sum(one.status == "draining" for one in status.instances)
    parts = [f"{status.live} live", f"{status.stale} stale", f"{status.archived} archived"]
    parts += [f"{draining} draining"] if draining else []
    return f" {glyphs.separator} ".join(parts)


def banner_lines(status: FleetStatus | None, now: float, glyphs: Glyphs, room: int) -> tuple[Line, ...]:
    """The red banner: one line a freeze, at most `room` of them; nothing when none is active."""
    if status is None:
        return ()
    lines: list[Line] = []
    if status.emergency:
        lines.append((Cell(f" {glyphs.state('frozen')} EMERGENCY STOP: no new work starts anywhere", "bad"),))
    lines += [_freeze_line(freeze, glyphs) for freeze in status.freezes]
    if len(lines) > room:
        more = len(lines) - room + 1
        lines = [
            *lines[: room - 1],
            (Cell(f" {glyphs.state('frozen')} {more} more freezes are active", "bad"),),
        ]
    return tuple(lines)


def _freeze_line(freeze: FreezeOut, glyphs: Glyphs) -> Line:
    name = freeze.namespace or "everything"
    return (Cell(f" {glyphs.state('frozen')} FROZEN {name} ({freeze.level}): {freeze.reason}", "bad"),)
