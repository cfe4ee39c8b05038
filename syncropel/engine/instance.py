"""Who this daemon is."""

from __future__ import annotations

from dataclasses import dataclass

from syncropel.settings.home import Home


@dataclass(frozen=True)
class Instance:
    """The identity of this daemon."""

    did: str
    home: Home
    endpoint: str
    gateway_port: int = 0
    """Where its gateway listens; 0: nowhere."""
