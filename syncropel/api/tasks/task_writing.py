"""The records that begin a task's work, for every route that needs them."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import Any

from pydantic import Field

from syncropel.api.tasks.parents import find_parent
from syncropel.api.tasks.task_requests import Request, made_record
from syncropel.api.tasks.task_views import find_task
from syncropel.engine.engine import Engine
from syncropel.engine.ingest.live import LiveFolds
from syncropel.errors import BadRequest, Conflict
from syncropel.folds.control.namespaces import DEFAULT, parse_namespace
from syncropel.folds.fanout.spec import DYNAMIC_TARGETS
from syncropel.folds.tasks.state import TaskState
from syncropel.policy.joining import check_fork_join
from syncropel.record.threads import task_thread
from syncropel.store.base import Appended
from syncropel.wire.joins import SHORTHANDS

ALIAS_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
_OVER = ("cancelled", "approved", "done")


class NewTask(Request):
    """POST /v1/tasks"""

    goal: str = Field(min_length=1)
    alias: str | None = Field(default=None, pattern=ALIAS_PATTERN)
    priority: str = "medium"
    domain: str = ""
    namespace: str | None = Field(default=None, description="by default its parent's, or `default`")
    parent: str | None = Field(
        default=None, description="what it is a part of: a task, NAME:N for a subtask, or a subtask's thread"
    )
    labels: list[str] = Field(default=[])
    hypothesis: str = ""
    criteria: list[str] = Field(default=[])
    assignee: str = ""
    join: str | None = Field(
        default=None, description=f"when its child threads close it: {SHORTHANDS}, or CEL over children"
    )


def _place(engine: Engine, asked: NewTask) -> dict[str, str]:
    """The namespace of a new task, and the thread that it is a part of."""
    if asked.parent is None:
        return {"namespace": _chosen(asked.namespace, DEFAULT)}
    thread, state = find_parent(engine, asked.parent)
    return {"namespace": _chosen(asked.namespace, state.namespace), "parent_thread": thread}


def _chosen(namespace: str | None, inherited: str) -> str:
    """The requested namespace, or the inherited one, even one from an older log.

    Raises InvalidNamespace.
    """
    if namespace is None or namespace == inherited:
        return inherited
    parse_namespace(namespace, "namespace")
    return namespace


def _refuse_second(state: TaskState) -> None:
    # An existing open task is refused with the record that began it, like any second INTEND.
    if state.fanout is not None and state.fanout.joined is not None:
        name = state.alias or state.thread
        raise Conflict(f"{name} was fanned out already, and has joined", more_work(name))


def more_work(name: str) -> str:
    """The hint for more work on a task whose fan-out is over: a task is fanned out once."""
    return f"for more work add a part and fan it out: spl task add GOAL --parent {name}"


def refuse_if_over(state: TaskState) -> None:
    """Raise Conflict for a task that is closed for further work."""
    if state.fanout is not None and state.fanout.joined is not None:
        return  # reopening it would not help, so the hint says what does
    if state.status in _OVER:
        name = state.alias or state.thread
        raise Conflict(f"{name} is {state.status}", f"reopen it first: spl task reopen {name}")


def refuse_unknown(engine: Engine, targets: Iterable[str]) -> None:
    """Raise BadRequest for a target that names an instance which has never joined this fleet."""
    registry, asked = engine.ingest.live.registry, list(targets)
    for place, target in enumerate(asked):
        name = target.removeprefix("specific:")
        if target in DYNAMIC_TARGETS or name in registry.instances or registry.by_alias(name) is not None:
            continue
        known = ", ".join(sorted(one.alias for one in registry.instances.values() if one.alias))
        raise BadRequest(
            (f"subtask {place}: " if len(asked) > 1 else "") + f"no instance {name!r} has ever joined",
            f"known: {known}; for one that joins later: --allow-unknown",
        )


async def create(engine: Engine, asked: NewTask) -> TaskState:
    """Write the INTEND of a new task; without an alias one is generated. The caller holds
    `engine.fan_out_lock`.

    Raises Conflict when the alias is taken, InvalidNamespace, NotFound for an unknown parent, errors of the
    join, and whatever refuses a record.
    """
    live = engine.ingest.live
    alias = asked.alias or _next_alias(live)
    if alias in live.aliases:
        raise Conflict(f"the alias {alias} is taken", f"see it: spl task show {alias}; or choose another")
    fields = asked.model_dump(exclude={"actor", "alias", "namespace", "parent", "join"})
    if asked.join is not None:
        check_fork_join(asked.join)
        fields["join"] = asked.join
    thread = task_thread(alias, secrets.token_hex(16))
    whole = {"task": True, "alias": alias, **fields, **_place(engine, asked), "at": engine.runtime.now()}
    await engine.ingest.append_one(made_record(thread, asked.actor, "INTEND", whole, clock=0))
    return find_task(engine, thread)


async def begin(
    engine: Engine, state: TaskState, actor: str, fields: dict[str, Any], namespace: str | None
) -> Appended:
    """Write the parent INTEND of a fan-out: the task's own fields, and `fields` with subtasks and join.

    The caller holds `engine.fan_out_lock`. Raises Conflict when the task is over, InvalidFanOut, and whatever
    refuses a record.
    """
    refuse_if_over(state)
    _refuse_second(state)
    whole = {
        "task": True,
        "goal": state.goal,
        "alias": state.alias,
        "priority": state.priority,
        "domain": state.domain,
        "namespace": _chosen(namespace, state.namespace),
        **fields,
        "at": engine.runtime.now(),
    }
    parents = [state.intend] if state.intend else []
    return await engine.ingest.append_one(made_record(state.thread, actor, "INTEND", whole, parents))


def _next_alias(live: LiveFolds) -> str:
    number = live.task_count + 1
    while f"TASK-{number:04}" in live.aliases:
        number += 1
    return f"TASK-{number:04}"
