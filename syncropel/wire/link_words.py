"""What a client must know of links without their models, which import slowly."""

from __future__ import annotations

from typing import Final

ENDPOINT: Final = "link:"
"""The endpoint of an instance that nobody can connect to: its coordinator reaches it through its link."""
