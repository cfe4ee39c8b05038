"""What is shown of a link."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Transport = Literal["stream", "poll"]


@dataclass(frozen=True, slots=True)
class LinkReport:
    """The state of a link. `since`: of this state; `heard_at`: of the worker's last byte; unix seconds."""

    state: Literal["up", "down", "refused"]
    transport: Transport | Literal[""] = ""
    since: float | None = None
    heard_at: float | None = None
    protocol: int | None = None
    unanswered: int = 0
    problem: str = ""
