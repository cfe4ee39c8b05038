"""A home, a launcher, and what a fleet says of itself, for tests of the launcher that start no process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from syncropel.launcher.launcher import Launcher
from syncropel.launcher.plan import FleetPlan
from syncropel.settings.home import Home
from syncropel.wire import FleetStatus, InstanceOut

URL = "http://127.0.0.1:9100"


def home(tmp_path: Path) -> Home:
    return Home(tmp_path / ".syncro")


def status(*instances: tuple[str, int | None, str]) -> FleetStatus:
    rows = [
        InstanceOut(
            did=f"did:sync:instance:{number:016x}",
            alias=alias,
            role="worker",
            endpoint=f"http://127.0.0.1:{9200 + number}",
            status=state,  # type: ignore[arg-type]
            health="healthy",
            version="1",
            since=1.0,
            pid=pid,
            last_heartbeat=None if pid is None else 1.0,
        )
        for number, (alias, pid, state) in enumerate(instances)
    ]
    rest: dict[str, Any] = {"stale": 0, "archived": 0, "dispatches": [], "fanouts": []}
    return FleetStatus(
        at=1.0,
        version="1",
        coordinator_did="d",
        coordinator_url=URL,
        role="coordinator",
        heartbeat_interval_secs=5,
        live=len(rows),
        instances=rows,
        ingested_total=0,
        reconcile_queue_depth=0,
        records=0,
        tasks_revision=0,
        **rest,
    )


def launcher(one: Home, said: list[str]) -> Launcher:
    def nothing(*_: str) -> None: ...

    one.socket.parent.mkdir(parents=True, exist_ok=True)
    one.socket.touch()
    return Launcher(one, FleetPlan(1), said.append, nothing, said.append)
