"""HTTP over TCP, or over what a test puts in its place, by httpx."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx

from syncropel.client.lines import Broken, LineError, NoAnswerInTime, NotConnected, Request

if TYPE_CHECKING:
    from syncropel.client.target import Target


def told(error: httpx.HTTPError) -> LineError:
    """The same problem in our words."""
    said = str(error) or type(error).__name__
    if isinstance(error, httpx.ConnectError):
        return NotConnected(said)
    if isinstance(error, httpx.TimeoutException):
        return NoAnswerInTime(said)
    if isinstance(error, httpx.RemoteProtocolError | httpx.ReadError | httpx.WriteError):
        return Broken(said)
    return LineError(said)


class HttpxLine:
    """A `Line` by httpx. `transport` replaces the network."""

    def __init__(self, target: Target, connect_secs: float, transport: httpx.BaseTransport | None) -> None:
        self._connect_secs = connect_secs
        self._http = httpx.Client(
            base_url=target.base_url,
            trust_env=False,
            transport=transport or httpx.HTTPTransport(verify=target.encrypted),
        )

    @contextmanager
    def stream(self, request: Request) -> Iterator[httpx.Response]:
        """As `Line.stream`."""
        secs = request.patience_secs
        timeout = httpx.Timeout(self._connect_secs, read=secs, write=secs)
        try:
            with self._http.stream(
                request.method,
                request.path,
                headers=request.headers,
                content=request.content,
                timeout=timeout,
            ) as response:
                yield response
        except httpx.HTTPError as error:
            raise told(error) from error

    def close(self) -> None:
        """As `Line.close`."""
        self._http.close()
