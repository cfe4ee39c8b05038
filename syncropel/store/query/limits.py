"""How much of its matches a query may ask for."""

from __future__ import annotations

from typing import Final

MAX_LIMIT: Final = 1000
"""Records on a page."""
MAX_OFFSET: Final = 10_000
"""Matches that are skipped."""
MAX_ROOM: Final = MAX_OFFSET + MAX_LIMIT + 1
"""Matches that a sorted query keeps: those that are skipped, a page, and one that tells of another page."""
