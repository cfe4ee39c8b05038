"""A fleet that never was: fixed times, names and numbers to put on screens."""

from __future__ import annotations

from typing import Any

from syncropel.wire import (
    ChildOut,
    DispatchOut,
    FanOutProgress,
    FleetStatus,
    FreezeOut,
    InstanceOut,
    JoinStatus,
    TaskSummary,
)
from syncropel.wire.explain import ProofOut, TaskWhy

AT = 1_790_000_000.0
THREAD = "th_" + "e7028c9d" * 8
COORDINATOR = "did:sync:instance:" + "30a1d18b" * 8
WORKERS = {
    name: f"did:sync:instance:{seed * 8}"
    for name, seed in (("a", "cd6d6142"), ("b", "62ce1314"), ("c", "9f00aa31"))
}


def instance(alias: str = "worker-a", did: str | None = None, **changes: Any) -> InstanceOut:
    facts: dict[str, Any] = {
        "did": did or WORKERS.get(alias[-1], COORDINATOR),
        "alias": alias,
        "role": "coordinator" if alias == "coordinator" else "worker",
        "endpoint": "http://127.0.0.1:7701",
        "status": "live",
        "health": "healthy",
        "version": "0.1.0",
        "since": AT - 7200,
        "last_heartbeat": AT - 2,
        "uptime_secs": 7200.0,
        "active_dispatches": 2,
        "queued_dispatches": 0,
        "max_concurrent": 4,
        "adapter": "bash",
        "store_records": 1234,
        "store_bytes": 2_400_000,
        "pid": 4711,
        "clock_ahead_secs": 0.02,
    }
    return InstanceOut(**facts | changes)


def coordinator(**changes: Any) -> InstanceOut:
    plain = {"max_concurrent": 0, "active_dispatches": 0, "adapter": "", "endpoint": "http://127.0.0.1:7700"}
    return instance("coordinator", COORDINATOR, **plain | changes)


def dispatch(index: int = 0, **changes: Any) -> DispatchOut:
    facts: dict[str, Any] = {
        "thread": THREAD,
        "alias": "DOCS-11",
        "index": index,
        "goal": f"write chapter {index}\nand check its links",
        "child_thread": f"th_{index:064x}",
        "instance": WORKERS["ab"[index % 2]],
        "attempt": 1,
        "started_at": AT - 75 - 7 * index,
        "cost_usd": 0.04 * (index + 1),
        "budget_usd": 0.5,
        "timeout_secs": 300.0,
    }
    return DispatchOut(**facts | changes)


def fanout(**changes: Any) -> FanOutProgress:
    facts: dict[str, Any] = {
        "thread": THREAD,
        "alias": "DOCS-11",
        "goal": "Ship the 0.11 docs",
        "namespace": "docs/v0.11",
        "join": "k_of_n:7",
        "subtasks": 9,
        "spawned": 8,
        "completed": 5,
        "accepted": 5,
        "satisfiable": True,
        "explanation": "5/9 accepted, waits for [3] worker-b, [8] pending spawn",
        "started_at": AT - 192,
        "cost_usd": 0.83,
        "budget_usd": 4.0,
    }
    return FanOutProgress(**facts | changes)


def freeze(**changes: Any) -> FreezeOut:
    facts: dict[str, Any] = {
        "level": "hard",
        "namespace": "docs/v0.11",
        "reason": "wrong prices on the site",
        "grace_secs": 30.0,
        "at": AT - 125,
        "record": "c838c5b8" * 8,
    }
    return FreezeOut(**facts | changes)


