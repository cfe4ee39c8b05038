"""When a fan-out joined, in words, shared by the command line and the console."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from syncropel.wire.explain import JoinMoment

_TENTHS_BELOW_SECS: Final = 10.0


def moment_words(moment: JoinMoment | None) -> str:
    """After how long, at what cost, what tipped it, and the record; None means that it did not join."""
    if moment is None:
        return "not joined"
    secs = moment.elapsed_secs
    after = f"{secs:.1f}s" if secs < _TENTHS_BELOW_SECS else f"{secs:.0f}s"
    tipped = f", [{moment.index}] tips it" if moment.index is not None else ""
    counts = f"{moment.accepted} accepted, {moment.finished} ended"
    return f"joined after {after} at ${moment.cost_usd:.2f}: {counts}{tipped} ({moment.record[:12]})"
