"""Adapters run a goal: each takes a `Job` and gives an `Outcome`."""

from syncropel.engine.adapters.base import (
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
from syncropel.engine.adapters.bash import BashAdapter
from syncropel.engine.adapters.synthetic import EchoAdapter, NoopAdapter

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
