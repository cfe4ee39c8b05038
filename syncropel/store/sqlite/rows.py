"""Converts records to rows of the table `records`, and back."""

from __future__ import annotations

import json
import sqlite3
from sys import intern
from typing import Any, Final

from syncropel.record.canonical import canonical_json, parse_own
from syncropel.record.model import Record, StoredRecord

COLUMNS: Final = (
    "sequence, id, thread, clock, actor, act, topic, data_type, judged_by, parents, body, received_at"
)
"""The columns that `from_row` reads, in order."""

NOTED: Final = "term, ruled"
"""The columns of an Entry that are not its record's."""

Row = tuple[str, str, int, str, str, str, str, str | None, str, str, float]
"""COLUMNS without the sequence, which the table assigns."""


def to_row(record: Record, received_at: float) -> Row:
    """The row of a record that has its clock and id."""
    assert record.clock is not None
    return (
        record.id,
        record.thread,
        record.clock,
        record.actor,
        record.act,
        record.topic,
        record.data_type,
        record.judged_by,
        '["' + '","'.join(record.parents) + '"]' if record.parents else "[]",
        record.body_json or canonical_json(record.body),
        received_at,
    )


def from_row(row: tuple[Any, ...] | sqlite3.Row) -> StoredRecord:
    """The stored record in a row of COLUMNS; its body encodes to the bytes that were hashed."""
    sequence, id_, thread, clock, actor, act, _topic, data_type, judged_by, parents, body, received_at = row
    # The same few texts occur in every row, and folds keep them.
    record = Record(
        thread=intern(thread),
        actor=intern(actor),
        act=intern(act),
        body=parse_own(body),
        clock=clock,
        parents=tuple(json.loads(parents)),
        data_type=intern(data_type),
        judged_by=judged_by,
        id=id_,
        body_json=body,
    )
    return StoredRecord(record, sequence, received_at)
