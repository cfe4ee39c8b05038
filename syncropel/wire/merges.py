"""Merges of a task's finished branches."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from syncropel.wire.base import OPEN, Wire

MergeState = Annotated[
    Literal[
        "queued",
        "running",
        "merged",
        "checked",
        "conflict",
        "gate_failed",
        "refused",
        "frozen",
        "interrupted",
        "failed",
        "merge_untaken",
    ],
    OPEN,
]
MergeMode = Annotated[Literal["merge", "squash", "ff-only"], OPEN]


class MergedBranch(Wire):
    """A branch that a merge is about."""

    index: int
    attempt: int
    branch: str = Field(description="the branch's name")
    commit: str = Field(description="the commit that the attempt's result names")


class ConflictFile(Wire):
    """A file in conflict, and who brought the other side."""

    path: str
    index: int | None = Field(default=None, description="the subtask whose branch brought the other side")
    since: str = Field(
        default="", description="without such a subtask: the target's commit that last changed the file"
    )


class MergeStep(Wire):
    """One step of a merge."""

    step: int = Field(description="its number, from 0")
    what: str = Field(description="what was done or found, in a word, such as `merged` or `gate_failed`")
    at: float
    index: int | None = Field(default=None, description="the subtask that it is about; null for none")
    commit: str = Field(default="", description="the commit that it is about; empty for none")
    made: str = Field(default="", description="the commit that it made; no branch points to that yet")
    told: str = Field(default="", description="the outcome, for people; empty for most steps")
    tail: str = Field(default="", description="the last lines of the gate")


class MergeOut(Wire):
    """One merge. It moves its target once, at the end; in any state but `merged` the target was not moved."""

    id: str = Field(description="id of the record that asked for it")
    state: MergeState
    repo: str = Field(description="the repository, by its name on the instance that merges")
    into: str = Field(description="the branch that it merges into; empty while the instance has not begun")
    mode: MergeMode = Field(description="a merge commit for each branch, one plain commit, or none")
    dry_run: bool
    instance: str = Field(description="DID of the instance that merges")
    instance_alias: str = ""
    by: str = Field(description="DID of who asked for it")
    at: float = Field(description="when it was asked for, unix seconds")
    ended_at: float | None = Field(default=None, description="when it ended, unix seconds; null: it has not")
    told: str = Field(default="", description="how it ended, for people")
    commit: str = Field(
        default="", description="the commit that the target was moved to; empty if it was not"
    )
    branches: list[MergedBranch] = Field(description="the branches, in the order of merging")
    merged: list[int] = Field(default=[], description="subtasks that are in the target because of it")
    files: list[ConflictFile] = Field(default=[], description="files in conflict, the first 50")
    steps: list[MergeStep] = Field(default=[], description="its steps so far, in order")


class MergeList(Wire):
    """GET /v1/tasks/{alias or thread}/merge"""

    object: Literal["merges"] = "merges"
    thread: str
    alias: str
    data: list[MergeOut] = Field(description="the merges of the task, the latest first")


class MergeTaken(Wire):
    """POST /v1/merges"""

    object: Literal["merge_taken"] = "merge_taken"
    instance: str = Field(description="DID of the instance that merges")


class Toucher(Wire):
    """A running subtask that has touched a file."""

    thread: str = Field(description="the task's thread")
    alias: str = Field(default="", description="the task's alias")
    index: int


class CollisionOut(Wire):
    """Running subtasks that have touched the same files of a repository."""

    repo: str = Field(description="the repository, by its name on their instances")
    by: list[Toucher] = Field(description="the subtasks")
    files: list[str] = Field(description="the files, at most 20")
    count: int = Field(description="how many files there are")


class MergedInto(Wire):
    """Where a subtask's branch was merged."""

    merge: str = Field(description="id of the record that asked for the merge")
    into: str = Field(description="the branch that it was merged into")
    commit: str = Field(description="the commit that this branch was moved to; empty if it had all already")
    attempt: int
    at: float = Field(description="when, unix seconds")
