"""The table of instances."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from syncropel.api.schema import InstanceOut
from tui.model.cells import Cell, Column, Line, Scene, TableSpec, state_cell
from tui.model.numbers import coarse, duration, size


def draw(one: InstanceOut, scene: Scene) -> Mapping[str, Cell]:
    """One row. The heartbeat's age ticks; everything else is as the daemon last said."""
    return {
        "alias": Cell(one.alias or tail(one.did)),
        "status": state_cell(one.status, scene.glyphs),
        "health": Cell(one.health, "plain" if one.health == "healthy" else "warn"),
        "beat": beat_cell(one, scene.now),
        "load": load_cell(one),
        "endpoint": Cell(one.endpoint.removeprefix("http://")),
        "uptime": Cell("" if one.uptime_secs is None else coarse(one.uptime_secs)),
        "records": Cell("" if one.store_records is None else f"{one.store_records:,}"),
        "store": Cell("" if one.store_bytes is None else size(one.store_bytes)),
        "did": Cell(tail(one.did), "quiet"),
        "role": Cell(one.role),
        "adapter": Cell(one.adapter),
        "version": Cell(one.version, "quiet"),
        "pid": Cell("" if one.pid is None else str(one.pid), "quiet"),
    }


def tail(did: str) -> str:
    """What tells one DID from another: its last eight characters."""
    return did[-8:]


def beat_cell(one: InstanceOut, now: float) -> Cell:
    """How long ago the instance was heard."""
    if one.last_heartbeat is None:
        return Cell("never", "quiet")
    return Cell(duration(now - one.last_heartbeat), "warn" if one.status == "stale" else "plain")


def load_cell(one: InstanceOut) -> Cell:
    """`1/4`, `4/4 +3` when three wait."""
    text = (
        f"{one.active_dispatches}/{one.max_concurrent}" if one.max_concurrent else str(one.active_dispatches)
    )
    if one.queued_dispatches:
        return Cell(f"{text} +{one.queued_dispatches}", "busy")
    return Cell(text, "busy" if one.active_dispatches else "plain")


INSTANCES: Final = TableSpec[InstanceOut](
    name="instances",
    columns=(
        Column("alias", "ALIAS", 11, flex=2, sort=lambda one: (one.role != "coordinator", one.alias)),
        Column("status", "STATUS", 10, sort=lambda one: one.status),
        Column("health", "HEALTH", 8, drop=4, sort=lambda one: one.health),
        Column("beat", "BEAT", 5, right=True, sort=lambda one: -(one.last_heartbeat or 0.0)),
        Column("load", "LOAD", 6, sort=lambda one: -(one.active_dispatches + one.queued_dispatches)),
        Column("endpoint", "ENDPOINT", 15, drop=5, flex=2),
        Column("uptime", "UPTIME", 6, drop=3, right=True, sort=lambda one: -(one.uptime_secs or 0.0)),
        Column("records", "RECORDS", 8, drop=6, right=True, sort=lambda one: -(one.store_records or 0)),
        Column("store", "STORE", 8, drop=7, right=True, sort=lambda one: -(one.store_bytes or 0)),
        Column("did", "DID", 8, drop=8),
        Column("role", "ROLE", 11, drop=9),
        Column("adapter", "ADAPTER", 8, drop=10),
        Column("version", "VERSION", 8, drop=11),
        Column("pid", "PID", 7, drop=12, right=True),
    ),
    key=lambda one: one.did,
    draw=draw,
)


def instance_facts(one: InstanceOut, scene: Scene) -> tuple[Line, ...]:
    """Everything known about one instance, a line a fact."""
    cells = draw(one, scene)
    beat = Cell(f"{cells['beat'].text} ago" if one.last_heartbeat else "never", cells["beat"].tone)
    load = f"{one.active_dispatches} running, {one.queued_dispatches} queued, at most {one.max_concurrent}"
    store = f"{cells['records'].text or 'unknown'} records, {cells['store'].text or 'size unknown'}"
    facts = [
        ("alias", Cell(f"{one.alias} ({one.role})")),
        ("did", Cell(one.did)),
        ("endpoint", Cell(one.endpoint)),
        ("status", cells["status"]),
        ("health", cells["health"]),
        ("last beat", beat),
        ("load", Cell(load)),
        ("adapter", Cell(one.adapter or "none")),
        ("store", Cell(store)),
        ("uptime", Cell(cells["uptime"].text or "unknown")),
        ("version", Cell(one.version)),
        ("pid", Cell(cells["pid"].text or "unknown")),
    ]
    return tuple((Cell(f"   {name:<10}", "quiet"), value) for name, value in facts)
