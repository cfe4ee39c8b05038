"""Records in frames of a moderate size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from syncropel.folds.fanout.child import END_CHILD
from syncropel.peer.link.frames import as_text
from syncropel.peer.link.protocol import BATCH_BYTES
from syncropel.record.threads import FLEET_CONTROL


def kind_of(records: Sequence[dict[str, Any]]) -> Literal["control", "work", "end"]:
    """What a batch is about. Ends keep their place behind the work that they end."""
    if all(one["thread"] == FLEET_CONTROL for one in records):
        return "control"
    return "end" if all(one["body"].get("topic") == END_CHILD for one in records) else "work"


def parts_of(records: Sequence[dict[str, Any]]) -> Iterator[list[str]]:
    """The records as JSON, in parts that make frames of a moderate size."""
    part: list[str] = []
    size = 0
    for record in records:
        text = as_text(record)
        if part and size + len(text) > BATCH_BYTES:
            yield part
            part, size = [], 0
        part.append(text)
        size += len(text)
    if part:
        yield part
