"""Whether a record matches its id, checked on this side without trusting anybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from syncropel.errors import InvalidRecord
from syncropel.record.model import Record, record_id

if TYPE_CHECKING:
    from syncropel.wire.records import RecordOut


def computed_id(record: RecordOut) -> str:
    """SHA-256 of the record's canonical JSON, as 64 hex digits; empty when its content cannot have an id."""
    content = Record(
        record.thread,
        record.actor,
        record.act,
        record.body,
        record.clock,
        tuple(record.parents),
        record.data_type,
        record.judged_by,
    )
    try:
        return record_id(content)
    except InvalidRecord:
        return ""
