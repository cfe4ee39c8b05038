"""What waits for an operator."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from syncropel.wire.base import OPEN, Wire

InboxKind = Annotated[
    Literal[
        "permission", "question", "approval", "failed", "silent", "late", "budget", "collision", "review"
    ],
    OPEN,
]


class InboxItem(Wire):
    """One thing that waits for an operator, on whichever instance it runs."""

    kind: InboxKind = Field(
        description="`permission` or `question` of an agent; `approval` before a subtask begins; `failed` "
        "work that blocks its task; `silent`: its instance does not answer; `late`; `budget` nearly spent; "
        "`collision`: it has touched files that another running subtask has touched, too; `review`: the join "
        "waits for its approval and for nothing else"
    )
    since: float = Field(
        description="since when, unix seconds; for a budget, since what spends it began; "
        "for a collision, since the last of its subtasks began"
    )
    thread: str = Field(description="id of the task's thread")
    alias: str
    index: int | None = Field(description="the subtask; null for all of the task")
    attempt: int | None = Field(description="number of the attempt; null for all of the task")
    instance: str | None = Field(description="DID of the instance that has it; null for none")
    instance_alias: str | None = Field(description="its name")
    what: str = Field(description="what it is, in one line")
    command: str = Field(description="the command that answers it, or shows what to do")
    question: str = Field(default="", description="id of the question; empty when it is none")
    until: float | None = Field(
        default=None, description="when it decides itself, unix seconds; null when it does not"
    )
