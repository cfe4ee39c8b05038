"""Records by which subtasks are asked for, added, and refused."""

from __future__ import annotations

from typing import Any

from syncropel.folds.fanout.additions import ADDED, ASKED, REFUSED, addition_id
from syncropel.record.model import Record

from .build import COORDINATOR, WORKER_A, record, spawned, subtask

INTENDS = [spawned(index, 10 + index).body["child_intend"] for index in range(5)]


def asked(request: str, clock: int, index: int = 0, **more: Any) -> Record:
    wanted = {"request": request, "goal": f"do {request}", "adapter": "claude", **more}
    body = {"topic": ASKED, "index": index, "attempt": 1, "child_intend": INTENDS[index], "subtask": wanted}
    return record("KNOW", clock, {**body, "worker": WORKER_A}, actor=WORKER_A)


def added(request: str, clock: int, index: int, by: int = 0, depth: int = 1, **more: Any) -> Record:
    body: dict[str, Any] = {
        "topic": ADDED,
        "asked": addition_id(INTENDS[by], request),
        "by": {"index": by, "attempt": 1},
    }
    body |= {"index": index, "depth": depth, "subtask": {**subtask(), "goal": f"do {request}", **more}}
    return record("LEARN", clock, {**body, "at": float(clock)}, actor=COORDINATOR)


def refused(request: str, clock: int, reason: str = "no") -> Record:
    body = {"topic": REFUSED, "asked": addition_id(INTENDS[0], request), "reason": reason}
    return record("LEARN", clock, {**body, "by": {"index": 0, "attempt": 1}}, actor=COORDINATOR)
