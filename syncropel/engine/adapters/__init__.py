"""Adapters run a goal: each takes a `Job` and gives an `Outcome`."""

from syncropel.engine.adapters.base import Adapter, Job, Observe, Outcome, Remains
from syncropel.engine.adapters.bash import BashAdapter
from syncropel.engine.adapters.synthetic import EchoAdapter, NoopAdapter

__all__ = ["Adapter", "BashAdapter", "EchoAdapter", "Job", "NoopAdapter", "Observe", "Outcome", "Remains"]
