"""An instance's wall clock compared with the coordinator's, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from syncropel.wire import InstanceOut

CLOCK_WARN_SECS: Final = 5.0
UNKNOWN: Final = "unknown"
_DAY_SECS: Final = 86_400


def clock_words(ahead_secs: float | None) -> str:
    """`0.02 s ahead`, `90 s behind`, `2.0 days ahead`, or `unknown` before a heartbeat has measured it."""
    if ahead_secs is None:
        return UNKNOWN
    size = abs(ahead_secs)
    if size >= _DAY_SECS:
        told = f"{size / _DAY_SECS:.1f} days"
    else:
        told = f"{size:.0f} s" if size >= CLOCK_WARN_SECS else f"{size:.2f} s"
    return f"{told} {'behind' if ahead_secs < 0 else 'ahead'}"


def is_off(ahead_secs: float | None) -> bool:
    """Whether a clock is wrong enough to need attention."""
    return ahead_secs is not None and abs(ahead_secs) > CLOCK_WARN_SECS


def clock_problem(one: InstanceOut) -> str:
    """What is wrong with an instance's clock; empty when nothing is known to be."""
    return f"clock {clock_words(one.clock_ahead_secs)}" if is_off(one.clock_ahead_secs) else ""
