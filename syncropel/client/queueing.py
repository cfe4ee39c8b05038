"""Connecting to a Unix socket whose queue is full: the system refuses at once, so it is retried."""

from __future__ import annotations

import time
from typing import Final

import httpx

PATIENCE_SECS: Final = 5.0
"""How long to retry while the queue is full."""
_REST_SECS: Final = 0.002


class Queueing(httpx.BaseTransport):
    """Wraps a transport and waits for a place in the queue, as the asyncio transport does by itself."""

    def __init__(self, transport: httpx.BaseTransport) -> None:
        self._transport = transport

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        until = time.monotonic() + PATIENCE_SECS
        while True:
            try:
                return self._transport.handle_request(request)
            except httpx.ConnectError as error:
                if not _is_full(error) or time.monotonic() > until:
                    raise
            time.sleep(_REST_SECS)

    def close(self) -> None:
        self._transport.close()


def _is_full(error: BaseException) -> bool:
    """Whether nothing was sent because the listening socket's queue is full."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, BlockingIOError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
