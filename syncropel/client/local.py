"""HTTP over a Unix socket. Importing httpx takes a short command longer than everything else it does."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import h11

from syncropel.client.lines import (
    Broken,
    NoAnswerInTime,
    NoSocket,
    NotConnected,
    Request,
    StreamedResponse,
)

PATIENCE_SECS: Final = 5.0
"""How long to retry while the queue of the listening socket is full: the system refuses at once then."""
_REST_SECS: Final = 0.002
_CHUNK_BYTES: Final = 64 * 2**10
_HOST: Final = "spl"


class Headers(dict[str, str]):
    """Headers by name in lower case, looked up in any case."""

    def get(self, name: str, default: str | None = None) -> str | None:  # type: ignore[override]
        return super().get(name.lower(), default)

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())


class LocalLine:
    """A `Line` to the daemon that listens at this path. It keeps connections from request to request; several
    threads may use it, and one stream beside another.
    """

    def __init__(self, path: Path, connect_secs: float) -> None:
        self._path = str(path)
        self._connect_secs = connect_secs
        self._idle: list[_Connection] = []

    @contextmanager
    def stream(self, request: Request) -> Iterator[StreamedResponse]:
        """As `Line.stream`."""
        connection = self._connection()
        try:
            yield connection.ask(request)
        finally:
            if connection.renew():
                self._idle.append(connection)
            else:
                connection.close()

    def close(self) -> None:
        """As `Line.close`."""
        while (kept := self._kept()) is not None:
            kept.close()

    def _kept(self) -> _Connection | None:
        try:
            return self._idle.pop()  # in one step: another thread may take the last one
        except IndexError:
            return None

    def _connection(self) -> _Connection:
        """A kept connection that the daemon has not ended, or a new one."""
        while (kept := self._kept()) is not None:
            if not kept.has_ended():
                return kept
            kept.close()
        until = time.monotonic() + PATIENCE_SECS
        while True:
            try:
                line = socket.socket(socket.AF_UNIX)
            except OSError as error:
                raise NoSocket(str(error)) from error
            line.settimeout(self._connect_secs)
            try:
                line.connect(self._path)
            except OSError as error:
                line.close()
                if isinstance(error, TimeoutError):
                    raise NoAnswerInTime(str(error)) from error
                if not isinstance(error, BlockingIOError) or time.monotonic() > until:
                    raise NotConnected(str(error)) from error
            else:
                return _Connection(line)
            time.sleep(_REST_SECS)


@contextmanager
def _told() -> Iterator[None]:
    """Raises what goes wrong with a socket as a LineError. Used where it is read and written: around a block
    of the caller's, it would take the caller's own errors for those of the connection.
    """
    try:
        yield
    except h11.ProtocolError as error:
        raise Broken(str(error)) from error
    except TimeoutError as error:
        raise NoAnswerInTime(str(error)) from error
    except OSError as error:
        raise Broken(str(error)) from error


class _Connection:
    """One connection, for one request at a time."""

    def __init__(self, line: socket.socket) -> None:
        self._socket = line
        self._http = h11.Connection(h11.CLIENT)

    @_told()
    def ask(self, request: Request) -> StreamedResponse:
        """Send a request and read the head of its answer. Raises LineError, and so does its body."""
        self._socket.settimeout(request.patience_secs)
        headers = {"host": _HOST, "accept": "*/*", **request.headers}
        if request.content is not None or request.method != "GET":
            headers["content-length"] = str(len(request.content or b""))
        head = h11.Request(method=request.method, target=request.path, headers=list(headers.items()))
        parts = [self._http.send(head)]
        if request.content:
            parts.append(self._http.send(h11.Data(data=request.content)))
        parts.append(self._http.send(h11.EndOfMessage()))
        # The daemon may refuse a body before it has all of it: then its answer says why.
        with suppress(BrokenPipeError, ConnectionResetError):
            self._send(b"".join(part for part in parts if part))
        answer = self._head()
        names = ((name.decode("ascii"), value.decode("latin-1")) for name, value in answer.headers)
        return StreamedResponse(answer.status_code, Headers(names), self._body())

    def has_ended(self) -> bool:
        """Whether the other side ended it, or speaks unasked."""
        self._socket.settimeout(0)
        try:
            self._socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return True

    def renew(self) -> bool:
        """Prepare for the next request, if this one is complete on both sides; return whether it was."""
        complete = self._http.our_state is h11.DONE and self._http.their_state is h11.DONE
        if complete:
            self._http.start_next_cycle()
        return complete

    def close(self) -> None:
        self._socket.close()

    def _send(self, content: bytes) -> None:
        # `sendall` would count the patience over all writes together.
        left = memoryview(content)
        while left:
            left = left[self._socket.send(left) :]

    def _head(self) -> h11.Response:
        while not isinstance(event := self._next(), h11.Response):
            pass  # an informational one
        return event

    def _body(self) -> Iterator[bytes]:
        while isinstance(event := self._next(), h11.Data):
            yield bytes(event.data)

    @_told()
    def _next(self) -> Any:
        """The next event of the answer, which h11 does not type closer."""
        while (event := self._http.next_event()) is h11.NEED_DATA:
            part = self._socket.recv(_CHUNK_BYTES)
            if not part and self._http.their_state is h11.SEND_RESPONSE:
                raise h11.RemoteProtocolError("Server disconnected without sending a response.")
            self._http.receive_data(part)
        return event
