"""Git worktrees of attempts, on every instance of the fleet."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from syncropel.wire.base import Wire
from syncropel.wire.tasks import ChildState


class WorktreeOut(Wire):
    """The worktree of one attempt. Values that its instance cannot determine are null."""

    task: str = Field(description="alias or thread of its task")
    index: int
    attempt: int
    child_thread: str
    instance: str = Field(description="DID of the instance that has it")
    alias: str = Field(default="", description="the name of that instance")
    repo: str = Field(description="its repository's name in [workspace.repos] there")
    path: str
    branch: str | None = Field(default=None, description="what is checked out; null: no branch, or unknown")
    size: int | None = Field(default=None, description="bytes on disk")
    commits_ahead: int | None = Field(default=None, description="commits since the one that it began at")
    uncommitted: int | None = Field(default=None, description="files that differ from the last commit")
    merged: bool | None = Field(default=None, description="the repository's base branch has all its commits")
    state: ChildState
    kept: str = Field(default="", description="why pruning keeps it; empty: it would be removed")


class UnknownWorktrees(Wire):
    """An instance whose worktrees are unknown."""

    instance: str
    alias: str = ""
    why: str


class WorktreeList(Wire):
    """GET /v1/worktrees"""

    object: Literal["worktrees"] = "worktrees"
    instance: str = Field(description="DID of the instance that answers")
    data: list[WorktreeOut]
    unknown: list[UnknownWorktrees] = []


class AllowedOn(Wire):
    """An instance on which files were allowed."""

    instance: str
    alias: str = ""
    problem: str = Field(default="", description="why it did not take that; empty: it did")


class FilesAllowed(Wire):
    """POST /v1/worktrees/allow"""

    object: Literal["files_allowed"] = "files_allowed"
    repo: str = Field(description="the repository, by its name in [workspace.repos]")
    digest: str = Field(description="digest of the files: of their paths, modes, and contents")
    removed: bool = Field(description="whether they may not run any more")
    data: list[AllowedOn] = Field(description="the instances, each with what came of it")


class WorktreesPruned(Wire):
    """POST /v1/worktrees/prune. With `dry_run` nothing was removed: `removed` is hypothetical."""

    object: Literal["worktrees_pruned"] = "worktrees_pruned"
    dry_run: bool
    removed: list[WorktreeOut]
    kept: list[WorktreeOut]
    unknown: list[UnknownWorktrees] = []
