"""Converts records to rows of the table `records` in PostgreSQL, and back."""

from __future__ import annotations

from typing import Any, Final

from syncropel.record.model import Record, StoredRecord
from syncropel.store.sqlite import rows

COLUMNS: Final = (
    "sequence, encode(id, 'hex'), thread, clock, actor, act, topic, data_type, judged_by, parents, body,"
    " received_at"
)
"""The columns that `from_row` reads, in order: those of a SQLite log."""
_NAMES: Final = slice(2, 9)


def held(text: str) -> str:
    """A text as a column has it: PostgreSQL cannot store NUL."""
    if "\0" in text or "\\" in text:
        return text.replace("\\", "\\\\").replace("\0", "\\0")
    return text


def released(text: str) -> str:
    """The text that is stored so."""
    if "\\" not in text:
        return text
    return "\\".join(part.replace("\\0", "\0") for part in text.split("\\\\"))


def to_row(record: Record, received_at: float) -> tuple[Any, ...]:
    """The row of a record that has its clock and id, without its sequence."""
    id_, thread, clock, actor, act, topic, data_type, judge, parents, body, at = rows.to_row(
        record, received_at
    )
    return (
        bytes.fromhex(id_),
        held(thread),
        clock,
        held(actor),
        held(act),
        held(topic),
        held(data_type),
        None if judge is None else held(judge),
        parents,
        body,
        at,
    )


def plain(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """A row of COLUMNS with the texts that its record has."""
    if not any("\\" in text for text in row[_NAMES] if isinstance(text, str)):
        return row
    names = (released(value) if isinstance(value, str) else value for value in row[_NAMES])
    return (*row[:2], *names, *row[9:])


def from_row(row: tuple[Any, ...]) -> StoredRecord:
    """The stored record in a row of COLUMNS; its body encodes to the bytes that were hashed."""
    return rows.from_row(plain(row))


def id_bytes(record_id: str) -> bytes | None:
    """A record's id as the column has it; None for what is no id."""
    try:
        found = bytes.fromhex(record_id)
    except ValueError:
        return None
    return found if found.hex() == record_id else None


def storable(*texts: str | None) -> bool:
    """Whether texts can be compared with columns: no column has a lone surrogate."""
    try:
        for text in texts:
            (text or "").encode()
    except UnicodeEncodeError:
        return False
    return True
