"""HTTP over TCP, or over what a test puts in its place, by httpx."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final

import httpx

from syncropel.client.lines import (
    Broken,
    LineError,
    NoAnswerInTime,
    NoSocket,
    NotConnected,
    Request,
    StreamedResponse,
    Untrusted,
)
from syncropel.system.tls_problem import SPEAKS_TLS, tls_problem

if TYPE_CHECKING:
    from syncropel.client.target import Target


_TLS_ALERT: Final = r"illegal status line: bytearray(b'\x15\x03"
"""What h11 says of the alert with which a TLS port answers plain HTTP."""


def told(error: httpx.HTTPError) -> LineError:
    """The same problem in our words."""
    said = str(error) or type(error).__name__
    if (problem := tls_problem(error)) is not None:
        return Untrusted(problem)
    if isinstance(error, httpx.ConnectError):
        return NoSocket(lacking) if (lacking := _no_descriptor(error)) else NotConnected(said)
    if isinstance(error, httpx.TimeoutException):
        return NoAnswerInTime(said)
    if isinstance(error, httpx.RemoteProtocolError) and _TLS_ALERT in said:
        return Untrusted(SPEAKS_TLS)
    if isinstance(error, httpx.RemoteProtocolError | httpx.ReadError | httpx.WriteError):
        return Broken(said)
    return LineError(said)


def _no_descriptor(error: BaseException | None) -> str:
    """What the system said if the connection failed for want of a file descriptor; empty otherwise."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
            return str(error)
        error = error.__cause__ or error.__context__
    return ""


class HttpxLine:
    """A `Line` by httpx. `transport` replaces the network."""

    def __init__(self, target: Target, connect_secs: float, transport: httpx.BaseTransport | None) -> None:
        self._connect_secs = connect_secs
        self._http = httpx.Client(
            base_url=target.base_url,
            trust_env=False,
            transport=transport or httpx.HTTPTransport(verify=target.verify()),
        )

    @contextmanager
    def stream(self, request: Request) -> Iterator[StreamedResponse]:
        """As `Line.stream`."""
        secs = request.patience_secs
        timeout = httpx.Timeout(self._connect_secs, read=secs, write=secs)
        asking = self._http.stream(
            request.method,
            request.path,
            headers=request.headers,
            content=request.content,
            timeout=timeout,
        )
        with ExitStack() as until_read:
            with _told():
                response = until_read.enter_context(asking)
            yield StreamedResponse(response.status_code, response.headers, _body(response))

    def close(self) -> None:
        """As `Line.close`."""
        self._http.close()


def _body(response: httpx.Response) -> Iterator[bytes]:
    with _told():
        yield from response.iter_bytes()


@contextmanager
def _told() -> Iterator[None]:
    """Raises what httpx raises in our words."""
    try:
        yield
    except httpx.HTTPError as error:
        raise told(error) from error