def status(**changes: Any) -> FleetStatus:
    """Three instances, one of them stale; two dispatches; two fan-outs, one of them stuck."""
    facts: dict[str, Any] = {
        "at": AT,
        "version": "0.1.0",
        "coordinator_did": COORDINATOR,
        "coordinator_url": "http://127.0.0.1:7700",
        "role": "coordinator",
        "heartbeat_interval_secs": 5.0,
        "live": 3,
        "stale": 1,
        "archived": 0,
        "instances": [
            coordinator(),
            instance("worker-a", queued_dispatches=3, active_dispatches=4),
            instance("worker-b", endpoint="http://127.0.0.1:7702"),
            instance("worker-c", status="stale", last_heartbeat=AT - 41, active_dispatches=0),
        ],
        "dispatches": [dispatch(0), dispatch(1), dispatch(3, attempt=2)],
        "fanouts": [
            fanout(),
            fanout(
                thread="th_" + "11" * 32, alias="SITE-4", goal="Publish the site", join="all", subtasks=3,
                spawned=3, completed=3, accepted=2, satisfiable=False, namespace="site",
                explanation="2/3 accepted; [1] failed and cannot be accepted any more",
            ),
        ],
        "ingested_total": 4820,
        "reconcile_queue_depth": 2,
        "records": 4820,
        "tasks_revision": 17,
    }  # fmt: skip
    return FleetStatus(**facts | changes)


def empty_status(**changes: Any) -> FleetStatus:
    nothing: dict[str, Any] = {
        "instances": [coordinator()],
        "dispatches": [],
        "fanouts": [],
        "live": 1,
        "stale": 0,
    }
    return status(**nothing | changes)


def crowd(count: int) -> FleetStatus:
    """A fleet with many instances and many dispatches."""
    many = [instance(f"worker-{n:04}", f"did:sync:instance:{n:064x}") for n in range(count)]
    return status(
        instances=[coordinator(), *many], live=count + 1, dispatches=[dispatch(n) for n in range(count)]
    )


def task(number: int = 11, **changes: Any) -> TaskSummary:
    facts: dict[str, Any] = {
        "thread": THREAD if number == 11 else f"th_{number:064x}",
        "alias": f"DOCS-{number}",
        "goal": "Ship the 0.11 docs" if number == 11 else f"Task number {number}",
        "status": "in_progress",
        "priority": "high",
        "domain": "docs",
        "namespace": "docs/v0.11",
        "labels": ["release"],
        "records": 42,
        "created_at": AT - 400,
        "updated_at": AT - 6 * number,
        "revision": 17,
        "subtasks": 5,
        "spawned": 4,
        "completed": 2,
        "accepted": 2,
        "cost_usd": 0.83,
    }
    return TaskSummary(**facts | changes)


def tasks() -> list[TaskSummary]:
    return [
        task(),
        task(4, alias="SITE-4", goal="Publish the site\nwhen all is ready", status="blocked",
             satisfiable=False, subtasks=3, accepted=2, priority="medium"),
        task(2, status="approved", joined=True, accepted=5, completed=5, goal="Translate the guide"),
        task(1, status="open", subtasks=0, spawned=0, accepted=0, cost_usd=0.0, priority="low",
             goal="Think about the next release"),
    ]  # fmt: skip


def child(index: int, **changes: Any) -> ChildOut:
    facts: dict[str, Any] = {
        "index": index,
        "goal": f"write chapter {index}\nand check its links",
        "target": "round-robin",
        "instance": WORKERS["ab"[index % 2]],
        "instance_alias": f"worker-{'ab'[index % 2]}",
        "state": "accept",
        "verdict": "accept",
        "cost_usd": 0.21,
        "budget_usd": 0.5,
        "wall_time_secs": 41.0 + index,
        "attempt": 1,
        "child_thread": f"th_{index:064x}",
        "spawned_at": AT - 180,
        "finished_at": AT - 139 + index,
        "adapter": "bash",
        "summary": "all links work",
    }
    return ChildOut(**facts | changes)


def join(**changes: Any) -> JoinStatus:
    """Two accepted, one running in its second attempt, one blocked behind it, one pending."""
    open_: dict[str, Any] = {"verdict": None, "wall_time_secs": None, "finished_at": None, "cost_usd": 0.0}
    facts: dict[str, Any] = {
        "thread": THREAD,
        "alias": "DOCS-11",
        "goal": "Ship the 0.11 docs",
        "namespace": "docs/v0.11",
        "status": "in_progress",
        "parent_intend": "ab" * 32,
        "join": "all",
        "complete": False,
        "verdict": None,
        "satisfiable": True,
        "explanation": "2/5 accepted, waits for [2] worker-a, [3] blocked, [4] pending spawn",
        "subtasks": [
            child(0),
            child(1, wall_time_secs=95.0, finished_at=AT - 85),
            child(2, **open_ | {"state": "in_progress", "attempt": 2, "depends_on": [1],
                                "spawned_at": AT - 80, "began_at": AT - 75, "cost_usd": 0.08,
                                "why": "attempt 1 failed: exit status 3"}),
            child(3, **open_ | {"state": "blocked", "depends_on": [0, 2], "waits_for": [2],
                                "spawned_at": None, "why": "waits for [2]", "attempt": 0, "predicted": True}),
            child(4, **open_ | {"state": "pending", "spawned_at": None, "attempt": 0, "predicted": True,
                                "why": "no free slot on worker-a"}),
        ],
        "spawned": 3,
        "completed": 2,
        "accepted": 2,
        "cost_usd": 0.5,
        "budget_usd": 4.0,
        "started_at": AT - 185,
        "critical_path": [1, 2, 3],
        "revision": 17,
    }  # fmt: skip
    return JoinStatus(**facts | changes)


