"""The gateway of an instance: which attempts may use it, and what it knows of the providers."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

from syncropel.adapters.gateway.attempt import Attempt, Upstream
from syncropel.adapters.gateway.quota import Spent
from syncropel.adapters.gateway.refusals import Refusal
from syncropel.errors import SetupError
from syncropel.peer.runtime import Runtime
from syncropel.settings.adapters import read_secret

CONNECT_SECS = 10.0
SILENT_SECS = 600.0
"""How long a provider may be silent in the middle of an answer; a model may think for minutes."""
WRITE_SECS = 60.0


@dataclass(frozen=True)
class Paused:
    """Starts on a provider are paused. `secs`: until it is lifted; `told`: why, in words."""

    secs: float
    told: str


class Gateway:
    """`port`: where it listens on 127.0.0.1; 0: nowhere. `secrets`: the folder with the providers' keys."""

    def __init__(
        self,
        secrets: Path,
        runtime: Runtime,
        port: int = 0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.port = port
        self.runtime = runtime
        self.spent: Callable[[str], Paused | None] = lambda provider: None
        """Whether this provider has told this instance that its quota is spent."""
        self.hear: Callable[[str, Spent, bool], None] = lambda provider, spent, proven: None
        """Called when a quota is spent; `proven`: the provider itself said so, rather than an agent."""
        self.leaving = False
        """Whether the next daemon of this home takes over."""
        self.key_names: set[str] = set()
        """The files in `secrets/` with the keys of its providers."""
        self._secrets = secrets
        self._attempts: set[Attempt] = set()
        self._transport = transport
        self._client: httpx.AsyncClient | None = None

    @property
    def client(self) -> httpx.AsyncClient:
        """The HTTP client for providers, created on first use: that takes a while."""
        if self._client is None:
            self._client = httpx.AsyncClient(
                transport=self._transport,
                follow_redirects=False,  # the key goes only where the operator said
                timeout=httpx.Timeout(SILENT_SECS, connect=CONNECT_SECS, write=WRITE_SECS),
                # No connection is used twice: if the provider closed one while a request was on its way, it
                # would be unknown whether that was charged.
                limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
            )
        return self._client

    @property
    def url(self) -> str:
        """Where agents reach it."""
        return f"http://127.0.0.1:{self.port}"

    def open(self, attempt: Attempt) -> None:
        """Let the bearer of this attempt's token send requests."""
        self._attempts.add(attempt)

    def close(self, attempt: Attempt) -> None:
        """End its requests, and forget its token."""
        attempt.close()
        self._attempts.discard(attempt)

    def find(self, token: str) -> Attempt | None:
        """Whose token this is, in constant time."""
        told = hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
        found = [one for one in self._attempts if hmac.compare_digest(one.sha256, told)]
        return found[0] if found else None

    def key(self, upstream: Upstream) -> str:
        """The provider's key. Raises SetupError."""
        return read_secret(self._secrets, upstream.key)

    def problem(self, upstream: Upstream) -> str:
        """Why requests there would fail, as far as is known here; empty when no reason is known."""
        try:
            self.key(upstream)
        except SetupError as error:
            return f"the gateway has no key: {error.message}; {error.hint}"
        return ""

    def refusal(self, upstream: Upstream) -> Refusal | None:
        """Why nothing is requested from this provider now."""
        paused = self.spent(upstream.provider)
        return Refusal("quota", paused.told, "rate_limited", paused.secs) if paused is not None else None

    async def stop(self, *, keep_work: bool = False) -> None:
        """Cut everything. `keep_work`: without a response, so that agents ask the next daemon again."""
        self.leaving = self.leaving or keep_work
        for one in list(self._attempts):
            one.leave() if keep_work else self.close(one)
            await one.emptied()
        if self._client is not None:
            await self._client.aclose()
