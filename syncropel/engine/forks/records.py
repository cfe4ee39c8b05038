"""The records of a fork's life: the work on the child, its result, and the join of its parent."""

from __future__ import annotations

import re
from typing import Any, Final

from syncropel.folds.fanout.join import JoinDecision
from syncropel.folds.fanout.state import ACCEPT, FanOut
from syncropel.folds.forks.state import FORK_CLOSED, FORK_JOINED, WORK_KEYS, Fork
from syncropel.folds.tasks.closing import Closing
from syncropel.folds.tasks.state import TaskState
from syncropel.record.model import Record

_MINTED: Final = re.compile(r"th_[0-9a-f]{64}")
"""Thread ids that nobody would type: a task on one gets a short name."""
MOST_SUMMARY: Final = 2000
"""Characters of a child's summary that its parent is told; the child has all of it."""


def begun(fork: Fork, parent: str, namespace: str, task: TaskState | None, *, fresh: bool) -> Record:
    """The INTEND that assigns the child's work to an instance, as `spl task dispatch` does.

    On a thread without records (`fresh`) it is derived from the fork alone: written twice, it is one record.
    """
    work = fork.work
    assert work is not None
    asked = {key: value for key in WORK_KEYS if (value := getattr(work, key)) is not None}
    body: dict[str, Any] = {"task": True, "goal": fork.goal}
    if task is not None:
        body |= {"goal": task.goal, "alias": task.alias, "priority": task.priority, "domain": task.domain}
    else:
        alias = fork.alias or (f"FORK-{fork.record[:10]}" if _MINTED.fullmatch(fork.child) else "")
        body |= {"alias": alias} if alias else {}
        body["parent_thread"] = parent
    body |= {"namespace": namespace, "fork": fork.record}
    body |= {"dispatch": True, "subtasks": [asked], "join": "all"}
    record = Record(fork.child, fork.actor, "INTEND", body, 0 if fresh else None, (fork.record,))
    return record.identified()


def closed(
    child: str, fork: str, parent: str, closing: Closing, namespace: str, did: str, at: float
) -> Record:
    """KNOW on the parent: a child has closed. It has no verdict, which would judge the parent."""
    said = " ".join(closing.summary[:MOST_SUMMARY].split())
    body = {
        "topic": FORK_CLOSED,
        "child_thread": child,
        "result": closing.result,
        "status": closing.status,
        "summary": f"child {child} completed with result {closing.result}" + (f": {said}" if said else ""),
        "cost_usd": closing.cost_usd,
        "namespace": namespace,
        "at": at,
    }
    return Record(parent, did, "KNOW", body, None, (fork,) if fork else ())


def joined(fanout: FanOut, decision: JoinDecision, did: str, at: float) -> Record:
    """KNOW that fulfills the parent's opening INTEND: its join over its children is satisfied."""
    body = {
        "topic": FORK_JOINED,
        "fulfills": fanout.intend,
        "verdict": ACCEPT,
        "join": fanout.join,
        "explanation": decision.explanation,
        "cost_usd": fanout.cost_usd,
        "namespace": fanout.spec.namespace,
        "at": at,
    }
    return Record(fanout.thread, did, "KNOW", body, None, (fanout.intend,))
