"""Wire models to print, made by hand."""

from __future__ import annotations

from typing import Any

from syncropel.wire import (
    ChildOut,
    DispatchOut,
    FanOutProgress,
    FleetStatus,
    InstanceOut,
    JoinStatus,
    PostedRecord,
    Speedup,
    TaskDetail,
)

THREAD = "th_" + "4a" * 32
WORKER_A = "did:sync:instance:923a4e6d10646e27"
WORKER_B = "did:sync:instance:dfe40ff4272ad900"
COORDINATOR = "did:sync:instance:e6f09984f9ccd634"


def task(**changes: Any) -> TaskDetail:
    fields: dict[str, Any] = {
        "thread": THREAD,
        "alias": "TUT-001",
        "goal": "Tutorial: parallel docs writing",
        "status": "open",
        "priority": "medium",
        "domain": "docs",
        "namespace": "default",
        "labels": [],
        "records": 1,
        "created_at": 1.0,
        "updated_at": 2.0,
        "revision": 3,
    }
    return TaskDetail(**{**fields, **changes})


def child(index: int, goal: str, **changes: Any) -> ChildOut:
    fields: dict[str, Any] = {
        "index": index,
        "goal": goal,
        "target": "worker-a",
        "instance": WORKER_A,
        "state": "in_progress",
        "attempt": 1,
    }
    return ChildOut(**{**fields, **changes})


def join(*children: ChildOut, **changes: Any) -> JoinStatus:
    fields: dict[str, Any] = {
        "thread": THREAD,
        "alias": "TUT-001",
        "goal": "Tutorial",
        "namespace": "default",
        "status": "in_progress",
        "parent_intend": "ab" * 32,
        "join": "all",
        "complete": False,
        "verdict": None,
        "satisfiable": True,
        "explanation": "",
        "subtasks": list(children),
        "spawned": 0,
        "completed": 0,
        "accepted": 0,
        "cost_usd": 0.0,
        "started_at": 1.0,
        "revision": 1,
    }
    return JoinStatus(**{**fields, **changes})


def speedup(**changes: Any) -> Speedup:
    fields: dict[str, Any] = {
        "thread": THREAD,
        "alias": "FIRST-001",
        "complete": True,
        "subtasks": 2,
        "walls": [1.0, 1.0],
        "critical_path": [0],
        "has_dependencies": False,
        "parallel_wall_secs": 1.0,
        "elapsed_secs": 1.2,
        "total_cost_usd": 0.0,
        "serial_estimate_secs": 2.0,
        "estimated_speedup": 2.0,
    }
    return Speedup(**{**fields, **changes})


def instance(did: str, alias: str, port: int, **changes: Any) -> InstanceOut:
    fields: dict[str, Any] = {
        "did": did,
        "alias": alias,
        "role": "coordinator" if alias == "coordinator" else "worker",
        "endpoint": f"http://127.0.0.1:{port}",
        "status": "live",
        "health": "healthy",
        "version": "0.1.0",
        "since": 1.0,
        "last_heartbeat": 1776119018.4,
        "uptime_secs": 5.2,
        "store_records": 7,
    }
    return InstanceOut(**{**fields, **changes})


def fleet(*instances: InstanceOut, **changes: Any) -> FleetStatus:
    states = [one.status for one in instances]
    fields: dict[str, Any] = {
        "at": 1776119020.0,
        "version": "0.1.0",
        "coordinator_did": COORDINATOR,
        "coordinator_url": "http://127.0.0.1:9100",
        "role": "coordinator",
        "heartbeat_interval_secs": 5.0,
        "live": states.count("live"),
        "stale": states.count("stale"),
        "archived": states.count("archived"),
        "instances": list(instances),
        "dispatches": [],
        "fanouts": [],
        "ingested_total": 1,
        "reconcile_queue_depth": 0,
        "records": 1,
        "tasks_revision": 1,
    }
    return FleetStatus(**{**fields, **changes})


def three() -> FleetStatus:
    """A coordinator and two workers, in no order."""
    return fleet(
        instance(COORDINATOR, "coordinator", 9100),
        instance(WORKER_B, "worker-b", 9202),
        instance(WORKER_A, "worker-a", 9201),
    )


def progress(**changes: Any) -> FanOutProgress:
    fields: dict[str, Any] = {
        "thread": THREAD,
        "alias": "TUT-001",
        "goal": "Tutorial",
        "namespace": "default",
        "join": "all",
        "subtasks": 3,
        "spawned": 2,
        "completed": 1,
        "accepted": 1,
        "satisfiable": True,
        "explanation": "",
        "started_at": 1.0,
        "cost_usd": 0.0,
    }
    return FanOutProgress(**{**fields, **changes})


def dispatch() -> DispatchOut:
    return DispatchOut(
        thread=THREAD,
        alias="TUT-001",
        index=0,
        goal="Write",
        child_thread="th_c",
        instance=WORKER_A,
        attempt=1,
        started_at=1.0,
    )


def record() -> PostedRecord:
    return PostedRecord(
        id="f2" * 32,
        thread=THREAD,
        actor="did:sync:user:tester",
        act="INTEND",
        clock=2,
        parents=[],
        data_type="SCALAR",
        body={},
        sequence=2,
        received_at=1.0,
    )
