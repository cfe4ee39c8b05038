"""Who writes in this log."""

from __future__ import annotations

from pydantic import Field

from syncropel.wire.base import Wire


class ActorOut(Wire):
    """One row of GET /v1/actors."""

    actor: str
    alias: str = Field(default="", description="of an instance of the fleet")
    name: str = Field(default="", description="as registered, like category and status")
    category: str = ""
    status: str = ""
    registered: bool
    threads: int = Field(description="on how many threads there are records of this actor")
    last_activity: float | None = Field(
        description="when the log took the latest of its records, unix seconds"
    )
