"""Fleets, tasks and fan-outs to look at. The daemon's clock shows NOW; the first task is TUT-001."""

from __future__ import annotations

from typing import Any

from syncropel.api.schema import (
    ChildOut,
    DispatchOut,
    FanOutProgress,
    FleetStatus,
    FreezeOut,
    InstanceOut,
    JoinStatus,
    TaskSummary,
)

NOW = 1_767_225_600.0
THREAD = "th_4afffe301dd40d5d3080b932ea6dee71fe897fa823edd03243646ddf300a7451"
DIDS = {
    "coordinator": "did:sync:instance:e6f09984f9ccd634",
    "worker-a": "did:sync:instance:923a4e6d10646e27",
    "worker-b": "did:sync:instance:dfe40ff4272ad900",
}


def instance(alias: str, **changes: Any) -> InstanceOut:
    did = DIDS.get(alias) or f"did:sync:instance:{abs(sum(map(ord, alias))):016x}"
    port = {"coordinator": 9100, "worker-a": 9201, "worker-b": 9202}.get(alias, 9300)
    fields: dict[str, Any] = {
        "did": did,
        "alias": alias,
        "role": "coordinator" if alias == "coordinator" else "worker",
        "endpoint": f"http://127.0.0.1:{port}",
        "status": "live",
        "health": "healthy",
        "version": "0.1.0",
        "since": NOW - 4000,
        "last_heartbeat": NOW - 2,
        "uptime_secs": 3725.0,
        "max_concurrent": 4,
        "adapter": "bash",
        "store_records": 1284,
        "store_bytes": 2_310_000,
        "pid": 429874,
    }
    return InstanceOut(**(fields | changes))


def dispatch(index: int, alias: str, **changes: Any) -> DispatchOut:
    fields: dict[str, Any] = {
        "thread": THREAD,
        "alias": "TUT-001",
        "index": index,
        "goal": ["Write section A on Loki integration", "Write section B on Prometheus integration"][
            index % 2
        ],
        "child_thread": f"th_{index:064x}",
        "instance": DIDS.get(alias, alias),
        "attempt": 1,
        "started_at": NOW - 42 + index,
        "cost_usd": 0.12,
        "budget_usd": 0.5,
        "timeout_secs": 300.0,
    }
    return DispatchOut(**(fields | changes))


def fan_out(**changes: Any) -> FanOutProgress:
    fields: dict[str, Any] = {
        "thread": THREAD,
        "alias": "TUT-001",
        "goal": "Tutorial: parallel docs writing",
        "namespace": "docs/v0.11",
        "join": "all",
        "subtasks": 3,
        "spawned": 2,
        "completed": 0,
        "accepted": 0,
        "satisfiable": True,
        "explanation": "0/3 accepted, waits for [0] worker-a, [1] worker-b, [2] pending spawn",
        "started_at": NOW - 43,
        "cost_usd": 0.24,
        "budget_usd": 1.5,
    }
    return FanOutProgress(**(fields | changes))


def freeze(**changes: Any) -> FreezeOut:
    fields: dict[str, Any] = {
        "level": "soft",
        "namespace": "docs/v0.11",
        "reason": "wrong approach on section A",
        "grace_secs": 60.0,
        "at": NOW - 30,
        "record": "ab" * 32,
    }
    return FreezeOut(**(fields | changes))


def status(**changes: Any) -> FleetStatus:
    """A fleet of three at work."""
    instances = changes.pop("instances", None)
    if instances is None:
        instances = [
            instance("worker-a", active_dispatches=1),
            instance("worker-b", active_dispatches=1, last_heartbeat=NOW - 4, store_records=987),
            instance("coordinator", last_heartbeat=NOW, adapter="", max_concurrent=0),
        ]
    fields: dict[str, Any] = {
        "at": NOW,
        "version": "0.1.0",
        "coordinator_did": DIDS["coordinator"],
        "coordinator_url": "http://127.0.0.1:9100",
        "role": "coordinator",
        "heartbeat_interval_secs": 5.0,
        "live": sum(one.status == "live" for one in instances),
        "stale": sum(one.status == "stale" for one in instances),
        "archived": sum(one.status == "archived" for one in instances),
        "instances": instances,
        "dispatches": [dispatch(0, "worker-a"), dispatch(1, "worker-b")],
        "fanouts": [fan_out()],
        "ingested_total": 1284,
        "reconcile_queue_depth": 0,
        "records": 1284,
        "tasks_revision": 7,
    }
    return FleetStatus(**(fields | changes))


def idle(**changes: Any) -> FleetStatus:
    """A coordinator alone, with nothing to do."""
    nothing: dict[str, Any] = {
        "instances": [instance("coordinator", last_heartbeat=NOW, adapter="", max_concurrent=0)],
        "dispatches": [],
        "fanouts": [],
    }
    return status(**(nothing | changes))


def crowd(count: int) -> FleetStatus:
    """A coordinator and many workers of mixed fortune."""
    words = ["live"] * 7 + ["stale", "archived", "draining"]
    workers = []
    for number in range(count):
        word = words[number % 10]
        late = {"stale": 31.0, "archived": 4000.0}.get(word, 2.0)
        workers.append(
            instance(
                f"worker-{number:04}",
                did=f"did:sync:instance:{number * 2654435761 % 2**64:016x}",
                endpoint=f"http://10.0.{number // 250}.{number % 250}:9201",
                status=word,
                health="draining" if word == "draining" else "healthy",
                active_dispatches=number % 5,
                queued_dispatches=number % 3,
                last_heartbeat=NOW - late,
            )
        )
    boss = instance("coordinator", last_heartbeat=NOW, adapter="", max_concurrent=0)
    return status(instances=[*workers, boss])


