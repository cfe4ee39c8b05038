"""Records, single and in batches."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from syncropel.wire.base import OPEN, ErrorBody, Wire


class RecordOut(Wire):
    """A record as the API returns it: the eight fields, flat, and what the store knows about it."""

    object: Literal["record"] = "record"
    id: str
    thread: str
    actor: str
    act: str
    clock: int
    parents: list[str]
    data_type: str
    judged_by: str | None = None
    body: dict[str, Any]
    sequence: int
    received_at: float


class PostedRecord(RecordOut):
    """POST /v1/records: the record as the log has it; `duplicate` when it already existed."""

    duplicate: bool = False


class BatchOutcome(Wire):
    """The outcome of one record of a batch, in the order sent."""

    status: Annotated[Literal["created", "duplicate", "error"], OPEN]
    id: str | None = None
    clock: int | None = None
    sequence: int | None = None
    error: ErrorBody | None = None


class BatchResult(Wire):
    """POST /v1/records/batch"""

    object: Literal["list"] = "list"
    data: list[BatchOutcome]
    created: int
    duplicates: int
    errors: int


class QueryPlan(Wire):
    """How the answer to a query was found."""

    walked: Annotated[Literal["log", "thread"], OPEN]
    """The log by sequence, or all of the one thread that the filter names."""
    thread: str | None = None
    after: int | None = None
    """The sequence after which the scan of the log began."""
    examined: int
    """Records that were examined."""
    sorted: bool


class QueryProgress(Wire):
    """How far the walk of a query has come, over all its pages so far. Where the answer is sorted, each page
    is a walk of its own.
    """

    looked_at: int
    """Records that it has looked at."""
    to_look_at: int
    """Records to look at in all: those of the thread or of the log, within the query's sequences."""
    through: int | None = None
    """The sequence to which it has come, from the first or, in descending order, from the last; null when it
    goes by clock."""


class QueryResult(Wire):
    """POST /v1/records/query"""

    object: Literal["list"] = "list"
    data: list[RecordOut]
    next_cursor: str | None = None
    """The `cursor` of the request for the next page; null at the end, and only there."""
    stopped_for: Annotated[Literal["limit", "time", "size"], OPEN] | None = None
    """Why the page ends here: it has `limit` records, or `size`, as many as fit, and there are more; or its
    `time` was up, and there may be more. Null at the end."""
    progress: QueryProgress | None = None
    """How far it has looked; null from an older daemon."""
    next_offset: int | None = None
    """`offset` of the request for the next page, if an offset reaches it; otherwise null."""
    plan: QueryPlan | None = None
    """Only when the query requested `explain`."""
