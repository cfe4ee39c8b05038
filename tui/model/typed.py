"""Whether a key can be an answer to what is on the screen: nobody answers what they have not seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

PAUSE_SECS: Final = 0.3
"""Nobody reads a question and answers it in less; a key that is held down repeats faster."""


@dataclass(frozen=True)
class Typed:
    """A key that was typed after a pause, and the key before that pause, both by the console's clock."""

    at: float = float("-inf")
    before: float = float("-inf")

    def follows(self, drawn: float) -> bool:
        """Whether the pause was long enough to read something that was `drawn` then."""
        return self.at - max(self.before, drawn) >= PAUSE_SECS
