"""The write guard: what a well-formed record must also satisfy before the log takes it."""

from __future__ import annotations

from typing import Protocol

from syncropel.errors import Conflict, SyncropelError
from syncropel.folds.fanout import AMEND_JOIN
from syncropel.folds.spec import FanOutSpec, is_fan_out, parse_fan_out
from syncropel.folds.task import TaskState
from syncropel.policy.joining import check_join
from syncropel.record import Record


class GuardedState(Protocol):
    """The live folds that the guard looks at."""

    @property
    def tasks(self) -> dict[str, TaskState]: ...


def check(record: Record, state: GuardedState) -> SyncropelError | None:
    """The reason to refuse this record, or None. Looks at memory only; writes nothing."""
    if record.act == "INTEND" and is_fan_out(record.body):
        return _check_fan_out(record, state)
    if record.act == "LEARN" and record.topic == AMEND_JOIN:
        return _check_amendment(record, state)
    return None


def _check_fan_out(record: Record, state: GuardedState) -> SyncropelError | None:
    task = state.tasks.get(record.thread)
    if task is not None and task.fanout is not None and task.fanout.intend != record.id:
        return Conflict(
            f"this task is fanned out already (record {task.fanout.intend})",
            f"see it: spl task join-status {task.alias or task.thread}; for other work add another task",
        )
    try:
        check_join(parse_fan_out(record.body))
    except SyncropelError as error:
        return error
    return None


def _check_amendment(record: Record, state: GuardedState) -> SyncropelError | None:
    task, join = state.tasks.get(record.thread), record.body.get("join")
    if task is None or task.fanout is None or not isinstance(join, str):
        return None
    spec = task.fanout.spec
    try:
        check_join(FanOutSpec(spec.subtasks, join, spec.namespace))
    except SyncropelError as error:
        return error
    return None
