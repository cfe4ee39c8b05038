"""What a client must know of a daemon that starts, before it reads any answer: without models, which import
slowly.
"""

from __future__ import annotations

from typing import Final

PATH: Final = "/v1/start"
"""Where it says how far it is."""
STARTING: Final = "STARTING"
"""The code of every other answer while the log is read."""
WHILE_STARTING: Final = "while_starting"
"""The query parameter of those who want the fleet's status even while it lacks all work."""
