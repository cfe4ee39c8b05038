"""Adapters run goals: each takes a `Job` and returns an `Outcome`."""

from syncropel.adapters.base import (
    Adapter,
    CutShort,
    Gate,
    Held,
    Instant,
    Job,
    Observe,
    Outcome,
    Remains,
    Resumable,
    Startable,
    open_gate,
)
from syncropel.adapters.bash import BashAdapter
from syncropel.adapters.synthetic import EchoAdapter, NoopAdapter

__all__ = [
    "Adapter",
    "BashAdapter",
    "CutShort",
    "EchoAdapter",
    "Gate",
    "Held",
    "Instant",
    "Job",
    "NoopAdapter",
    "Observe",
    "Outcome",
    "Remains",
    "Resumable",
    "Startable",
    "open_gate",
]
