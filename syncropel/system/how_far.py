"""How far a long work has come, in words, for whoever waits for it."""

from __future__ import annotations


def how_far(done: int, total: int, before: int, secs: float, unit: str = "records") -> str:
    """`312,000 of 1,000,000 records, 31,000/s, 22 s left`; without the rate while nothing can be said of it.

    `before`: what was done before these `secs` began.
    """
    told = f"{done:,} of {max(total, done):,} {unit}"
    rate = (done - before) / secs if secs >= 1 else 0.0
    if rate <= 0:
        return told
    return f"{told}, {rate:,.0f}/s, {max(0, total - done) / rate:.0f} s left"
