"""Whether an instance's log is what it was, in a few words for every screen."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from syncropel.wire.base import OPEN, Wire

StoreWord = Annotated[Literal["sound", "held", "replaced", "altered", "unreachable"], OPEN]
"""`held`: records that were known are missing, and only freezes are taken; `replaced`: somebody removed or
replaced the files under the daemon, or another process appends to its database; `altered`: records do not
hash to their ids; `unreachable`: the database does not answer, which may pass."""


class LogState(Wire):
    """The state of an instance's log: sound, or what is wrong with it and which command helps."""

    model_config = ConfigDict(defer_build=False)

    state: StoreWord = "sound"
    problem: str = Field(default="", max_length=4096)
    """What is wrong; empty when the log is sound."""
    hint: str = Field(default="", max_length=4096)
    altered: list[str] = Field(default=[], max_length=256)
    """Threads with an altered record, the first hundred: nothing begins or is joined there."""
    stops_all: bool = False
    """Whether the instance runs nothing at all until this is settled."""
