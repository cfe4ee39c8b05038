"""The outcome of restoring a bundle of records."""

from __future__ import annotations

from typing import Final

from syncropel.wire.base import Wire

WITHHELD: Final = "syncropel-withheld-threads"
"""Header of a bundle for a namespace: how many threads it omits for lack of consent."""


class SkippedRecord(Wire):
    """A record that the log could not accept, by its line in the bundle."""

    line: int
    problem: str


class LeftOut(Wire):
    """A reserved thread that was in the bundle and was not requested."""

    thread: str
    records: int


class RestoreReport(Wire):
    """POST /v1/threads/restore. With `dry_run` nothing was written, and the counts are hypothetical.

    `created`: records new to this log; `present`: those that it already had; `unfinished`: threads whose work
    continues here, or would. At most 100 of `skipped` are listed; `skipped_count` counts all.
    """

    dry_run: bool
    records: int
    threads: int
    created: int
    present: int
    skipped_count: int
    skipped: list[SkippedRecord]
    left_out: list[LeftOut]
    unfinished: list[str]
