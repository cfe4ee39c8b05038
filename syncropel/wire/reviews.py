"""Reviews of finished attempts, and the work that they are about."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from syncropel.wire.base import OPEN, Wire

ReviewVerdict = Annotated[Literal["accept", "reject"], OPEN]
ReviewSide = Annotated[Literal["new", "old"], OPEN]


class WorktreeLeft(Wire):
    """What an attempt left in its git worktree, on its worker."""

    path: str
    branch: str | None = Field(description="None when HEAD is detached")
    commit: str
    subject: str
    commits_ahead: int = Field(description="commits since the attempt began")
    uncommitted: int = Field(description="files changed or untracked")
    base: str = Field(default="", description="the commit that it began at, when it was made for the attempt")
    files: int = Field(default=0, description="files that differ from the base, committed or not")
    insertions: int = 0
    deletions: int = 0


class NoteOut(Wire):
    """A reviewer's remark."""

    text: str = Field(description="the remark")
    path: str = Field(default="", description="the file; empty: it is about the whole")
    line: int | None = Field(default=None, description="the line, from 1; null: it is about the whole file")
    side: ReviewSide = Field(default="new", description="whether the line is in the new file or in the old")
    quote: str = Field(default="", description="what stands in that line, as the reviewer saw it")


class ReviewOut(Wire):
    """A review: somebody approved an accepted attempt, or rejected it. The attempt's own result stays."""

    id: str = Field(description="id of its record")
    index: int
    attempt: int
    commit: str = Field(description="the commit that was looked at; empty: the attempt has none")
    verdict: ReviewVerdict
    by: str = Field(description="DID of the reviewer")
    at: float = Field(description="when, unix seconds")
    text: str = Field(default="", description="about the whole")
    notes: list[NoteOut] = Field(default=[], description="remarks, most of them about lines of files")


class ReviewTaken(Wire):
    """POST /v1/tasks/{alias or thread}/subtasks/{index}/reviews"""

    object: Literal["review"] = "review"
    thread: str
    alias: str
    review: ReviewOut = Field(description="as it is in the log")
    next_attempt: int | None = Field(
        default=None, description="the attempt that begins because of it; null: it is no rejection"
    )
    hint: str = Field(default="", description="what that attempt is told")
    dependents: list[int] = Field(
        default=[], description="subtasks that had begun with the rejected result: they keep their own"
    )
