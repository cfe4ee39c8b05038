"""Which time it is where the daemon is, told from its last answer and our own clock."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Moment:
    """`now` is the daemon's clock at this instant, `heard` the same clock when we last knew how things were.

    Ages (of a heartbeat) grow with `now` always; a running time is only known up to `heard`. While the
    connection is live both are the same.
    """

    now: float
    heard: float
    live: bool = True
