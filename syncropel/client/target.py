"""Which daemon is asked, and in whose name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Target:
    """Where a daemon listens: its Unix socket, or a URL with a bearer token; and who speaks to it.

    `actor` signs what is written; empty, the daemon says who it is. `fleet_token` opens the workers of this
    home's fleet, empty without one.
    """

    socket: Path | None = None
    url: str = ""
    token: str = field(default="", repr=False)
    home: str = "~/.syncro"
    actor: str = "did:sync:user:operator"
    fleet_token: str = field(default="", repr=False)
    peer_token: Callable[[str], str] = field(default=lambda did: "", repr=False, compare=False)
    """What this home's coordinator shows to an instance (a DID); empty where the two have nothing."""

    @property
    def name(self) -> str:
        return self.url or str(self.socket)

    @property
    def base_url(self) -> str:
        return self.url or "http://spl"

    @property
    def encrypted(self) -> bool:
        """Whether TLS is spoken. Only then are the system's certificates read, which takes 30 ms."""
        return self.url.startswith("https:")

    @property
    def headers(self) -> dict[str, str]:
        """Who asks: the token where there is one, and whose name the operator acts in over the socket."""
        plain = self.actor.isascii() and self.actor.isprintable()
        named = {"x-syncropel-actor": self.actor} if plain and self.actor else {}
        return {**named, "authorization": f"Bearer {self.token}"} if self.token else named

    def missing(self) -> bool:
        """Whether there is certainly nobody there: no socket file where one is expected."""
        return self.socket is not None and not self.url and not self.socket.exists()
