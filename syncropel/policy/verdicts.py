"""Who may judge a task, and when: once its work is done, by anybody who took no part in it."""

from __future__ import annotations

from syncropel.errors import Conflict, OwnWork, SyncropelError
from syncropel.folds.fanout.state import ACCEPT
from syncropel.folds.tasks.state import JUDGED_STATUSES, TaskState
from syncropel.record.model import Record


def check_verdict(record: Record, task: TaskState) -> SyncropelError | None:
    """Why this record may not judge the task on its thread, or None; None also for anything but a verdict."""
    if not task.is_judged_by(record):
        return None
    name = task.alias or task.thread
    verb = "approve" if record.body["verdict"] == ACCEPT else "reject"
    if record.body.get("fulfills") is not None or task.did_work(record.actor):
        return OwnWork(
            f"{record.actor!r} did the work of {name!r} and cannot {verb} it",
            f"another actor judges it, such as: SPL_ACTOR=did:sync:agent:reviewer spl task {verb} {name}",
        )
    if task.status not in JUDGED_STATUSES:
        first = "reopen" if task.status in ("cancelled", "failed") else "done"
        return Conflict(
            f"cannot {verb} {name!r}: it is {task.status}, and only work that is done can be judged",
            f"first: spl task {first} {name}",
        )
    return None
