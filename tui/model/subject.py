"""What the cursor is on: an instance, a task, or one subtask of a task."""

from __future__ import annotations

from dataclasses import dataclass

from tui.model.branches import place_of
from tui.model.text import plain, tail
from tui.model.world import World


@dataclass(frozen=True)
class Subject:
    """The `did` of an instance, the `thread` of a task, with `index` one of its subtasks, or a `namespace`.
    All empty: nothing.
    """

    did: str = ""
    thread: str = ""
    index: int | None = None
    namespace: str = ""


def subject_of(table: str, key: str, thread: str | None) -> Subject:
    """The subject of a table's row; `thread` is the task whose subtasks the screen shows."""
    if table == "instances":
        return Subject(did=key)
    if table == "subtasks":
        whole_task, index_of = place_of(key, thread or "")
        return Subject(thread=whole_task, index=index_of)
    if table == "dispatches":
        whole, _, index = key.rpartition("/")
        return Subject(thread=whole, index=int(index))
    if table == "namespaces":
        return Subject(namespace=key)
    return Subject(thread=key) if table in ("tasks", "fanouts") else Subject()


def namespace_of(world: World, subject: Subject) -> str:
    """The namespace of a subject; empty when it has none, or it is not known."""
    if not subject.thread:
        return subject.namespace
    fanouts = world.status.fanouts if world.status else []
    found = next((one.namespace for one in fanouts if one.thread == subject.thread), "")
    task = world.task(subject.thread)
    return plain(found or (task.namespace if task else ""))


def task_label(world: World, subject: Subject) -> str:
    """A task as commands name it: its alias, or its full thread id."""
    task, fanouts = world.task(subject.thread), world.status.fanouts if world.status else ()
    alias = task.alias if task is not None else ""
    alias = alias or next((one.alias for one in fanouts if one.thread == subject.thread), "")
    return plain(alias) or subject.thread


def short_label(world: World, subject: Subject) -> str:
    """A subject as titles name it: `DOCS-11 [2]`, `worker-a`."""
    if subject.did:
        instances = world.status.instances if world.status else []
        alias = next((one.alias for one in instances if one.did == subject.did), "")
        return plain(alias) or tail(subject.did)
    if subject.namespace:
        return plain(subject.namespace)
    label = task_label(world, subject)
    label = tail(label) if label == subject.thread else label
    return label if subject.index is None else f"{label} [{subject.index}]"
