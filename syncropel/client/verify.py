"""Whether a record matches its id, checked on this side without trusting anybody."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from syncropel.errors import InvalidRecord
from syncropel.record.canonical import canonical_json
from syncropel.record.model import Record, record_id

if TYPE_CHECKING:
    from syncropel.wire.records import RecordOut


def shown_digest(shown: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical JSON of what a question shows; empty when it has none."""
    try:
        return hashlib.sha256(canonical_json(dict(shown)).encode()).hexdigest()
    except InvalidRecord:
        return ""


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
