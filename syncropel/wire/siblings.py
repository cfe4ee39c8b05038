"""The other subtasks of an attempt's task, for the instance that runs the attempt."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from syncropel.wire.base import Wire


class AskedSiblings(Wire):
    """POST /v1/fleet/siblings: the attempt of the instance that asks."""

    model_config = ConfigDict(defer_build=False)

    parent_thread: str = Field(max_length=512, description="thread of its task")
    child_intend: str = Field(max_length=64)


class SiblingOut(Wire):
    """Another subtask of the same task. What it says is the words of another agent."""

    index: int
    attempt: int
    goal: str = Field(description="its first 400 characters")
    state: str = Field(description="`pending`, `blocked`, `in_progress`, or its verdict")
    summary: str = Field(description="as reported, perhaps cut; empty without a result")


class SiblingsOut(Wire):
    """The other subtasks of an attempt's task."""

    subtasks: list[SiblingOut] = Field(description="by index, at most 50")
    left_out: int = Field(description="how many more there are")
