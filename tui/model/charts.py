"""Progress bars and sparklines as text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tui.model.glyphs import Glyphs

HISTORY: Final = 240


def bar(done: int, total: int, width: int, glyphs: Glyphs) -> str:
    """A bar that is full only when everything is done, and empty only when nothing is."""
    if total <= 0:
        return glyphs.empty * width
    cells = done * width // total
    if 0 < done < total:
        cells = min(max(cells, 1), width - 1)
    return glyphs.full * cells + glyphs.empty * (width - cells)


def sparkline(values: Sequence[float], width: int, glyphs: Glyphs) -> str:
    """The last values, oldest on the left, scaled to the largest; zero is always the lowest sign."""
    shown = list(values)[-width:] if width > 0 else []
    top = max(shown, default=0.0)
    steps = len(glyphs.ramp) - 1
    text = "".join(
        glyphs.ramp[0] if top <= 0 or one <= 0 else glyphs.ramp[max(1, round(one / top * steps))]
        for one in shown
    )
    return text.rjust(width)


@dataclass(frozen=True)
class Rates:
    """Ingest rate (records/s) and queue depth over time, one sample a snapshot."""

    at: float | None = None
    total: int = 0
    ingest: tuple[float, ...] = ()
    queue: tuple[float, ...] = ()

    def sample(self, at: float, total: int, queue: int) -> Rates:
        """Add a sample. A total that went down means a restarted daemon, so its rate is unknown."""
        depth = (*self.queue, float(queue))[-HISTORY:]
        if self.at is None or at <= self.at or total < self.total:
            return Rates(at, total, self.ingest, depth)
        rate = (total - self.total) / (at - self.at)
        return Rates(at, total, (*self.ingest, rate)[-HISTORY:], depth)
