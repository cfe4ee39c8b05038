"""The records that change a task's state or judge it, each built in one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from syncropel.client import calls
from syncropel.errors import Conflict

if TYPE_CHECKING:
    from syncropel import wire as schema
    from syncropel.client.calls import Call

END_TOPIC: Final = "fanout_end_subtask"
STOPPED: Final = "stopped"
"""The reason for ending an attempt, when the person gave none."""


@dataclass(frozen=True)
class Step:
    """A step in a task's life: the record's act and topic, the key of its text, and the message
    for the user."""

    act: str
    topic: str
    said: str
    words: str = "reason"


STEPS: Final = {
    "start": Step("DO", "task_started", "started"),
    "block": Step("DO", "task_blocked", "blocked"),
    "defer": Step("DO", "task_deferred", "deferred"),
    "cancel": Step("DO", "task_cancelled", "cancelled"),
    "fail": Step("DO", "task_failed", "failed"),
    "reopen": Step("DO", "task_reopened", "reopened"),
    "comment": Step("DO", "task_comment", "commented", "text"),
}
VERDICTS: Final = {"approve": ("accept", "approved"), "reject": ("reject", "rejected")}


def step(
    thread: str, name: str, words: str, *, actor: str, at: float | None = None
) -> Call[schema.PostedRecord]:
    """One of STEPS on a task's thread. `at` in unix seconds; None: when it is received."""
    one = STEPS[name]
    return _post(thread, one.act, {"topic": one.topic, one.words: words}, actor, at)


def judge(
    thread: str, name: str, notes: str, *, actor: str, at: float, domain: str = ""
) -> Call[schema.PostedRecord]:
    """One of VERDICTS on a task."""
    body = {"verdict": VERDICTS[name][0], "notes": notes, "domain": domain}
    return _post(thread, "KNOW", body, actor, at)


def done(
    thread: str, intend: str, summary: str, *, actor: str, at: float, domain: str = ""
) -> Call[schema.PostedRecord]:
    """The work is done and can be judged. `intend`: the id of the task's INTEND."""
    body = {"fulfills": intend, "summary": summary, "domain": domain}
    return _post(thread, "KNOW", body, actor, at)


@dataclass(frozen=True)
class Attempt:
    """One attempt of a subtask: a stop names it, so that it can never end another one."""

    thread: str
    index: int
    attempt: int
    instance: str
    namespace: str
    intend: str = ""


def running_attempt(join: schema.JoinStatus, index: int) -> Attempt:
    """The attempt of a subtask that is in flight. Raises Conflict when there is none."""
    child = next((one for one in join.subtasks if one.index == index), None)
    if child is not None and child.state == "in_progress" and child.instance:
        return Attempt(join.thread, index, child.attempt, child.instance, join.namespace, join.parent_intend)
    name = join.alias or join.thread
    state = "does not exist" if child is None else f"is {child.state}"
    raise Conflict(f"{name} [{index}] {state}: there is nothing to stop", f"see: spl task join-status {name}")


def stop(attempt: Attempt, reason: str, *, actor: str, at: float | None = None) -> Call[schema.PostedRecord]:
    """End an attempt that is in flight: its whole process tree, with the verdict `terminated`.

    `at` as in `step`.
    """
    about = {"index": attempt.index, "attempt": attempt.attempt, "from": attempt.instance}
    body = {"topic": END_TOPIC, **about, "reason": reason or STOPPED, "namespace": attempt.namespace}
    return _post(attempt.thread, "LEARN", body, actor, at, attempt.intend)


def fork(
    parent: str, child: str, work: Mapping[str, Any], *, actor: str, at: float
) -> Call[schema.PostedRecord]:
    """An INTEND that makes `child` a child thread of `parent`. `work`: goal, target, adapter, and so on."""
    return _post(parent, "INTEND", {"sub_thread": child, **work}, actor, at)


def _post(
    thread: str, act: str, body: Mapping[str, Any], actor: str, at: float | None, parent: str = ""
) -> Call[schema.PostedRecord]:
    given = {key: value for key, value in {**body, "at": at}.items() if value not in ("", None)}
    record: dict[str, Any] = {"thread": thread, "actor": actor, "act": act, "body": given}
    return calls.post_record({**record, "parents": [parent]} if parent else record)