def task(number: int = 1, **changes: Any) -> TaskSummary:
    fields: dict[str, Any] = {
        "thread": THREAD if number == 1 else f"th_{number:064x}",
        "alias": f"TUT-{number:03}",
        "goal": "Tutorial: parallel docs writing" if number == 1 else f"Backlog item {number}",
        "status": "in_progress" if number == 1 else ["open", "approved", "blocked", "failed"][number % 4],
        "priority": "medium",
        "domain": "docs",
        "namespace": "docs/v0.11" if number == 1 else "default",
        "labels": ["tutorial"],
        "records": 4,
        "created_at": NOW - 600,
        "updated_at": NOW - 40 * number,
        "revision": 8 - number if number < 8 else 0,
        "subtasks": 3 if number == 1 else 0,
        "spawned": 2 if number == 1 else 0,
        "cost_usd": 0.24 if number == 1 else 0.0,
    }
    return TaskSummary(**(fields | changes))


def child(index: int, state: str, **changes: Any) -> ChildOut:
    goals = [
        "Write section A on Loki integration",
        "Write section B on Prometheus integration",
        "Write summary synthesizing A and B",
    ]
    alias = ["worker-a", "worker-b"][index % 2]
    done = state in ("accept", "reject", "failed", "timeout", "terminated")
    started = None if state in ("pending", "blocked") else NOW - 42
    fields: dict[str, Any] = {
        "index": index,
        "goal": goals[index] if index < 3 else f"Shard {index} of the index",
        "target": "least-loaded-worker" if index == 2 else alias,
        "instance": DIDS[alias],
        "instance_alias": alias,
        "predicted": started is None,
        "state": state,
        "verdict": state if done else None,
        "attempt": 0 if started is None else 1,
        "child_thread": None if started is None else f"th_{index:064x}",
        "spawned_at": started,
        "budget_usd": 0.5,
        "timeout_secs": 300.0,
        "adapter": "bash",
    }
    return ChildOut(**(fields | changes))


def join(**changes: Any) -> JoinStatus:
    """The fan-out of TUT-001, two of three running."""
    fields: dict[str, Any] = {
        "thread": THREAD,
        "alias": "TUT-001",
        "goal": "Tutorial: parallel docs writing",
        "namespace": "docs/v0.11",
        "status": "in_progress",
        "parent_intend": "f2" * 32,
        "join": "all",
        "complete": False,
        "verdict": None,
        "satisfiable": True,
        "explanation": "0/3 accepted, waits for [0] worker-a, [1] worker-b, [2] pending spawn",
        "subtasks": [
            child(0, "in_progress"),
            child(1, "in_progress"),
            child(2, "pending", depends_on=[0, 1], waits_for=[0, 1], why="waits for [0], [1]"),
        ],
        "spawned": 2,
        "completed": 0,
        "accepted": 0,
        "cost_usd": 0.24,
        "budget_usd": 1.5,
        "started_at": NOW - 43,
        "revision": 7,
    }
    return JoinStatus(**(fields | changes))


def joined() -> JoinStatus:
    """The same, joined after 201 seconds."""
    begin = NOW - 300
    first = {"spawned_at": begin + 1, "finished_at": begin + 121, "wall_time_secs": 120.0, "cost_usd": 0.42}
    second = {"spawned_at": begin + 1, "finished_at": begin + 91, "wall_time_secs": 90.0, "cost_usd": 0.42}
    third = {"spawned_at": begin + 122, "finished_at": begin + 200, "wall_time_secs": 78.0, "cost_usd": 0.31}
    return join(
        status="approved",
        complete=True,
        verdict="accept",
        explanation="3/3 accepted",
        subtasks=[
            child(0, "accept", summary="section A written", **first),
            child(1, "accept", summary="section B written", **second),
            child(2, "accept", summary="summary written", depends_on=[0, 1], **third),
        ],
        spawned=3,
        completed=3,
        accepted=3,
        cost_usd=1.15,
        started_at=begin,
        joined_at=begin + 201,
        critical_path=[0, 2],
    )


def broken() -> JoinStatus:
    """The same, with a subtask that failed: it cannot join any more."""
    begin = NOW - 60
    failed = {"spawned_at": begin + 1, "finished_at": begin + 13, "wall_time_secs": 12.0, "cost_usd": 0.08}
    return join(
        status="blocked",
        satisfiable=False,
        explanation="cannot be satisfied: [1] worker-b failed",
        hint="spl task retry TUT-001 --subtask 1",
        blame=[1],
        started_at=begin,
        subtasks=[
            child(0, "in_progress", spawned_at=begin + 1),
            child(
                1,
                "failed",
                attempt=2,
                summary="collecting\nexit status 3: no such file: prometheus.yml",
                output="/home/op/.syncro-worker-b/outputs/1.log",
                **failed,
            ),
            child(2, "blocked", depends_on=[0, 1], waits_for=[0, 1], why="[1] did not accept"),
        ],
        completed=1,
        cost_usd=0.08,
        critical_path=[1],
    )


def wide(count: int) -> JoinStatus:
    """A fan-out of many subtasks, most of them accepted."""
    begin = NOW - 120
    kids = []
    for index in range(count):
        start = begin + 1 + index % 40
        walls = {
            "spawned_at": start,
            "finished_at": start + 20,
            "wall_time_secs": 20.0,
            "cost_usd": 0.01,
        }
        kids.append(
            child(index, "accept", **walls) if index % 4 else child(index, "in_progress", spawned_at=start)
        )
    accepted = sum(one.state == "accept" for one in kids)
    return join(
        join="k_of_n:900",
        subtasks=kids,
        spawned=count,
        completed=accepted,
        accepted=accepted,
        started_at=begin,
        explanation=f"{accepted}/{count} accepted, needs 900",
        critical_path=[3],
    )
