"""Answers callers while the log is read, which takes minutes for a long one: the daemon lives, and how far it
has come.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable, Sequence
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, cast

from syncropel import __version__
from syncropel.listening.acceptor import Acceptor
from syncropel.wire.start_words import PATH
from syncropel.wire.version import HEADER

if TYPE_CHECKING:
    from syncropel.engine.start_up import StartUp

QUIET_SECS: Final = 1.0
"""So long callers wait without an answer: most starts are over by then, and nobody has to ask twice."""
_RETRY_AFTER_SECS: Final = 2
_MOST_HEAD: Final = 64 * 1024
_MOST_CALLERS: Final = 64
"""On one listener: callers over TCP leave the operator's socket its own."""
REQUEST_SECS: Final = 5.0
"""A caller that has not sent its request by then is ended."""


class StartingServer:
    """Serves both listening sockets until it is closed, and leaves them open for the server that follows.

    The operator's socket answers `GET /v1/start`; every other request gets 503 and the words for people.
    """

    def __init__(self, start: StartUp, tcp: socket.socket, unix: socket.socket) -> None:
        self._start = start
        self._doors = (_Door(tcp, self._refusal), _Door(unix, self._answer))
        self._begun = asyncio.get_running_loop().call_later(QUIET_SECS, self._begin)

    def close(self) -> None:
        """Stop answering. Whoever still waits to be accepted is served by the next server."""
        self._begun.cancel()
        for door in self._doors:
            door.close()

    def _begin(self) -> None:
        for door in self._doors:
            door.open()

    def _answer(self, path: str) -> bytes:
        if path.partition("?")[0] != PATH:
            return self._refusal(path)
        return _response(HTTPStatus.OK, self._start.told("reading").model_dump_json())

    def _refusal(self, _: str) -> bytes:
        error = self._start.refusal()
        return _response(HTTPStatus.SERVICE_UNAVAILABLE, json.dumps(error.envelope()))


class _Door:
    """One listening socket and its callers, of whom it takes so many at a time."""

    def __init__(self, listener: socket.socket, answer: Callable[[str], bytes]) -> None:
        self._listener = listener
        self._answer = answer
        self._acceptor: Acceptor | None = None
        self._callers: set[_Caller] = set()
        self._joining: set[asyncio.Task[Any]] = set()

    def open(self) -> None:
        """Begin to accept."""
        self._acceptor = Acceptor(asyncio.get_running_loop(), self._listener, self._admit, lambda: None)

    def close(self) -> None:
        """Stop accepting, and end every caller."""
        if self._acceptor is not None:
            self._acceptor.close()
        for task in self._joining:
            task.cancel()
        for caller in list(self._callers):
            caller.abort()

    def _admit(self, accepted: socket.socket) -> None:
        if len(self._callers) >= _MOST_CALLERS:
            accepted.close()
            return
        caller = _Caller(self._answer, self._callers)
        self._callers.add(caller)
        loop = asyncio.get_running_loop()
        task = asyncio.ensure_future(loop.connect_accepted_socket(lambda: caller, accepted))
        self._joining.add(task)
        task.add_done_callback(partial(self._joined, caller))

    def _joined(self, caller: _Caller, task: asyncio.Task[Any]) -> None:
        self._joining.discard(task)
        # Where it failed the caller has gone: nobody is left to be told.
        if task.cancelled() or task.exception() is not None:
            self._callers.discard(caller)


class _Caller(asyncio.Protocol):
    """One connection: one request, one answer."""

    def __init__(self, answer: Callable[[str], bytes], callers: set[_Caller]) -> None:
        self._answer = answer
        self._callers = callers
        self._head = b""
        self._transport: asyncio.Transport | None = None
        self._limit = asyncio.get_running_loop().call_later(REQUEST_SECS, self.abort)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._limit.cancel()
        self._callers.discard(self)

    def data_received(self, data: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        self._head += data
        if b"\r\n\r\n" in self._head or len(self._head) > _MOST_HEAD:
            words: Sequence[bytes] = self._head.split(b" ", 2)
            path = words[1].decode("ascii", "replace") if len(words) > 2 else ""
            self._transport.write(self._answer(path))
            self._transport.close()

    def abort(self) -> None:
        """Close at once; the caller may ask again."""
        if self._transport is not None:
            self._transport.abort()


def _response(status: HTTPStatus, body: str) -> bytes:
    content = body.encode()
    lines = [
        f"HTTP/1.1 {status.value} {status.phrase}",
        "content-type: application/json",
        f"content-length: {len(content)}",
        f"retry-after: {_RETRY_AFTER_SECS}",
        f"{HEADER}: {__version__}",
        "connection: close",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + content