def joined(**changes: Any) -> JoinStatus:
    subtasks = [child(index, spawned_at=AT - 180 + 20 * index, finished_at=AT - 139 + 21 * index,
                      depends_on=[index - 1] if index == 3 else []) for index in range(4)]  # fmt: skip
    facts: dict[str, Any] = {"speedup": 170 / 115, **changes}
    return join(
        subtasks=subtasks, complete=True, verdict="accept", status="done", joined_at=AT - 70, spawned=4,
        completed=4, accepted=4, explanation="4/4 accepted", critical_path=[2, 3], **facts,
    )  # fmt: skip


def failed_join() -> JoinStatus:
    bad = child(1, state="failed", verdict="failed", summary="exit status 3\nno such file", attempt=2)
    return join(
        subtasks=[child(0), bad, child(2)], satisfiable=False, blame=[1], completed=3, spawned=3, accepted=2,
        status="blocked", explanation="2/3 accepted; [1] failed after 2 attempts",
        hint="try it again: spl task retry DOCS-11 1", critical_path=[1],
    )  # fmt: skip


def nested() -> JoinStatus:
    """A task that is a part of the first subtask, and one that is a part of the whole."""
    part = task(7, alias="PART-7", goal="Draw the figures", subtasks=3, accepted=1, completed=1)
    whole = task(8, alias="PART-8", goal="Tell the press", subtasks=0, accepted=0, status="open")
    first, *others = join().subtasks
    return join(subtasks=[first.model_copy(update={"parts": [part]}), *others], parts=[whole])


def folded() -> JoinStatus:
    """A thousand subtasks: most are accepted, some run, one failed."""
    states = [*["accept"] * 997, "failed", "in_progress", "in_progress"]
    subtasks = [child(index, state=state) for index, state in enumerate(states)]
    return join(
        subtasks=subtasks, spawned=1000, completed=998, accepted=997, satisfiable=False, blame=[997],
        explanation="all can no longer be satisfied: [997] failed on worker-a", critical_path=[7],
    )  # fmt: skip


def why(of: JoinStatus) -> TaskWhy:
    """What the daemon says of this join, with records that prove it."""
    sentence = f"{'not done yet' if of.satisfiable else 'it cannot join any more'}: {of.explanation}"
    if of.complete:
        sentence = f"joined 115.0 s after the fan-out: {of.explanation}; [3] tipped it"
    shown = [
        ProofOut(
            record=f"{one.index + 1:02x}" * 32,
            shows=f"[{one.index}] ended with {one.verdict} on {one.instance_alias}",
        )
        for one in of.subtasks
        if one.verdict
    ]
    asked = ProofOut(record=of.parent_intend, shows=f"asks for {len(of.subtasks)} subtasks, join {of.join}")
    return TaskWhy(
        thread=of.thread,
        alias=of.alias,
        status=of.status,
        sentence=sentence,
        proofs=[*shown, asked],
        of_join=True,
    )


def why_open(number: int = 1) -> TaskWhy:
    """Why a task that nobody has begun is open."""
    proof = ProofOut(record="f0" * 32, shows="opens the task, by alice")
    return TaskWhy(
        thread=f"th_{number:064x}", alias=f"DOCS-{number}", status="open", proofs=[proof],
        sentence="open: alice asked for it, and nobody has begun",
        hint=f"begin it: spl task start DOCS-{number}",
    )  # fmt: skip
