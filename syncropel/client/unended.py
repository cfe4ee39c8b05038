"""What still runs under a freeze that ends work, as the instances report it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from syncropel.freeze_levels import EVERYWHERE

if TYPE_CHECKING:
    from syncropel.wire import FleetStatus, FreezeOut, InstanceOut, Unended


def settled(status: FleetStatus, freeze: FreezeOut) -> bool:
    """Whether every instance that confirmed the freeze has since reported that it is no longer ending
    anything.
    """
    confirmed = {one.instance: one.at for one in freeze.confirmed}
    for instance in status.instances:
        at = confirmed.get(instance.did)
        if at is None or instance.status not in ("live", "draining"):
            continue
        if (instance.last_heartbeat or 0.0) < at or any(not run.ended for run in _met(instance, freeze)):
            return False
    return True


def by_instance(status: FleetStatus, freeze: FreezeOut) -> list[str]:
    """`worker-a: pid 12, 13`, for each instance with processes left under the freeze."""
    return [
        f"{instance.alias or instance.did}: {_words(runs)}"
        for instance in status.instances
        if (runs := _met(instance, freeze))
    ]


def _words(runs: list[Unended]) -> str:
    pids = ", ".join(str(pid) for run in runs for pid in run.left)
    told = [f"pid {pids}"] if pids else []
    ending = sum(not run.ended for run in runs)
    unproven = sum(run.ended and not run.left for run in runs)
    told += [f"{ending} being ended"] if ending else []
    told += [f"{unproven} not proven empty"] if unproven else []
    return ", ".join(told)


def _met(instance: InstanceOut, freeze: FreezeOut) -> list[Unended]:
    place = freeze.namespace
    return [
        run
        for run in instance.unended
        if place in (EVERYWHERE, run.namespace) or run.namespace.startswith(f"{place}/")
    ]
