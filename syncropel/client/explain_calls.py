"""Requests for explanations of tasks; see `client.calls`."""

from __future__ import annotations

from urllib.parse import quote

from syncropel.client.calls import Call
from syncropel.client.late import schema


def why(name: str) -> Call[schema.TaskWhy]:
    """Why a task has its status."""
    return Call(schema.TaskWhy, f"/v1/tasks/{quote(name, safe='')}/why")


def what_if(name: str, join: str) -> Call[schema.WhatIf]:
    """When a fan-out would have joined with another predicate."""
    return Call(schema.WhatIf, f"/v1/tasks/{quote(name, safe='')}/what-if", query={"join": join})


def diagnose(name: str, subtask: int | None = None) -> Call[schema.Diagnosis]:
    """How every attempt of a task ended; `subtask`: only those of one."""
    query = {} if subtask is None else {"subtask": subtask}
    return Call(schema.Diagnosis, f"/v1/tasks/{quote(name, safe='')}/diagnose", query=query)


def tree(name: str) -> Call[schema.TaskTree]:
    """A task's subtasks, each below the one it waits for."""
    return Call(schema.TaskTree, f"/v1/tasks/{quote(name, safe='')}/tree")
