"""What became of a record that a client emitted."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class EmitResult:
    """Look at `success` first: an emit that fails raises nothing.

    `record_id` (64 hex digits) and `clock` are the log's; None when it did not take the record, or the answer
    was lost. `error` says why, beginning with `HTTP <status>` when a daemon refused it. `retried`: how often
    it was sent again.
    """

    success: bool
    record_id: str | None = None
    clock: int | None = None
    error: str | None = None
    retried: int = 0
    kind: str = ""
    act: str = ""
    thread: str = ""
