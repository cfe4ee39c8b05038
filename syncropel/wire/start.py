"""How far the start of a daemon has come."""

from __future__ import annotations

from typing import Annotated, Literal

from syncropel.wire.base import OPEN, Wire


class Start(Wire):
    """GET /v1/start: whether the daemon serves, or still reads its log."""

    state: Annotated[Literal["reading", "serving"], OPEN]
    pid: int
    version: str
    records_read: int
    """How many records of the log it has read."""
    records: int
    """How many there are; 0 while that is not known."""
