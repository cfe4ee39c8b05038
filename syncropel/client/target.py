"""Which daemon to ask, and as whom."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl


@dataclass(frozen=True)
class Target:
    """Where a daemon listens: its Unix socket, or a URL with a bearer token; and who is asking.

    `actor` signs what is written; when empty, the daemon decides. `fleet_token` gives access to the workers
    of this home's fleet; empty without one.
    """

    socket: Path | None = None
    url: str = ""
    token: str = field(default="", repr=False)
    home: str = "~/.syncro"
    actor: str = "did:sync:user:operator"
    fleet_token: str = field(default="", repr=False)
    ca_file: Path | None = None
    """The only CA that is trusted to sign for the daemon's URL; None: those of the system."""
    peer_token: Callable[[str], str] = field(default=lambda did: "", repr=False, compare=False)
    """What this home's coordinator presents to an instance (a DID); empty if the two have no secret."""

    @property
    def name(self) -> str:
        return self.url or str(self.socket)

    @property
    def base_url(self) -> str:
        return self.url or "http://spl"

    @property
    def encrypted(self) -> bool:
        """Whether TLS is used. Only then are the system's certificates read, which takes 30 ms."""
        return self.url.startswith("https:")

    def verify(self) -> bool | ssl.SSLContext:
        """What httpx checks the daemon's certificate with. Raises SetupError for a `ca_file` of no use."""
        if not self.encrypted or self.ca_file is None:
            return self.encrypted
        from syncropel.settings.trust import trusting

        return trusting(self.ca_file)

    @property
    def headers(self) -> dict[str, str]:
        """Who is asking: the token if there is one, and the operator's chosen actor over the socket."""
        plain = self.actor.isascii() and self.actor.isprintable()
        named = {"x-syncropel-actor": self.actor} if plain and self.actor else {}
        return {**named, "authorization": f"Bearer {self.token}"} if self.token else named

    def missing(self) -> bool:
        """Whether certainly nobody is there: the expected socket file is missing."""
        return self.socket is not None and not self.url and not self.socket.exists()
