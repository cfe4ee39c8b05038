"""The output of an attempt: what its goal has written so far."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from syncropel.wire.base import OPEN, Wire
from syncropel.wire.tasks import ChildState


class OutputPage(Wire):
    """Part of one attempt's output, and the state of the attempt.

    `offset`, `next_offset`, and `size` count bytes of the whole output: `data` is from `offset` up to
    `next_offset`. Both are lower than requested when the output has become shorter.
    """

    object: Literal["output"] = "output"
    child_thread: str = Field(default="", description="empty while the subtask was given to no instance")
    index: int
    attempt: int
    instance: str = Field(default="", description="DID of the instance that has the output")
    alias: str = Field(default="", description="the name of that instance")
    path: str = Field(default="", description="where the output is on that instance")
    format: Annotated[Literal["text", "events"], OPEN] = Field(
        default="text", description="events: a JSON document a line, with its `kind`, of what an agent says"
    )
    state: ChildState
    ended: bool = Field(description="the attempt has ended: the output grows no more")
    offset: int
    next_offset: int
    size: int
    encoding: Annotated[Literal["utf-8", "base64"], OPEN] = Field(
        default="utf-8", description="base64 where the bytes are not UTF-8"
    )
    data: str = ""
