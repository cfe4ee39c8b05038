"""How a client reaches its daemon, and how error answers are handled."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import httpx

from syncropel.client.async_transport import AsyncClient
from syncropel.client.calls import Answer, Call
from syncropel.client.target import Target
from syncropel.client.transport import Client as BlockingClient
from syncropel.errors import SyncropelError
from syncropel.sdk.posting import Document, Posting, as_it_came
from syncropel.sdk.results import EmitResult

log: Final = logging.getLogger("syncropel")
UNIX: Final = "unix://"

Otherwise = TypeVar("Otherwise")


def target(endpoint: str, actor: str, token: str) -> Target:
    """The daemon at `http://…`, `https://…`, or `unix:///path/of/its/socket`. Raises ValueError for any other
    URL.
    """
    if endpoint.startswith(UNIX):
        socket = endpoint.removeprefix(UNIX)
        return Target(socket=Path(socket), home=socket, actor=actor)
    if not endpoint.startswith(("http://", "https://")):
        raise ValueError(f"invalid endpoint {endpoint!r}: it begins with http://, https:// or {UNIX}")
    return Target(url=endpoint.rstrip("/"), token=token, actor=actor)


class Connection:
    """One daemon, asked from an event loop, or blocking where there is none."""

    def __init__(
        self,
        target: Target,
        timeout: float,
        transport: httpx.BaseTransport | httpx.AsyncBaseTransport | None,
        strict: bool,
    ) -> None:
        self._target, self._timeout, self._transport = target, timeout, transport
        self._strict = strict
        self.http = AsyncClient(
            target, timeout=timeout, transport=cast("httpx.AsyncBaseTransport | None", transport)
        )
        self._blocking: BlockingClient | None = None
        self._lock = threading.Lock()

    async def ask(self, call: Call[Answer]) -> Answer:
        """The answer. Raises RemoteError when the daemon refuses, DaemonUnreachable when there is none."""
        return await self.http.send(call)

    async def read(self, call: Call[Any], otherwise: Otherwise) -> Any | Otherwise:
        """The raw answer; `otherwise` in place of an error, unless this client is strict."""
        try:
            return (await self.http.send(as_it_came(call))).root
        except SyncropelError as error:
            if self._strict:
                raise
            log.warning("%s %s was not answered: %s (%s)", call.method, call.path, error.message, error.code)
            return otherwise

    async def post(self, posting: Posting) -> EmitResult:
        """Send a record until it is accepted or refused, or the retries are used up."""
        while True:
            outcome: Document | SyncropelError
            try:
                outcome = await self.http.send(posting.call())
            except SyncropelError as error:
                outcome = error
            judged = posting.judge(outcome)
            if isinstance(judged, EmitResult):
                return judged
            await asyncio.sleep(judged)

    def post_blocking(self, posting: Posting) -> EmitResult:
        """The same without an event loop."""
        http = self._blocking_client()
        while True:
            outcome: Document | SyncropelError
            try:
                outcome = http.send(posting.call())
            except SyncropelError as error:
                outcome = error
            judged = posting.judge(outcome)
            if isinstance(judged, EmitResult):
                return judged
            time.sleep(judged)

    async def close(self) -> None:
        """Close both clients. If its event loop is gone, there is nothing left to close."""
        with suppress(RuntimeError):
            await self.http.close()
        if self._blocking is not None:
            await asyncio.to_thread(self._blocking.close)

    def _blocking_client(self) -> BlockingClient:
        with self._lock:
            if self._blocking is None:
                transport = cast("httpx.BaseTransport | None", self._transport)
                self._blocking = BlockingClient(self._target, timeout=self._timeout, transport=transport)
            return self._blocking
