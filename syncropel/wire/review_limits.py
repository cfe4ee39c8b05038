"""Limits of a review, for whoever writes one and whoever takes it."""

from __future__ import annotations

from typing import Final

MOST_NOTES: Final = 100
MOST_TEXT: Final = 4_000
"""Bytes of the text, and of each note."""
MOST_PATH: Final = 1_024
"""Bytes."""
MOST_QUOTE: Final = 200
"""Characters of a quoted line."""
MOST_HINT: Final = 16_000
"""Bytes of the hint made from a review: it is a variable of the next attempt's program."""
