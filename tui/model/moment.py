"""The daemon's time, from its last answer and our own clock."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Moment:
    """`now` is the daemon's clock at this instant, `heard` the same clock at the last update.

    Ages (of a heartbeat) always grow with `now`; a running time is only known up to `heard`. While the
    connection is live the two are equal.
    """

    now: float
    heard: float
    live: bool = True
