"""Writes logs as bundles."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from syncropel.record.model import Record
from syncropel.store.bundle.format import Sealer

Line = tuple[Record, float]
"""A record, and when the log took it (unix seconds)."""


def write_bundle(path: Path, lines: Sequence[Line]) -> None:
    """Write these records, in this order, as a bundle."""
    counted, sealer = Sealer(), Sealer()
    for record, received_at in lines:
        counted.line(record, received_at)
    body = "".join(sealer.line(record, received_at) for record, received_at in lines)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(counted.header().line() + body, encoding="utf-8")
