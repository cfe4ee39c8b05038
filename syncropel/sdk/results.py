"""The outcome of emitting a record."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class EmitResult:
    """Check `success` first: a failed emit raises nothing.

    `record_id` (64 hex digits) and `clock` are the log's; None when it did not accept the record, or the
    answer was lost. `error` says why, beginning with `HTTP <status>` when a daemon refused it. `retried`: how
    often it was sent again.
    """

    success: bool
    record_id: str | None = None
    clock: int | None = None
    error: str | None = None
    retried: int = 0
    kind: str = ""
    act: str = ""
    thread: str = ""
